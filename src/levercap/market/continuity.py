"""Continuity of the bars: holes, symbols that ended, unit jumps, and bars outside the time of the market."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.align import HOUR_MICROSECONDS
from levercap.market.rows import keys
from levercap.market.tables import NAMED, Table

__all__ = ["continuity_findings", "outside_findings"]

RECENT_HOURS = 30 * 24
"""Holes of this many hours before the market's end are named first."""


def continuity_findings(table: Table, rows: IntArray, config: MarketConfig) -> list[Finding]:
    """Holes, stale tails and unit jumps of the bars in `rows`, which are sorted by symbol and time."""
    code, stamps = (values[rows] for values in keys(table))
    hour = stamps // HOUR_MICROSECONDS
    names = [str(name) for name in table.frame["symbol"].cat.categories]
    same = np.diff(code) == 0
    return [
        *_holes(table, code, hour, same, names),
        *_stale(table, code, hour, same, names, config.stale_hours),
        *_jumps(table, rows, hour, same, config.unit_jump_ratio),
    ]


def outside_findings(table: Table, rows: IntArray, hour: IntArray, first: int, last: int) -> list[Finding]:
    """Bars in `rows`, opened at `hour`, after the last or before the first hour of the market, by symbol."""
    end, start = _stamp(last + 1), _stamp(first)
    ahead = f"bars after the market's end {end}, which half of the symbols traded in the week before reach; left out"
    before = f"bars a week or more before the market's start {start}; left out"
    hint = "bars of hours that are over, stamped at their open; or those of the other symbols too"
    findings = _outside(table, "bars_ahead", rows[hour > last], hour[hour > last], ahead, hint)
    return findings + _outside(table, "bars_before", rows[hour < first], hour[hour < first], before, hint)


def _outside(table: Table, code: str, rows: IntArray, hour: IntArray, message: str, hint: str) -> list[Finding]:
    """A warning that names each symbol of `rows` with its bars, the first listed being the one with the fewest."""
    if not len(rows):
        return []
    symbol = table.frame["symbol"].iloc[rows].astype("str").to_numpy()
    names, place, counts = np.unique(symbol, return_inverse=True, return_counts=True)
    lines = []
    for j in np.argsort(counts, kind="stable")[:NAMED]:
        own = hour[place == j]
        span = _stamp(int(own.min())) if counts[j] == 1 else f"{_stamp(int(own.min()))} to {_stamp(int(own.max()))}"
        lines.append(f"{names[j]}: {counts[j]:,} bar{'s' if counts[j] > 1 else ''}, opened {span}")
    listed = _listed(lines, len(names))
    return [Finding(code, Severity.WARNING, table.where("timestamp"), message, len(rows), listed, hint)]


def _holes(table: Table, code: IntArray, hour: IntArray, same: BoolArray, names: Sequence[str]) -> list[Finding]:
    after = np.flatnonzero(same & (np.diff(hour) > 1)) + 1
    if not len(after):
        return []
    gap, symbol = hour[after] - hour[after - 1] - 1, code[after]
    missing = np.bincount(symbol, gap, minlength=len(names)).astype(np.int64)
    late = hour[after] > hour.max() - RECENT_HOURS
    recent = np.bincount(symbol[late], gap[late], minlength=len(names)).astype(np.int64)
    lines = []
    for j in _largest(recent, missing):
        own = np.flatnonzero(symbol == j)
        longest = own[np.argmax(gap[own])]
        begin, length = _stamp(int(hour[after[longest] - 1]) + 1), int(gap[longest])
        lines.append(f"{names[j]}: {missing[j]:,} hours in {len(own):,} holes, the longest {length:,} h from {begin}")
    affected = int((missing > 0).sum())
    message = f"missing hours between the first and last bar of {affected} symbols; they stay missing"
    where = table.where("timestamp")
    return [
        Finding("holes", Severity.WARNING, where, message, int(missing.sum()), _listed(lines, affected), "every hour")
    ]


def _stale(
    table: Table, code: IntArray, hour: IntArray, same: BoolArray, names: Sequence[str], stale_hours: int
) -> list[Finding]:
    last = np.flatnonzero(np.append(~same, True))
    age = hour.max() - hour[last]
    stale = last[age > stale_hours]
    stale = stale[np.argsort(-hour[stale], kind="stable")]
    if not len(stale):
        return []
    end = _stamp(int(hour.max()) + 1)
    lines = [f"{names[code[i]]}: last bar closed {_stamp(int(hour[i]) + 1)}" for i in stale]
    message = f"symbols whose bars end more than {stale_hours} hours before the market's end {end}"
    hint = "fresh bars; stale symbols get the fallback limit"
    listed = _listed(lines[:NAMED], len(stale))
    return [Finding("stale_symbols", Severity.WARNING, table.where("timestamp"), message, len(stale), listed, hint)]


def _jumps(table: Table, rows: IntArray, hour: IntArray, same: BoolArray, limit: float) -> list[Finding]:
    close, open_ = (table.frame[name].to_numpy()[rows] for name in ("close", "open"))
    ratio = _ratio(open_[1:], close[:-1])
    jump = np.flatnonzero(same & ((ratio >= limit) | (ratio <= 1.0 / limit)))
    if not len(jump):
        return []
    jump = jump[np.argsort(-hour[jump], kind="stable")]
    symbol = table.frame["symbol"].iloc[rows[jump + 1]]
    lines = [
        f"{name}: close {close[i]:.6g} of {_stamp(int(hour[i]))}, open {open_[i + 1]:.6g} of {_stamp(int(hour[i + 1]))}"
        for name, i in zip(symbol[:NAMED], jump[:NAMED], strict=True)
    ]
    message = (
        f"the next open is {limit:g} times the close or more, or less than its inverse: a redenomination, or a collapse"
    )
    hint = "prices in one unit throughout; a row of symbol_changes with the ratio where the coin was redenominated"
    where = table.where("open", "close")
    return [Finding("unit_jump", Severity.WARNING, where, message, len(jump), _listed(lines, len(jump)), hint)]


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient of prices; one where either is not a positive finite number, which is another finding."""
    usable = (above > 0) & (below > 0) & np.isfinite(above) & np.isfinite(below)
    return np.divide(above, below, out=np.ones_like(above), where=usable)


def _largest(recent: IntArray, counts: IntArray) -> IntArray:
    """Symbols with the most recent missing hours, then with the most of all time; none without any."""
    order = np.lexsort((-counts, -recent))[:NAMED]
    return order[counts[order] > 0]


def _listed(lines: list[str], total: int) -> tuple[str, ...]:
    more = total - len(lines)
    return (*lines, f"and {more:,} more") if more > 0 else tuple(lines)


def _stamp(hour: int) -> str:
    return pd.Timestamp(hour * HOUR_MICROSECONDS, unit="us").strftime("%Y-%m-%dT%H:%MZ")
