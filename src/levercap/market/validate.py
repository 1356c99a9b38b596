"""Validation of a market's tables. Every problem is found, counted and shown; finding one does not end the search.

The rule of severity: a finding is **fatal** when the meaning of the data is in doubt, that is when a file, a column, a
type or a timezone is not what the schema says, or when more than a stated share of the rows of a table, or of a
snapshot of leverage tiers, is bad. It is a **warning** when single rows are bad, or when the data is clear but
incomplete or unusual: a bad row or ladder of tiers is left out, the hour of a bar that contradicts itself or another is
disputed, and what is missing stays missing in the Panel. One row, one bar from the future or one symbol never stops the
venue. Values of the optional series are never fatal: one that is impossible or disputed is left out, and everything
that reads the series copes with missing values. Nothing is repaired but a high or low that misses another price of its
bar by a rounding error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray
from levercap.market.bars import clean_bars, no_disputes
from levercap.market.brackets import clean_tiers
from levercap.market.rows import out_of_order, repeat_findings, repeats
from levercap.market.settlements import on_the_hour
from levercap.market.tables import NAMED, SCHEMAS, Table

__all__ = ["CleanTables", "clean_tables"]

PLAUSIBLE = {
    "funding_rate": "above -1 and below 1",
    "open_interest": "zero or more",
    "implied_vol": "above 0 and below 10, annualised, decimal (0.85, not 85)",
}


@dataclass(frozen=True, eq=False)
class CleanTables:
    """Tables ready for alignment, and what was left out of them.

    Attributes
    ----------
    frames : by name, each sorted by symbol and time (tiers: by as_of, symbol and tier) without a repeated key; empty
        optional tables are left out
    disputes : hours of bars that were left out, see `CleanBars`
    findings : what was found in the values
    """

    frames: dict[str, pd.DataFrame]
    disputes: pd.DataFrame
    findings: list[Finding]


def clean_tables(tables: Mapping[str, Table], config: MarketConfig) -> CleanTables:
    """Frames of a market's typed tables without what cannot be used, and every problem of their values."""
    frames: dict[str, pd.DataFrame] = {}
    findings: list[Finding] = []
    disputes = no_disputes()
    symbols: list[str] = []
    if "bars" in tables and len(tables["bars"].frame):
        bars = clean_bars(tables["bars"], config)
        frames["bars"], disputes, findings = bars.frame, bars.disputes, bars.findings
        symbols = list(tables["bars"].frame["symbol"].cat.categories)
    for name, table in tables.items():
        if name == "bars" or not len(table.frame):
            continue
        known, found = _with_bars(table, symbols)
        findings += found
        if name == "leverage_tiers":
            frames[name], found = clean_tiers(known, config.bad_rows_share)
        else:
            frames[name], found = _clean_series(known, _end(frames.get("bars")))
        findings += found
    return CleanTables(frames, disputes, findings)


def _end(bars: pd.DataFrame | None) -> pd.Timestamp | None:
    """Close of the last bar, None without bars."""
    return None if bars is None or bars.empty else bars["timestamp"].max() + pd.Timedelta(hours=1)


def _with_bars(table: Table, symbols: list[str]) -> tuple[Table, list[Finding]]:
    """The table without the symbols that have no bars, unless bars have no symbols at all: then that is the problem."""
    if not symbols:
        return table, []
    unknown_symbols = [name for name in table.frame["symbol"].cat.categories if name not in set(symbols)]
    if not unknown_symbols:
        return table, []
    names = f"{', '.join(unknown_symbols[:NAMED])}{', ...' if len(unknown_symbols) > NAMED else ''}"
    message = f"symbols without bars, ignored: {names}"
    found = Finding("symbol_without_bars", Severity.WARNING, table.where("symbol"), message, len(unknown_symbols))
    return table.keep(~table.frame["symbol"].isin(unknown_symbols).to_numpy(dtype=bool)), [found]


def _clean_series(table: Table, end: pd.Timestamp | None) -> tuple[pd.DataFrame, list[Finding]]:
    """One stamped optional series; what is missing, impossible, disputed or stamped after `end` is left out."""
    table = on_the_hour(table) if table.name == "funding" else table
    field, time = SCHEMAS[table.name].numbers[0], SCHEMAS[table.name].time
    value = table.frame[field].to_numpy(dtype=np.float64)
    missing = np.isnan(value) & ~table.unread & (field not in table.unusable)
    impossible = ~np.isnan(value) & ~_plausible(field, value)
    findings = table.finding("value_missing", Severity.WARNING, missing, f"{field} is missing; left out", [field])
    findings += table.finding(
        "value_implausible", Severity.WARNING, impossible, f"{field} is impossible; left out", [field], PLAUSIBLE[field]
    )
    late = np.zeros(len(value), dtype=bool) if end is None else (table.frame[time] > end).to_numpy(dtype=bool)
    message = f"values stamped after the market's end {end:%Y-%m-%dT%H:%MZ}; left out" if end is not None else ""
    hint = "bars up to the same hour"
    findings += table.finding("values_ahead", Severity.WARNING, late, message, [time], hint)
    found = repeats(table, [field])
    rows = found.single[~(np.isnan(value) | impossible | late)[found.single]]
    findings += out_of_order(table) + repeat_findings(table, found, Severity.WARNING)
    return table.frame.iloc[rows].reset_index(drop=True), findings


def _plausible(field: str, value: FloatArray) -> BoolArray:
    if field == "funding_rate":
        return np.abs(value) < 1.0
    if field == "open_interest":
        return (value >= 0.0) & np.isfinite(value)
    return (value > 0.0) & (value < 10.0)
