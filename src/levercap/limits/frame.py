"""The limits frames: their columns, and how they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.book import Book
from levercap.policy import cap_columns

__all__ = [
    "RISK_COLUMNS",
    "assemble",
    "limit_columns",
    "pass_through",
    "spread",
    "symbol_limit_columns",
]

RISK_COLUMNS: Final = (
    "var_99",
    "es_975",
    "path_var_99",
    "path_es_975",
    "liquidation_probability",
    "shock_probability",
)
"""Risk numbers that are shown, fractions of gross notional and probabilities over the horizon."""

PROVENANCE: Final = ("bundle_id", "config_hash", "data_hash")


def limit_columns() -> tuple[str, ...]:
    """Columns of the limits frame; the accounts' own other columns follow."""
    return (
        "account_id",
        "as_of",
        "status",
        "max_leverage",
        "unguarded_max_leverage",
        "guardrail_effect",
        "effective_leverage",
        "previous_max_leverage",
        "resume_max_leverage",
        "headroom",
        "headroom_long",
        "headroom_short",
        *RISK_COLUMNS,
        "binding",
        *cap_columns(),
        "action",
        "reasons",
        *PROVENANCE,
    )


def symbol_limit_columns() -> tuple[str, ...]:
    """Columns of the symbol limits frame."""
    return (
        "as_of",
        "symbol",
        "side",
        "status",
        "max_leverage",
        *(name for name in RISK_COLUMNS if name != "liquidation_probability"),
        "binding",
        *cap_columns(),
        *PROVENANCE,
    )


def spread(values: Any, book: Book) -> Any:
    """Values of the portfolio's accounts on all rows of the book; NaN, or the empty text, on rejected ones."""
    if len(book.rows) == len(book.accounts):
        return values
    text = values.dtype == object
    out = np.full(len(book.accounts), "" if text else np.nan, dtype=object if text else np.float64)
    out[book.rows] = values
    return out


def pass_through(accounts: pd.DataFrame) -> pd.DataFrame:
    """The accounts' own other columns, untouched; one named like an output column becomes ``input_<name>``."""
    own = accounts.drop(columns=["account_id", "previous_max_leverage"], errors="ignore")
    taken = {*limit_columns()}
    return own.rename(columns={name: f"input_{name}" for name in own.columns if name in taken})


def assemble(names: tuple[str, ...], columns: Mapping[str, Any], as_of: pd.Timestamp) -> pd.DataFrame:
    """Frame of the given columns in the given order; a text is repeated, texts are str, times are UTC microseconds."""
    size = len(columns["max_leverage"])
    instant = np.full(size, as_of.as_unit("us").to_datetime64())
    out: dict[str, Any] = {"as_of": pd.DatetimeIndex(instant).tz_localize("UTC")}
    for name in names:
        values = columns.get(name, out.get(name))
        if isinstance(values, str):
            values = np.full(size, values, dtype=object)
        out[name] = pd.array(values, dtype="str") if values.dtype == object else values
    return pd.DataFrame(out, columns=list(names))
