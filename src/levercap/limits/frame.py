"""The limits frames: their columns, how they are put together, and how an earlier one is read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.book import Book
from levercap.core.errors import DataError, Finding, Severity
from levercap.core.names import FloatArray, Status
from levercap.policy import cap_columns
from levercap.storage.tables import as_numbers, as_text

__all__ = [
    "RISK_COLUMNS",
    "assemble",
    "limit_columns",
    "pass_through",
    "previous_limits",
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
        "headroom",
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


def previous_limits(
    accounts: pd.DataFrame, previous: pd.DataFrame | None, as_of: pd.Timestamp, age_days: float
) -> tuple[FloatArray, FloatArray]:
    """Last limit of each account and its age in days, (accounts,) each; NaN and `age_days` where there is none.

    The latest row of `previous` that is not after `as_of` counts, the smaller limit where two share an instant; then
    the accounts' own column previous_max_leverage. A row of an account that was rejected then stands for the limit it
    had before, if it states one: its limit of zero came from unreadable data. A limit without a time is `age_days` old.

    Raises
    ------
    DataError
        when `previous` lacks a column, holds limits that are no numbers, or its as_of is not timezone-aware
    """
    limit = np.full(len(accounts), np.nan)
    days = np.full(len(accounts), age_days)
    if "previous_max_leverage" in accounts.columns:
        limit = _numbers(accounts["previous_max_leverage"])
    if previous is None or not len(previous):
        return limit, days
    table = _previous_table(previous, as_of, age_days)
    row = pd.Index(table["account_id"]).get_indexer(pd.Index(accounts["account_id"]))
    given = (row >= 0) & ~np.isnan(table["max_leverage"].to_numpy()[row])
    limit = np.where(given, table["max_leverage"].to_numpy()[row], limit)
    return limit, np.where(given, table["days"].to_numpy()[row], days)


def _previous_table(previous: pd.DataFrame, as_of: pd.Timestamp, age_days: float) -> pd.DataFrame:
    """One row per account: account_id, max_leverage, days."""
    _check_previous(previous)
    table = pd.DataFrame(
        {
            "account_id": _texts(previous["account_id"]),
            "max_leverage": _numbers(previous["max_leverage"]),
            "days": age_days,
        }
    )
    if {"status", "previous_max_leverage"} <= set(previous.columns):
        rejected = (previous["status"] == Status.REJECTED.value).to_numpy()
        table["max_leverage"] = np.where(rejected, _numbers(previous["previous_max_leverage"]), table["max_leverage"])
    if "as_of" in previous.columns:
        table["days"] = (as_of - previous["as_of"]).dt.total_seconds() / 86400.0
        table = table[~(table["days"] < 0)]
    if table["account_id"].is_unique:
        return table
    newest_last = table.sort_values(["days", "max_leverage"], ascending=False, kind="stable", na_position="first")
    return newest_last.drop_duplicates("account_id", keep="last")


def _check_previous(previous: pd.DataFrame) -> None:
    findings = [
        Finding(
            "column_missing", Severity.FATAL, "previous", f"missing column: {name}", hint="account_id, max_leverage"
        )
        for name in ("account_id", "max_leverage")
        if name not in previous.columns
    ]
    if "as_of" in previous.columns and not isinstance(previous["as_of"].dtype, pd.DatetimeTZDtype):
        findings.append(
            Finding(
                "timestamp_not_utc",
                Severity.FATAL,
                "previous: as_of",
                f"timestamps without timezone: {previous['as_of'].dtype}",
                len(previous),
                hint="timezone-aware UTC: frame['as_of'] = pd.to_datetime(frame['as_of'], utc=True)",
            )
        )
    if findings:
        raise DataError("the previous limits cannot be used", findings)


def _numbers(column: pd.Series) -> FloatArray:
    """As float64; what is there but is no number becomes -inf, which the guardrails treat as invalid."""
    values, wrong = as_numbers(column)
    return np.where(wrong, -np.inf, values)


def _texts(column: pd.Series) -> pd.Series:
    texts: pd.Series = as_text(column).to_pandas().astype("str")
    return texts
