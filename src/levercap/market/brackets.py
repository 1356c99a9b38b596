"""Checks of the leverage tiers: every symbol has one ladder per snapshot, and the ladder is possible."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.brackets import broken_steps, impossible_tiers
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, IntArray
from levercap.market.tables import Table
from levercap.venue.tiers import maintenance_amounts_of

__all__ = ["clean_tiers"]

KEY = ["as_of", "symbol", "tier"]
NEEDED = ["tier", "notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate"]
STEP_HINT = "floors start at zero and equal the cap before; leverage never rises and rates never fall with notional"


def clean_tiers(table: Table) -> tuple[pd.DataFrame, list[Finding]]:
    """Tiers sorted by as_of, symbol and tier, one ladder per symbol and snapshot; and every problem of theirs."""
    findings = _value_findings(table)
    usable = table.frame[["as_of", "symbol", *(c for c in NEEDED if c not in table.unusable)]].notna().all(axis=1)
    rows = np.flatnonzero(usable.to_numpy(dtype=bool))
    rows, repeats = _single_ladders(table, rows)
    findings += repeats
    if not table.unusable:
        findings += _ladder_findings(table, rows)
    clean = table.frame.iloc[rows].reset_index(drop=True)
    return clean.assign(symbol=clean["symbol"].astype("str")), findings


def _value_findings(table: Table) -> list[Finding]:
    frame = table.frame
    floor, cap = frame["notional_floor"].to_numpy(), frame["notional_cap"].to_numpy()
    leverage, rate = frame["max_leverage"].to_numpy(), frame["maintenance_margin_rate"].to_numpy()
    amount = frame["maintenance_amount"].to_numpy()
    there = [name for name in NEEDED if name not in table.unusable]
    missing = frame[there].isna().any(axis=1).to_numpy(dtype=bool)
    findings = table.finding(
        "tier_value_missing",
        Severity.FATAL,
        missing,
        "tiers that lack a value",
        there,
        "only maintenance_amount may be empty",
    )
    wrong = impossible_tiers(floor, cap, leverage, rate, amount)
    checks = (
        ("tier_bounds", ["notional_floor", "notional_cap"], "0 <= floor < cap"),
        ("tier_leverage", ["max_leverage"], "above zero and finite"),
        ("tier_rate", ["maintenance_margin_rate"], "above 0, at most 1 (0.004 for 0.4 %)"),
        ("tier_amount", ["maintenance_amount"], "zero or more, or empty"),
    )
    for code, columns, hint in checks:
        bad = wrong[code.removeprefix("tier_")]
        what = f"impossible {' or '.join(columns)}"
        findings += table.finding(code, Severity.FATAL, bad, what, columns, hint)
    with np.errstate(over="ignore"):
        early = (rate * leverage > 1) & (rate <= 1) & np.isfinite(leverage)
    return findings + table.finding(
        "tier_maintenance_above_initial",
        Severity.WARNING,
        early,
        "the maintenance margin exceeds the initial margin 1 / max_leverage",
        ["max_leverage", "maintenance_margin_rate"],
        "maintenance_margin_rate <= 1 / max_leverage",
    )


def _single_ladders(table: Table, rows: IntArray) -> tuple[IntArray, list[Finding]]:
    """Rows of one ladder per symbol and snapshot, sorted by `KEY`.

    Where a tier number comes twice, the symbol has several ladders (a perpetual's and those of dated futures, say): in
    the order of the file a new ladder begins where the number does not rise, and the first one listed is kept. Rows
    repeated outright count once.
    """
    frame = table.frame.iloc[rows].reset_index(drop=True)
    unique = ~frame.duplicated().to_numpy(dtype=bool)
    again = frame[unique].duplicated(KEY, keep=False).reindex(frame.index, fill_value=False)
    several = again.groupby([frame["as_of"], frame["symbol"]], observed=True).transform("any").to_numpy(dtype=bool)
    falls = frame.groupby(["as_of", "symbol"], observed=True)["tier"].diff().le(0)
    ladder = falls.groupby([frame["as_of"], frame["symbol"]], observed=True).cumsum().to_numpy()
    keep = np.where(several, ladder == 0, unique)
    findings = table.finding(
        "duplicate_rows",
        Severity.WARNING,
        rows[~unique & ~several],
        "repeated rows; the first is kept",
        KEY,
        "one row each",
    )
    findings += table.finding(
        "tier_ladders",
        Severity.WARNING,
        rows[several & ~keep],
        "tiers of further ladders of the same symbol; the ladder listed first is kept",
        KEY,
        "one ladder per as_of and symbol",
    )
    starts = frame["notional_floor"].eq(0.0).to_numpy(dtype=bool)
    mixed = several & falls.to_numpy(dtype=bool) & ~starts
    findings += table.finding(
        "tier_ladders_mixed",
        Severity.FATAL,
        rows[mixed],
        "several ladders of one symbol whose rows are mixed up: they cannot be told apart",
        KEY,
        "one ladder per as_of and symbol",
    )
    order = frame[keep].sort_values(KEY, kind="stable").index.to_numpy()
    return rows[order], findings


def _ladder_findings(table: Table, rows: IntArray) -> list[Finding]:
    """Ladders whose steps do not follow on each other; `rows` are sorted by `KEY`."""
    frame = table.frame.iloc[rows]
    first = np.append(True, _changes(frame["as_of"].to_numpy()) | _changes(frame["symbol"].cat.codes.to_numpy()))
    floor, cap, leverage, rate = (frame[name].to_numpy(dtype=np.float64) for name in NEEDED[1:])
    broken = broken_steps(first, floor, cap, leverage, rate)
    findings = table.finding(
        "tier_order", Severity.FATAL, rows[broken], "tiers that do not follow on the one before", NEEDED, STEP_HINT
    )
    if broken.any():
        return findings
    ladders = frame[["symbol", "notional_floor", "maintenance_margin_rate"]].assign(symbol=np.cumsum(first))
    expected = maintenance_amounts_of(ladders)
    given = frame["maintenance_amount"].to_numpy(dtype=np.float64)
    off = np.abs(given - expected) > 1.0 + 1e-6 * np.abs(expected)
    return findings + table.finding(
        "tier_amount_discontinuous",
        Severity.WARNING,
        rows[off],
        "the maintenance margin jumps at the floor of the tier; the amounts are used as given",
        ["maintenance_amount"],
        "amount before + floor * (rate - rate before)",
    )


def _changes(values: np.ndarray) -> BoolArray:
    return np.asarray(values[1:] != values[:-1], dtype=bool)
