"""Reasons: why a symbol is in its state, in a few words with hours and counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.quality import SymbolState
from levercap.market.quality.coverage import window_counts
from levercap.market.quality.recipe import QualityRecipe
from levercap.market.quality.states import Faults, States

__all__ = ["instant", "state_reasons"]


def state_reasons(
    states: States, faults: Faults, timestamps: pd.DatetimeIndex, stale_hours: int, recipe: QualityRecipe
) -> list[str]:
    """One text per symbol, empty where it is fresh."""
    out = []
    for j, state in enumerate(states.state):
        if state == SymbolState.UNKNOWN:
            text = "no usable hour"
        elif state == SymbolState.DISPUTED:
            text = _disputed(j, faults, timestamps, recipe)
        elif state == SymbolState.FROZEN:
            text = f"unchanged, without range or volume, or too coarse: {_counts(faults.frozen, j, faults, recipe)}"
        elif state == SymbolState.STALE:
            text = f"last good bar closed {states.age[j]:.4g} h before the instant, more than {stale_hours} h"
        elif state == SymbolState.GAPPY:
            text = f"missing or masked: {_counts(~faults.trusted, j, faults, recipe)}"
            text += ", the violent ones among them" if states.violent[j] else ""
        elif state == SymbolState.YOUNG:
            wanted = 24 * recipe.young_days
            have = int(states.history[j])
            text = f"{have:,} usable hours of history, {wanted - have:,} missing of {wanted:,}"
        else:
            text = ""
        out.append(text)
    return out


def instant(stamp: pd.Timestamp) -> str:
    """The instant as findings write it."""
    return str(stamp.strftime("%Y-%m-%dT%H:%MZ"))


def _counts(flags: np.ndarray, j: int, faults: Faults, recipe: QualityRecipe) -> str:
    """How many hours of each window."""
    parts = []
    for hours in recipe.window_hours:
        count, possible = window_counts(flags[:, [j]], faults.present[:, [j]], hours)
        since = min(int(possible[-1, 0]), hours)
        parts.append(f"{min(int(count[-1, 0]), since)} of {since} h")
    return ", ".join(parts)


def _disputed(j: int, faults: Faults, timestamps: pd.DatetimeIndex, recipe: QualityRecipe) -> str:
    parts = []
    jump = int(faults.disputes.jump_row[j])
    if jump >= 0 and len(timestamps) - jump <= 24 * recipe.unit_jump_days:
        factor = float(np.exp(np.clip(faults.disputes.jump[j], -300.0, 300.0)))
        parts.append(f"level x{factor:.4g} since {instant(timestamps[jump])}, not explained: another unit or coin?")
    since = len(timestamps) - recipe.disputed_hours
    for text, flags in (
        ("unconfirmed price", faults.disputes.prints),
        ("contradictory rows", faults.contradictory),
    ):
        rows = np.flatnonzero(flags[:, j])
        rows = rows[rows >= since]
        if len(rows):
            parts.append(f"{text} in {len(rows)} h, the last opened {instant(timestamps[rows[-1]])}")
    return "; ".join(parts)
