"""Withholding forecasts that rest on old prices: a symbol is only as fresh as its last bar."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray
from levercap.core.panel import HOUR, Panel
from levercap.core.snapshot import Snapshot

__all__ = ["hours_since_last_bar", "market_age", "withhold", "withhold_stale"]

WEEK_HOURS = 168.0
LARGEST_LATE_SHARE, LARGEST_LATE_COUNT = 0.4, 2
"""Beyond both the whole market is as late as its late symbols."""


def hours_since_last_bar(panel: Panel, as_of: pd.Timestamp) -> FloatArray:
    """(symbols,) hours from the close of the last bar known at `as_of` to `as_of`; inf for a symbol without any."""
    known = ~np.isnan(panel.close[: panel.rows_known(as_of)])
    if not len(known):
        return np.full(len(panel.symbols), np.inf)
    last = len(known) - 1 - known[::-1].argmax(axis=0)
    hours = (as_of - panel.start - HOUR) / HOUR - last
    return np.asarray(np.where(known.any(axis=0), hours, np.inf))


def market_age(ages: FloatArray) -> float:
    """Age of a market by the ages of its symbols, hours: what at least three in five of those that traded within a week
    do not exceed, though never fewer than all but two of them; inf without any.
    """
    recent = np.sort(ages[ages <= WEEK_HOURS])
    if not len(recent):
        return float(ages.min(initial=np.inf))
    late = max(LARGEST_LATE_COUNT, int(LARGEST_LATE_SHARE * len(recent)))
    return float(recent[max(len(recent) - 1 - late, 0)])


def withhold_stale(snapshot: Snapshot, panel: Panel, stale_hours: int) -> Snapshot:
    """The snapshot without the numbers of symbols whose last bar closed more than `stale_hours` before its instant.

    Also right when the market ends before `snapshot.as_of`, however long: then every symbol is stale.
    """
    age = dict(zip(panel.symbols, hours_since_last_bar(panel, snapshot.as_of), strict=True))
    stale = snapshot.symbols["symbol"].map(age).fillna(np.inf).to_numpy() > stale_hours
    return withhold(snapshot, stale)


def withhold(snapshot: Snapshot, stale: BoolArray) -> Snapshot:
    """The snapshot with some symbols marked and their numbers gone; `stale` has a flag per row of ``snapshot.symbols``.

    Without scenarios of its symbol no limit can be computed: accounts that hold it get the fallback.
    """
    symbols = snapshot.symbols.copy()
    numbers = [name for name in symbols.columns if name not in {"symbol", "state"}]
    symbols.loc[stale, "state"] = "stale"
    symbols.loc[stale, numbers] = np.nan
    gone = set(symbols.loc[stale, "symbol"])
    scenarios = snapshot.scenarios
    keep = np.array([instrument.underlying not in gone for instrument in scenarios.instruments], dtype=bool)
    return dataclasses.replace(
        snapshot,
        symbols=symbols,
        tails=snapshot.tails[~snapshot.tails["symbol"].isin(gone)].reset_index(drop=True),
        scenarios=dataclasses.replace(
            scenarios,
            instruments=tuple(one for one, kept in zip(scenarios.instruments, keep, strict=True) if kept),
            low=np.ascontiguousarray(scenarios.low[keep]),
            high=np.ascontiguousarray(scenarios.high[keep]),
            end=np.ascontiguousarray(scenarios.end[keep]),
        ),
        stressed_factor=snapshot.stressed_factor[keep],
    )
