"""The hours that quality looks at: complete bars of the last 400 days, their logarithms and the symbol's own scale."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.panel import BAR_FIELDS, HOUR, OPTIONAL_FIELDS, Panel

__all__ = ["NORMAL_MEAN", "Hours", "known_panel", "last_row", "last_true", "recent_hours", "rolling_count"]

NORMAL_MEAN = float(np.sqrt(np.pi / 2.0))
"""Standard deviation over mean absolute value of a normal distribution."""

PRICES = ("open", "high", "low", "close")

LONGEST_PADDING = 60 * 24
"""Hours that a panel is extended by to the instant; a feed that is older has no good hour in any window."""


@dataclass(frozen=True, eq=False)
class Hours:
    """Logarithms of complete bars, (hours, symbols), NaN where the bar is missing; the last row closes at the instant.

    Attributes
    ----------
    timestamps : hourly opens, UTC
    open, high, low, close : log prices
    volume : base units, NaN where it or the bar is missing
    present : whether all four prices are there
    """

    timestamps: pd.DatetimeIndex
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    present: BoolArray


def known_panel(panel: Panel, as_of: pd.Timestamp) -> Panel:
    """The panel as known at `as_of`, extended by missing hours up to it; bars that lack a price are missing as a whole.

    A copy: its bar fields may be written to.
    """
    known = panel.until(as_of)
    late = min(int((as_of - known.end) // HOUR), LONGEST_PADDING)
    stamps = pd.date_range(known.start, periods=len(known.timestamps) + max(late, 0), freq="h", unit="us")
    empty = np.full((max(late, 0), len(known.symbols)), np.nan)
    fields: dict[str, Any] = {}
    for name in (*BAR_FIELDS, *OPTIONAL_FIELDS):
        values = getattr(known, name)
        keep = values is None or (late <= 0 and name in OPTIONAL_FIELDS)
        fields[name] = values if keep else np.concatenate([values, empty])
    broken = ~np.logical_and.reduce([np.isfinite(fields[name]) & (fields[name] > 0) for name in PRICES])
    for name in BAR_FIELDS:
        np.putmask(fields[name], broken, np.nan)
    return dataclasses.replace(known, timestamps=stamps, **fields)


def recent_hours(panel: Panel, days: int) -> Hours:
    """The last `days` of a panel whose incomplete bars are missing as a whole."""
    rows = slice(-24 * days, None)
    logs = {name: np.log(getattr(panel, name)[rows]) for name in PRICES}
    return Hours(panel.timestamps[rows], volume=panel.volume[rows], present=np.isfinite(panel.close[rows]), **logs)


def last_row(there: BoolArray) -> IntArray:
    """(hours, symbols) latest row up to and including this one where `there`, -1 before the first."""
    rows = np.where(there, np.arange(len(there))[:, None], -1)
    return np.asarray(np.maximum.accumulate(rows, axis=0), dtype=np.int64)


def last_true(flags: BoolArray) -> IntArray:
    """(symbols,) latest row where `flags` is true, -1 without one."""
    latest = len(flags) - 1 - np.argmax(flags[::-1], axis=0)
    return np.where(flags.any(axis=0), latest, -1)


def rolling_count(flags: BoolArray, hours: int) -> IntArray:
    """(hours, symbols) number of true ones among the last `hours`, fewer at the beginning."""
    total = np.cumsum(flags, axis=0, dtype=np.int64)
    total[hours:] = total[hours:] - total[:-hours]
    return total
