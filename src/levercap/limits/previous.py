"""Previous limits: what was in force before, how long ago, and what to resume when data return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import DataError, Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray, Status
from levercap.storage.tables import as_numbers, as_text

__all__ = ["PreviousLimits", "previous_limits"]


@dataclass(frozen=True, eq=False)
class PreviousLimits:
    """Limits of earlier runs, (accounts,) each.

    Attributes
    ----------
    limit : last limit in force; NaN where there is none, -inf where what is stated is no number
    resume : limit in force before data were out, the last one where they were not; inf where none was in force then
    days : age of the limit
    """

    limit: FloatArray
    resume: FloatArray
    days: FloatArray

    @property
    def usable(self) -> BoolArray:
        """(accounts,) whether an earlier limit is a positive number."""
        return np.isfinite(self.limit) & (self.limit > 0)

    def take(self, rows: IntArray) -> PreviousLimits:
        """Those of the given accounts."""
        return PreviousLimits(self.limit[rows], self.resume[rows], self.days[rows])


def previous_limits(
    accounts: pd.DataFrame, previous: pd.DataFrame | None, as_of: pd.Timestamp, age_days: float
) -> PreviousLimits:
    """Last limits of the accounts; those without a time, or without any limit, are `age_days` old.

    The latest row of `previous` that is not after `as_of` counts, the smaller limit where two share an instant; then
    the accounts' own column previous_max_leverage. A row of an account that was rejected then stands for the limit it
    had before, if it states one: its limit of zero came from unreadable data.

    Raises
    ------
    DataError
        when `previous` lacks a column, holds limits that are no numbers, or its as_of is not timezone-aware
    """
    limit = np.full(len(accounts), np.nan)
    days = np.full(len(accounts), age_days)
    if "previous_max_leverage" in accounts.columns:
        limit = _numbers(accounts["previous_max_leverage"])
    table = None if previous is None or not len(previous) else _previous_table(previous, as_of, age_days)
    if table is None or table.empty:
        return PreviousLimits(limit, limit, days)
    row = pd.Index(table["account_id"]).get_indexer(pd.Index(accounts["account_id"]))
    stated = {name: table[name].to_numpy()[row] for name in ("max_leverage", "resume", "days")}
    given = (row >= 0) & ~np.isnan(stated["max_leverage"])
    return PreviousLimits(
        np.where(given, stated["max_leverage"], limit),
        np.where(given, stated["resume"], limit),
        np.where(given, stated["days"], days),
    )


def _previous_table(previous: pd.DataFrame, as_of: pd.Timestamp, age_days: float) -> pd.DataFrame:
    """One row per account: account_id, max_leverage, resume, days."""
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
    table["resume"] = table["max_leverage"]
    if "resume_max_leverage" in previous.columns:
        resume = as_numbers(previous["resume_max_leverage"])[0]
        table["resume"] = np.where(resume > 0, resume, table["max_leverage"])
    if "as_of" in previous.columns:
        table["days"] = ((as_of - previous["as_of"]).dt.total_seconds() / 86400.0).to_numpy()
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
