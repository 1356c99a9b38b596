"""Rejection: the reasons for which an account cannot be scored, and which of them apply to whom."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.storage.tables import as_text

__all__ = ["REJECTION_REASONS", "RejectionReason", "account_flags", "position_flags", "reasons_by_row"]

EQUITY_HINT = "a positive number, quote currency"


class RejectionReason(NamedTuple):
    """Why an account is rejected.

    Attributes
    ----------
    column : where the problem lies
    message : what is wrong
    hint : what was expected
    """

    column: str
    message: str
    hint: str


REJECTION_REASONS = {
    "account_id_missing": RejectionReason("account_id", "accounts without an id", "a non-empty id"),
    "duplicate_account": RejectionReason(
        "account_id", "accounts listed more than once; none of the rows can be trusted", "one row each"
    ),
    "account_missing": RejectionReason(
        "account_id", "accounts with positions that are not in the accounts table", "a row for each"
    ),
    "equity_missing": RejectionReason("equity", "accounts without equity", EQUITY_HINT),
    "equity_not_a_number": RejectionReason("equity", "accounts whose equity is not a number", EQUITY_HINT),
    "equity_not_finite": RejectionReason("equity", "accounts whose equity is infinite", EQUITY_HINT),
    "equity_not_positive": RejectionReason("equity", "accounts with zero or negative equity", EQUITY_HINT),
    "notional_not_finite": RejectionReason(
        "notional", "accounts with a notional that is missing or not finite", "a signed number"
    ),
    "symbol_missing": RejectionReason(
        "symbol", "accounts with a position without symbol", "a symbol of the market, e.g. BTCUSDT"
    ),
}
"""Every reason by its code, in the order in which they are stated."""


def account_flags(frame: pd.DataFrame, not_a_number: BoolArray, code: IntArray, listed: int) -> dict[str, BoolArray]:
    """For each reason that lies in an account's own row, (rows,) whether it applies.

    Parameters
    ----------
    frame : all accounts; those from row `listed` on are known from positions only
    not_a_number : (rows,) equity is stated and is no number
    code : (rows,) equal for rows of one account_id
    """
    equity = frame["equity"].to_numpy()
    orphan = np.arange(len(frame)) >= listed
    with np.errstate(invalid="ignore"):
        return {
            "account_id_missing": frame["account_id"].eq("").to_numpy(dtype=bool),
            "duplicate_account": (np.bincount(code) > 1)[code],
            "account_missing": orphan,
            "equity_missing": np.isnan(equity) & ~not_a_number & ~orphan,
            "equity_not_a_number": not_a_number,
            "equity_not_finite": np.isinf(equity),
            "equity_not_positive": np.isfinite(equity) & (equity <= 0),
        }


def position_flags(
    positions: pd.DataFrame, notional: FloatArray, holder: IntArray, accounts: int
) -> dict[str, BoolArray]:
    """For each reason that lies in a position, (accounts,) whether it applies; `holder` is the account of each."""
    gross = np.bincount(holder, np.abs(notional), minlength=accounts)
    return {
        "notional_not_finite": ~np.isfinite(gross),
        "symbol_missing": _any(_is_empty(positions["symbol"]), holder, accounts),
    }


def reasons_by_row(flags: dict[str, BoolArray], rejected: BoolArray) -> tuple[tuple[str, ...], ...]:
    """Codes of the reasons that apply to each row, in the order of `REJECTION_REASONS`."""
    out: list[tuple[str, ...]] = [()] * len(rejected)
    for row in np.flatnonzero(rejected):
        out[row] = tuple(reason for reason in REJECTION_REASONS if flags[reason][row])
    return tuple(out)


def _is_empty(column: Any) -> BoolArray:
    return np.asarray(pc.equal(as_text(column), "").to_numpy(zero_copy_only=False), dtype=bool)


def _any(flag: BoolArray, group: IntArray, groups: int) -> BoolArray:
    return np.bincount(group, flag, minlength=groups) > 0
