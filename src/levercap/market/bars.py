"""Checks of the bars: rows that cannot be true are disputed and left out, tiny inconsistencies are widened."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.align import HOUR_MICROSECONDS
from levercap.market.clock import market_hours
from levercap.market.continuity import continuity_findings, outside_findings
from levercap.market.rows import MISSING, in_doubt, keys, out_of_order, repeat_findings, repeats
from levercap.market.stamps import EARLIEST, LATEST, MICROS
from levercap.market.tables import Table

__all__ = ["CleanBars", "clean_bars", "no_disputes"]

PRICES = ["open", "high", "low", "close"]


@dataclass(frozen=True, eq=False)
class CleanBars:
    """Bars ready for alignment, and what was left out of them.

    Attributes
    ----------
    frame : one bar per symbol and hour within the time of the market, all four prices there, sorted by symbol and time
    disputes : symbol, timestamp (open of the hour), reason (code of a finding): hours whose bars were left out because
        they contradict themselves or each other or cannot be read; sorted, without repeats
    findings : every problem of the bars
    """

    frame: pd.DataFrame
    disputes: pd.DataFrame
    findings: list[Finding]


@dataclass(frozen=True, eq=False)
class Check:
    """One way in which a row of bars cannot be true: code of the finding, rows, and what to say of them."""

    code: str
    bad: BoolArray
    message: str
    columns: list[str]
    hint: str


def clean_bars(table: Table, config: MarketConfig) -> CleanBars:
    """Bars without the rows that cannot be true, and every problem of theirs.

    Rows that cannot be true are warnings and disputes. They are fatal where more than `config.bad_rows_share` of the
    rows are bad: then it is the meaning of the table that is in doubt.
    """
    table, findings = _widened(table, config.price_tolerance)
    checks = [*_time_checks(table), *_price_checks(table), *_volume_checks(table)]
    repeated = repeats(table, [*PRICES, "volume"])
    bad = _any([table.unread, *(check.bad for check in checks)])
    bad[repeated.disputed] = True
    severity = Severity.FATAL if in_doubt(table, bad, config.bad_rows_share) else Severity.WARNING
    for check in checks:
        findings += table.finding(check.code, severity, check.bad, check.message, check.columns, check.hint)
    findings += _missing_findings(table, bad) + out_of_order(table) + repeat_findings(table, repeated, severity)
    rows = repeated.single[~bad[repeated.single]]
    complete = rows[~_missing(table, PRICES)[rows]]
    if len(complete):
        complete, found = _within_market(table, complete, config)
        findings += found
    elif len(rows) and not table.unusable:
        message = "no bar has all its prices"
        findings.append(Finding("table_empty", Severity.FATAL, table.where(), message, len(rows), hint="bars"))
    clean = table.frame.iloc[complete].reset_index(drop=True)
    clean = clean.assign(symbol=clean["symbol"].cat.remove_unused_categories())
    return CleanBars(clean, _disputes(table, checks, repeated.disputed), findings)


def no_disputes() -> pd.DataFrame:
    """The table of disputes without any."""
    instants = pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    texts = pd.Series([], dtype="str")
    return pd.DataFrame({"symbol": texts, "timestamp": instants, "reason": texts})


def _widened(table: Table, tolerance: float) -> tuple[Table, list[Finding]]:
    """The table with highs and lows widened to open and close where they miss them by at most `tolerance`."""
    open_, high, low, close = (table.frame[name].to_numpy() for name in PRICES)
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    raised = (high < top) & (high >= top * (1.0 - tolerance)) & (bottom > 0)
    lowered = (low > bottom) & (low <= bottom * (1.0 + tolerance)) & (bottom > 0)
    message = f"high below, or low above, open or close by at most {tolerance:g} of the price; widened to them"
    findings = table.finding("high_low_widened", Severity.WARNING, raised | lowered, message, PRICES, RANGE_HINT)
    if not findings:
        return table, []
    widened = table.frame.assign(high=np.where(raised, top, high), low=np.where(lowered, bottom, low))
    return dataclasses.replace(table, frame=widened), findings


RANGE_HINT = "low <= open, close <= high"


def _time_checks(table: Table) -> list[Check]:
    _, stamps = keys(table)
    there = stamps != MISSING
    return [
        Check(
            "timestamp_not_hourly",
            there & (stamps % HOUR_MICROSECONDS != 0),
            "bars that do not open on the hour",
            ["timestamp"],
            "hourly bars stamped at their open, e.g. 2025-06-30T13:00:00+00:00",
        ),
        Check(
            "timestamp_implausible",
            there & ((stamps < EARLIEST * MICROS) | (stamps >= LATEST * MICROS)),
            "bars before 1990 or after 2099: the unit of the timestamps is probably wrong",
            ["timestamp"],
            "instants, e.g. 2025-06-30T13:00:00+00:00; of integers: pd.to_datetime(values, unit='ms', utc=True)",
        ),
    ]


def _price_checks(table: Table) -> list[Check]:
    open_, high, low, close = prices = [table.frame[name].to_numpy() for name in PRICES]
    lowest, highest = np.minimum(open_, close), np.maximum(open_, close)
    inconsistent = (high < highest) | (low > lowest) | (high < low)
    not_positive, infinite = (_any([test(price) for price in prices]) for test in (_at_most_zero, np.isinf))
    message = "high below, or low above, another price of the bar"
    return [
        Check("price_not_positive", not_positive, "prices at or below zero", PRICES, "prices above zero"),
        Check(
            "price_not_finite",
            infinite,
            "infinite prices",
            PRICES,
            "finite prices",
        ),
        Check("high_low_inconsistent", inconsistent, message, PRICES, RANGE_HINT),
    ]


def _volume_checks(table: Table) -> list[Check]:
    volume, hint = table.frame["volume"].to_numpy(), "base units, zero or more"
    return [
        Check("volume_negative", volume < 0, "negative volumes", ["volume"], hint),
        Check("volume_not_finite", np.isposinf(volume), "infinite volumes", ["volume"], hint),
    ]


def _missing_findings(table: Table, bad: BoolArray) -> list[Finding]:
    """Prices and volumes that are not there, of rows that are not bad for another reason."""
    readable = [name for name in PRICES if name not in table.unusable]
    missing = _missing(table, readable) & ~bad
    message, hint = "bars that lack a price; treated as holes", "all four prices, or no row"
    findings = table.finding("price_missing", Severity.WARNING, missing, message, PRICES, hint)
    missing = _missing(table, ["volume"]) & ~bad & ("volume" not in table.unusable)
    message = "bars without volume; it stays missing"
    return findings + table.finding("volume_missing", Severity.WARNING, missing, message, ["volume"], "base units")


def _missing(table: Table, columns: list[str]) -> BoolArray:
    """Rows that lack a number in any of `columns`."""
    nothing = np.zeros(len(table.frame), dtype=bool)
    return _any([nothing, *(np.isnan(table.frame[name].to_numpy()) for name in columns)])


def _at_most_zero(price: FloatArray) -> BoolArray:
    return price <= 0.0


def _any(masks: Sequence[BoolArray]) -> BoolArray:
    """Rows in any of the masks."""
    return np.asarray(functools.reduce(np.logical_or, masks), dtype=bool)


def _within_market(table: Table, rows: IntArray, config: MarketConfig) -> tuple[IntArray, list[Finding]]:
    """The `rows` within the time of the market, and findings about those outside and about holes and jumps inside."""
    code, stamps = (values[rows] for values in keys(table))
    hour = stamps // HOUR_MICROSECONDS
    first, last = market_hours(code, hour)
    findings = outside_findings(table, rows, hour, first, last)
    inside = rows[(hour >= first) & (hour <= last)]
    return inside, findings + continuity_findings(table, inside, config)


def _disputes(table: Table, checks: list[Check], disagreeing: IntArray) -> pd.DataFrame:
    """Hours of the rows left out, with the reason; rows whose symbol or hour is not known are in no hour."""
    code, stamps = keys(table)
    named = [(check.code, np.flatnonzero(check.bad)) for check in checks if check.code != "timestamp_implausible"]
    named += [("duplicate_rows_disagree", disagreeing), ("not_a_number", np.flatnonzero(table.unread))]
    implausible = next(check.bad for check in checks if check.code == "timestamp_implausible")
    known = (code >= 0) & (stamps != MISSING) & ~implausible
    parts = [no_disputes()]
    for reason, found in named:
        rows = found[known[found]]
        opens = (stamps[rows] // HOUR_MICROSECONDS * HOUR_MICROSECONDS).view("datetime64[us]")
        symbol = table.frame["symbol"].iloc[rows].astype("str").to_numpy()
        instants = pd.DatetimeIndex(opens, tz="UTC")
        parts.append(pd.DataFrame({"symbol": symbol, "timestamp": instants, "reason": reason}))
    disputes = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True).drop_duplicates()
    return disputes.sort_values(["symbol", "timestamp", "reason"], ignore_index=True).astype(
        {"symbol": "str", "reason": "str", "timestamp": "datetime64[us, UTC]"}
    )
