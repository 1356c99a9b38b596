"""Outage of the feed: so many symbols are out at once that the cross-section cannot be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, IntArray
from levercap.core.quality import SCORED, SymbolState
from levercap.market.quality.hours import last_true
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["FeedOutage", "feed_outage"]

WEEK = 168


@dataclass(frozen=True, eq=False)
class FeedOutage:
    """An outage of the feed at the last hour.

    Attributes
    ----------
    out : columns of the symbols that are out
    own : the state of each of these by itself
    traded : number of symbols that traded within a week
    states : (symbols,) states under the outage: all stale, but those without any data
    whole : latest row of `scoreable` at which the market was whole, -1 without one
    last_good : (symbols,) latest row of `scoreable` up to `whole` at which each symbol could be scored
    rows : number of rows of `scoreable`
    """

    out: IntArray
    own: list[SymbolState]
    traded: int
    states: list[SymbolState]
    whole: int
    last_good: IntArray
    rows: int

    def reason(self, own: str) -> str:
        """Reason of one symbol, before it that of its own state."""
        text = f"{len(self.out)} of {self.traded} symbols of the feed are out"
        return f"{own}; {text}" if own else text


def feed_outage(
    states: Sequence[SymbolState], present: BoolArray, scoreable: BoolArray, recipe: QualityRecipe
) -> FeedOutage | None:
    """The outage, when more than the stated share of the symbols that traded within a week are out; else None."""
    traded = present[-WEEK:].any(axis=0)
    outside = np.array([state not in SCORED for state in states], dtype=bool)
    out, count = np.flatnonzero(traded & outside), int(traded.sum())
    if len(out) < recipe.feed_symbols or len(out) <= recipe.feed_share * count:
        return None
    healthy = scoreable[:, traded].sum(axis=1, keepdims=True)
    whole = int(last_true(np.asarray(healthy >= (1.0 - recipe.feed_share) * count))[0])
    last_good = last_true(scoreable[: whole + 1]) if whole >= 0 else np.full(len(states), -len(scoreable) - 1)
    stale = [SymbolState.STALE if state != SymbolState.UNKNOWN else state for state in states]
    return FeedOutage(out, [states[int(j)] for j in out], count, stale, whole, last_good, len(scoreable))
