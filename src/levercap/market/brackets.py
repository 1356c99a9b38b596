"""Checks of the leverage tiers: every symbol has one ladder per snapshot, and the ladder is possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.brackets import broken_steps, impossible_tiers
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, IntArray
from levercap.market.rows import in_doubt
from levercap.market.tables import Table
from levercap.venue.tiers import maintenance_amounts_of

__all__ = ["clean_tiers"]

KEY = ["as_of", "symbol", "tier"]
NEEDED = ["tier", "notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate"]
TESTED = {
    "tier_bounds": (["notional_floor", "notional_cap"], "0 <= floor < cap"),
    "tier_leverage": (["max_leverage"], "above zero and finite"),
    "tier_rate": (["maintenance_margin_rate"], "above 0, at most 1 (0.004 for 0.4 %)"),
    "tier_amount": (["maintenance_amount"], "zero or more, or empty"),
}
"""Columns of each test of `impossible_tiers`, and what they must be."""
STEP_HINT = "floors start at zero and equal the cap before; leverage never rises and rates never fall with notional"


@dataclass(frozen=True, eq=False)
class Problem:
    """Tiers that cannot be true: code of the finding, rows of the table, and what to say of them."""

    code: str
    rows: IntArray
    message: str
    columns: list[str]
    hint: str


def clean_tiers(table: Table, bad_rows_share: float) -> tuple[pd.DataFrame, list[Finding]]:
    """Tiers sorted by as_of, symbol and tier, one ladder per symbol and snapshot; and every problem of theirs.

    A ladder that cannot be true is left out, its symbol being one without tiers then. It is fatal where more than
    `bad_rows_share` of the rows of its snapshot are of such ladders, see `in_doubt`.
    """
    usable = table.frame[["as_of", "symbol", *(c for c in NEEDED if c not in table.unusable)]].notna().all(axis=1)
    rows, mixed, findings = _single_ladders(table, np.flatnonzero(usable.to_numpy(dtype=bool)))
    problems = [*_value_problems(table), mixed]
    problems += [_order_problem(table, rows)] if not table.unusable else []
    bad = _whole_ladders(table, np.concatenate([problem.rows for problem in problems]))
    severity = Severity.FATAL if _any_in_doubt(table, bad, bad_rows_share) else Severity.WARNING
    for problem in problems:
        message = f"{problem.message}; their ladders are left out" if severity == Severity.WARNING else problem.message
        findings += table.finding(problem.code, severity, problem.rows, message, problem.columns, problem.hint)
    rows = rows[~bad[rows]]
    if not table.unusable and severity == Severity.WARNING:
        findings += _amount_findings(table, rows)
    clean = table.frame.iloc[rows].reset_index(drop=True)
    return clean.assign(symbol=clean["symbol"].astype("str")), findings + _early_findings(table)


def _whole_ladders(table: Table, rows: IntArray) -> BoolArray:
    """All rows of the ladders that hold one of `rows`."""
    ladder = table.frame.groupby(["as_of", "symbol"], observed=True, dropna=False).ngroup().to_numpy()
    return np.isin(ladder, np.unique(ladder[rows]))


def _any_in_doubt(table: Table, bad: BoolArray, share: float) -> bool:
    """Whether the rows of any snapshot are bad in a larger share than that."""
    as_of = table.frame["as_of"]
    snapshots = [(as_of == stamp).to_numpy(dtype=bool) for stamp in as_of[bad].unique()]
    return any(in_doubt(table.keep(own), bad[own], share) for own in snapshots)


def _value_problems(table: Table) -> list[Problem]:
    frame = table.frame
    floor, cap = frame["notional_floor"].to_numpy(), frame["notional_cap"].to_numpy()
    leverage, rate = frame["max_leverage"].to_numpy(), frame["maintenance_margin_rate"].to_numpy()
    amount = frame["maintenance_amount"].to_numpy()
    there = [name for name in NEEDED if name not in table.unusable]
    missing = frame[there].isna().any(axis=1).to_numpy(dtype=bool)
    message, hint = "tiers that lack a value", "only maintenance_amount may be empty"
    wrong = {f"tier_{what}": bad for what, bad in impossible_tiers(floor, cap, leverage, rate, amount).items()}
    return [
        Problem("tier_value_missing", np.flatnonzero(missing), message, there, hint),
        *(
            Problem(code, np.flatnonzero(wrong[code]), f"impossible {' or '.join(columns)}", columns, hint)
            for code, (columns, hint) in TESTED.items()
        ),
    ]


def _early_findings(table: Table) -> list[Finding]:
    """Tiers in which positions are liquidated before their initial margin is lost."""
    leverage, rate = (table.frame[name].to_numpy() for name in ("max_leverage", "maintenance_margin_rate"))
    with np.errstate(over="ignore"):
        early = (rate * leverage > 1) & (rate <= 1) & np.isfinite(leverage)
    message = "the maintenance margin exceeds the initial margin 1 / max_leverage"
    columns, hint = ["max_leverage", "maintenance_margin_rate"], "maintenance_margin_rate <= 1 / max_leverage"
    return table.finding("tier_maintenance_above_initial", Severity.WARNING, early, message, columns, hint)


def _single_ladders(table: Table, rows: IntArray) -> tuple[IntArray, Problem, list[Finding]]:
    """Rows of one ladder per symbol and snapshot, sorted by `KEY`; ladders that cannot be told apart; and findings.

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
    message = "several ladders of one symbol whose rows are mixed up: they cannot be told apart"
    problem = Problem("tier_ladders_mixed", rows[mixed], message, KEY, "one ladder per as_of and symbol")
    order = frame[keep].sort_values(KEY, kind="stable").index.to_numpy()
    return rows[order], problem, findings


def _order_problem(table: Table, rows: IntArray) -> Problem:
    """Tiers that do not follow on the one before; `rows` are sorted by `KEY`."""
    frame = table.frame.iloc[rows]
    first = _first(frame)
    floor, cap, leverage, rate = (frame[name].to_numpy(dtype=np.float64) for name in NEEDED[1:])
    broken = broken_steps(first, floor, cap, leverage, rate)
    return Problem("tier_order", rows[broken], "tiers that do not follow on the one before", NEEDED, STEP_HINT)


def _amount_findings(table: Table, rows: IntArray) -> list[Finding]:
    """Amounts that make the maintenance margin jump; `rows` are sorted by `KEY` and their ladders possible."""
    frame = table.frame.iloc[rows]
    if frame.empty:
        return []
    ladders = frame[["symbol", "notional_floor", "maintenance_margin_rate"]].assign(symbol=np.cumsum(_first(frame)))
    expected = maintenance_amounts_of(ladders)
    given = frame["maintenance_amount"].to_numpy(dtype=np.float64)
    off = np.abs(given - expected) > 1.0 + 1e-6 * np.abs(expected)
    return table.finding(
        "tier_amount_discontinuous",
        Severity.WARNING,
        rows[off],
        "the maintenance margin jumps at the floor of the tier; the amounts are used as given",
        ["maintenance_amount"],
        "amount before + floor * (rate - rate before)",
    )


def _first(frame: pd.DataFrame) -> BoolArray:
    """Which rows begin a ladder."""
    begins = _changes(frame["as_of"].to_numpy()) | _changes(frame["symbol"].cat.codes.to_numpy())
    return np.append(True, begins)[: len(frame)]


def _changes(values: np.ndarray) -> BoolArray:
    return np.asarray(values[1:] != values[:-1], dtype=bool)
