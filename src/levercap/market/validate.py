"""Validation of a market's tables. Every problem is found, counted and shown; finding one does not end the search.

The rule of severity: a finding is **fatal** when the meaning of the data is in doubt, that is when the structure, the
types or the time of any table cannot be read, or when bars or leverage tiers state what cannot be true or contradict
themselves. It is a **warning** when the data is clear but incomplete or unusual: what is missing stays missing in the
Panel, nothing is repaired. Values of the optional series are never fatal: one that is impossible or disputed is left
out, and everything that reads the series copes with missing values.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray
from levercap.market.bars import clean_bars
from levercap.market.brackets import clean_tiers
from levercap.market.rows import drop_repeats, out_of_order
from levercap.market.tables import SCHEMAS, Table

__all__ = ["clean_tables"]

PLAUSIBLE = {
    "funding_rate": "above -1 and below 1",
    "open_interest": "zero or more",
    "implied_vol": "above 0 and below 10, annualised, decimal (0.85, not 85)",
}


def clean_tables(tables: Mapping[str, Table], config: MarketConfig) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """Frames ready for alignment, and what was found in their values. Empty optional tables are left out.

    Every frame is sorted by symbol and time (tiers: by as_of, symbol and tier) and has no repeated key.
    """
    clean: dict[str, pd.DataFrame] = {}
    findings: list[Finding] = []
    if "bars" in tables and len(tables["bars"].frame):
        clean["bars"], findings = clean_bars(tables["bars"], config)
    symbols = list(tables["bars"].frame["symbol"].cat.categories) if "bars" in tables else []
    for name, table in tables.items():
        if name == "bars" or not len(table.frame):
            continue
        known, found = _with_bars(table, symbols)
        findings += found
        clean[name], found = clean_tiers(known) if name == "leverage_tiers" else _clean_series(known)
        findings += found
    return clean, findings


def _with_bars(table: Table, symbols: list[str]) -> tuple[Table, list[Finding]]:
    """The table without the symbols that have no bars, unless bars have no symbols at all: then that is the problem."""
    if not symbols:
        return table, []
    unknown_symbols = [name for name in table.frame["symbol"].cat.categories if name not in set(symbols)]
    if not unknown_symbols:
        return table, []
    names = f"{', '.join(unknown_symbols[:10])}{', ...' if len(unknown_symbols) > 10 else ''}"
    message = f"symbols without bars, ignored: {names}"
    found = Finding("symbol_without_bars", Severity.WARNING, table.where("symbol"), message, len(unknown_symbols))
    return table.keep(~table.frame["symbol"].isin(unknown_symbols).to_numpy(dtype=bool)), [found]


def _clean_series(table: Table) -> tuple[pd.DataFrame, list[Finding]]:
    """One stamped optional series; repeated rows that disagree, missing and impossible values are left out."""
    field = SCHEMAS[table.name].numbers[0]
    value = table.frame[field].to_numpy(dtype=np.float64)
    missing = np.isnan(value) & (field not in table.unusable)
    impossible = ~np.isnan(value) & ~_plausible(field, value)
    findings = table.finding("value_missing", Severity.WARNING, missing, f"{field} is missing; left out", [field])
    findings += table.finding(
        "value_implausible", Severity.WARNING, impossible, f"{field} is impossible; left out", [field], PLAUSIBLE[field]
    )
    findings += out_of_order(table)
    rows, repeats = drop_repeats(table, [field], Severity.WARNING)
    rows = rows[~np.isnan(value[rows]) & ~impossible[rows]]
    return table.frame.iloc[rows].reset_index(drop=True), findings + repeats


def _plausible(field: str, value: FloatArray) -> BoolArray:
    if field == "funding_rate":
        return np.abs(value) < 1.0
    if field == "open_interest":
        return (value >= 0.0) & np.isfinite(value)
    return (value > 0.0) & (value < 10.0)
