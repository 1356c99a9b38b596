"""Checks of the bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.align import HOUR_MICROSECONDS
from levercap.market.rows import MISSING, drop_repeats, keys, out_of_order
from levercap.market.tables import Table

__all__ = ["clean_bars"]

PRICES = ["open", "high", "low", "close"]
PLAUSIBLE_YEARS = (1990, 2100)
LISTED = 10
"""Symbols listed one by one in a finding about symbols."""


def clean_bars(table: Table, config: MarketConfig) -> tuple[pd.DataFrame, list[Finding]]:
    """Bars sorted by symbol and time, one per hour, without those that lack a price; and every problem of theirs."""
    findings = _time_findings(table) + _price_findings(table) + _volume_findings(table) + out_of_order(table)
    rows, repeats = drop_repeats(table, [*PRICES, "volume"], Severity.FATAL)
    findings += repeats
    complete = rows[~np.isnan(table.frame[PRICES].to_numpy()).any(axis=1)[rows]]
    clean = table.frame.iloc[complete].reset_index(drop=True)
    if len(complete):
        findings += _continuity_findings(table, complete, config)
    elif len(rows) and not table.unusable:
        message = "no bar has all its prices"
        findings.append(Finding("table_empty", Severity.FATAL, table.where(), message, len(rows), hint="bars"))
    return clean.assign(symbol=clean["symbol"].cat.remove_unused_categories()), findings


def _time_findings(table: Table) -> list[Finding]:
    _, stamps = keys(table)
    there = stamps != MISSING
    low, high = (pd.Timestamp(f"{year}-01-01").as_unit("us").value // 1000 for year in PLAUSIBLE_YEARS)
    findings = table.finding(
        "timestamp_not_hourly",
        Severity.FATAL,
        there & (stamps % HOUR_MICROSECONDS != 0),
        "bars that do not open on the hour",
        ["timestamp"],
        "hourly bars stamped at their open, e.g. 2025-06-30T13:00:00+00:00",
    )
    return findings + table.finding(
        "timestamp_implausible",
        Severity.FATAL,
        there & ((stamps < low) | (stamps >= high)),
        f"bars before {PLAUSIBLE_YEARS[0]} or after {PLAUSIBLE_YEARS[1]}: the unit of the timestamps is probably wrong",
        ["timestamp"],
        "instants, e.g. 2025-06-30T13:00:00+00:00",
    )


def _price_findings(table: Table) -> list[Finding]:
    prices = table.frame[PRICES].to_numpy()
    open_, high, low, close = prices.T
    readable = [i for i, name in enumerate(PRICES) if name not in table.unusable]
    inconsistent = (high < np.maximum(open_, close)) | (low > np.minimum(open_, close)) | (high < low)
    findings = table.finding(
        "price_not_positive",
        Severity.FATAL,
        np.any(prices <= 0, axis=1),
        "prices at or below zero",
        PRICES,
        "prices above zero",
    )
    findings += table.finding(
        "price_not_finite", Severity.FATAL, np.any(np.isinf(prices), axis=1), "infinite prices", PRICES, "finite prices"
    )
    findings += table.finding(
        "high_low_inconsistent",
        Severity.FATAL,
        inconsistent,
        "high below, or low above, another price of the bar",
        PRICES,
        "low <= open, close <= high",
    )
    return findings + table.finding(
        "price_missing",
        Severity.WARNING,
        np.isnan(prices[:, readable]).any(axis=1),
        "bars that lack a price; treated as holes",
        PRICES,
        "all four prices, or no row",
    )


def _volume_findings(table: Table) -> list[Finding]:
    volume = table.frame["volume"].to_numpy()
    findings = table.finding(
        "volume_negative", Severity.FATAL, volume < 0, "negative volumes", ["volume"], "base units, zero or more"
    )
    findings += table.finding(
        "volume_not_finite",
        Severity.FATAL,
        np.isinf(volume),
        "infinite volumes",
        ["volume"],
        "base units, zero or more",
    )
    missing = np.isnan(volume) & ("volume" not in table.unusable)
    return findings + table.finding(
        "volume_missing", Severity.WARNING, missing, "bars without volume; it stays missing", ["volume"], "base units"
    )


def _continuity_findings(table: Table, rows: IntArray, config: MarketConfig) -> list[Finding]:
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


def _holes(table: Table, code: IntArray, hour: IntArray, same: BoolArray, names: Sequence[str]) -> list[Finding]:
    gap = np.where(same, np.maximum(np.diff(hour) - 1, 0), 0)
    if not gap.any():
        return []
    missing = np.bincount(code[1:], gap, minlength=len(names)).astype(np.int64)
    lines = []
    for j in _largest(missing):
        own = np.flatnonzero((code[1:] == j) & (gap > 0))
        longest = own[np.argmax(gap[own])]
        begin, length = _stamp(int(hour[longest]) + 1), int(gap[longest])
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
    if not len(stale):
        return []
    end = _stamp(int(hour.max()) + 1)
    lines = [f"{names[code[i]]}: last bar closed {_stamp(int(hour[i]) + 1)}" for i in stale]
    message = f"symbols whose bars end more than {stale_hours} hours before the market's end {end}"
    hint = "fresh bars; stale symbols get the fallback limit"
    listed = _listed(lines[:LISTED], len(stale))
    return [Finding("stale_symbols", Severity.WARNING, table.where("timestamp"), message, len(stale), listed, hint)]


def _jumps(table: Table, rows: IntArray, hour: IntArray, same: BoolArray, limit: float) -> list[Finding]:
    close, open_ = (table.frame[name].to_numpy()[rows] for name in ("close", "open"))
    ratio = _ratio(open_[1:], close[:-1])
    jump = np.flatnonzero(same & ((ratio >= limit) | (ratio <= 1.0 / limit)))
    if not len(jump):
        return []
    symbol = table.frame["symbol"].iloc[rows[jump + 1]]
    lines = [
        f"{name}: close {close[i]:.6g} of {_stamp(int(hour[i]))}, open {open_[i + 1]:.6g} of {_stamp(int(hour[i + 1]))}"
        for name, i in zip(symbol[:LISTED], jump[:LISTED], strict=True)
    ]
    message = (
        f"the next open is {limit:g} times the close or more, or less than its inverse: a redenomination, or a collapse"
    )
    hint = "prices in one unit throughout; divide the older ones by the ratio if the coin was redenominated"
    where = table.where("open", "close")
    return [Finding("unit_jump", Severity.WARNING, where, message, len(jump), _listed(lines, len(jump)), hint)]


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient of prices; one where either is not a positive finite number, which is another finding."""
    usable = (above > 0) & (below > 0) & np.isfinite(above) & np.isfinite(below)
    return np.divide(above, below, out=np.ones_like(above), where=usable)


def _largest(counts: IntArray) -> IntArray:
    order = np.argsort(-counts, kind="stable")[:LISTED]
    return order[counts[order] > 0]


def _listed(lines: list[str], total: int) -> tuple[str, ...]:
    more = total - len(lines)
    return (*lines, f"and {more:,} more") if more > 0 else tuple(lines)


def _stamp(hour: int) -> str:
    return pd.Timestamp(hour * HOUR_MICROSECONDS, unit="us").strftime("%Y-%m-%dT%H:%MZ")
