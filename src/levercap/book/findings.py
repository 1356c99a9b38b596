"""Findings about a book: what was noticed in it, with the first rows concerned. All are warnings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.book.reading import ACCOUNT_COLUMNS, POSITION_COLUMNS
from levercap.book.rejection import REJECTION_REASONS
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray
from levercap.core.text import is_missing, shortened, text_of
from levercap.storage.tables import as_numbers

__all__ = ["kind_findings", "previous_findings", "rejection_findings", "segment_findings", "symbol_findings"]

EXAMPLES = 3
"""Rows that a finding shows."""


def rejection_findings(frame: pd.DataFrame, flags: dict[str, BoolArray]) -> list[Finding]:
    """One finding per reason for which any row of the accounts is rejected."""
    return [
        finding
        for code, reason in REJECTION_REASONS.items()
        for finding in _finding(code, reason.column, frame, flags[code], reason.message, reason.hint)
    ]


def symbol_findings(positions: pd.DataFrame, unknown: BoolArray) -> list[Finding]:
    """Positions in symbols that no market is known for."""
    message = "positions in symbols without a market"
    return _finding("symbol_unknown", "symbol", positions, unknown, message, "a symbol of the market")


def kind_findings(positions: pd.DataFrame, unsupported: BoolArray) -> list[Finding]:
    """Positions that are stated to be another thing than a linear perpetual."""
    message = "positions that are no linear perpetual: outside the scenarios, counted at the bound"
    return _finding("kind_not_supported", "kind", positions, unsupported, message, "perp, or no column kind")


def segment_findings(frame: pd.DataFrame, segments: tuple[str, ...] | None) -> list[Finding]:
    """Accounts whose segment is not one of `segments`; None checks nothing."""
    if segments is None:
        return []
    known = [isinstance(value, str) and value in segments for value in frame["segment"].tolist()]
    unknown = ~np.array(known, dtype=bool)
    return _finding("segment_unknown", "segment", frame, unknown, "accounts of an unknown segment", ", ".join(segments))


def previous_findings(frame: pd.DataFrame) -> list[Finding]:
    """Accounts whose previous limit is stated and is no positive number."""
    name = "previous_max_leverage"
    if name not in frame.columns:
        return []
    previous, text = as_numbers(frame[name])
    with np.errstate(invalid="ignore"):
        wrong = text | np.isinf(previous) | (previous <= 0)
    message = "previous limits that are not positive numbers"
    return _finding(f"{name}_invalid", name, frame, wrong, message, "above zero, or empty")


def _shown(value: object) -> str:
    """A value as a finding shows it; a missing one as pandas writes it."""
    return str(value) if is_missing(value) else shortened(text_of(value))


def _finding(code: str, column: str, frame: pd.DataFrame, flag: BoolArray, message: str, hint: str) -> list[Finding]:
    rows = np.flatnonzero(flag)
    if not len(rows):
        return []
    names = [c for c in (*ACCOUNT_COLUMNS, *POSITION_COLUMNS[1:], column) if c in frame.columns]
    lines = tuple(
        f"row {row + 1:,}: " + " ".join(f"{name}={_shown(frame[name].iloc[row])}" for name in dict.fromkeys(names))
        for row in rows[:EXAMPLES]
    )
    table = "positions" if "notional" in frame.columns else "accounts"
    return [Finding(code, Severity.WARNING, f"{table}: {column}", message, len(rows), lines, hint)]
