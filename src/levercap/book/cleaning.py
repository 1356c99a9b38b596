"""Cleaning a book: from accounts and positions as they come in to a portfolio. Every account comes out again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from levercap.book.findings import (
    kind_findings,
    previous_findings,
    rejection_findings,
    segment_findings,
    symbol_findings,
)
from levercap.book.kinds import unsupported_positions
from levercap.book.netting import code_positions, net_positions
from levercap.book.reading import ACCOUNT_COLUMNS, POSITION_COLUMNS, wrong_columns
from levercap.book.rejection import account_flags, position_flags, reasons_by_row
from levercap.core.errors import DataError, Finding, Severity
from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.storage.tables import as_numbers, as_text

__all__ = ["Book", "clean_book"]


@dataclass(frozen=True, eq=False)
class Book:
    """A book with its clean part as a Portfolio.

    Attributes
    ----------
    accounts : every account in input order, account_id as str, equity as float64, other columns untouched; accounts
        seen only in positions are appended at the end, sorted by id
    rejected : (rows of accounts,) whether the account cannot be scored
    reasons : for each row of accounts the codes of `REJECTION_REASONS` that apply, in that order; empty when not
        rejected
    rejected_gross : (rejected rows,) gross notional, quote currency; NaN where one of the notionals is not a number
    portfolio : the accounts not rejected, positions netted per instrument; one that is not among those given is coded
        -1
    unsupported : (accounts of portfolio,) holds a position that is no linear perpetual; it is coded -1
    rows : (accounts of portfolio,) row in `accounts` of each
    listed : number of rows of the accounts table; the others are known from positions only
    positions, orphaned : positions of some size or of none that can be read: all, and those of accounts not listed
    findings : what was noticed; all warnings, since the accounts concerned are rejected and the others scored
    """

    accounts: pd.DataFrame
    rejected: BoolArray
    reasons: tuple[tuple[str, ...], ...]
    rejected_gross: FloatArray
    portfolio: Portfolio
    unsupported: BoolArray
    rows: IntArray
    listed: int
    positions: int
    orphaned: int
    findings: tuple[Finding, ...]


def clean_book(
    accounts: pd.DataFrame,
    positions: pd.DataFrame,
    instruments: tuple[Instrument, ...],
    segments: tuple[str, ...] | None = None,
    market: Collection[str] | None = None,
) -> Book:
    """Book of the accounts and positions of a venue that lists the given instruments.

    The result does not depend on the order of the rows of `positions`. Positions of zero notional are dropped and those
    of one account in one instrument netted. A position of an unsupported kind counts at the bound, whatever its symbol.

    Parameters
    ----------
    accounts, positions : tables with at least `ACCOUNT_COLUMNS` and `POSITION_COLUMNS`
    instruments : what positions can be in, by name; the portfolio is coded in them
    segments : the known ones; None leaves the segment unchecked
    market : symbols with a market; a position in an instrument on none of them is kept, and reported as unknown. None
        stands for every underlying

    Raises
    ------
    DataError : a required column is missing or there is no account at all
    """
    _require_accounts(accounts, positions)
    ids = _code_accounts(as_text(accounts["account_id"]), as_text(positions["account_id"]))
    frame, not_a_number = _all_accounts(accounts, ids)
    notional = as_numbers(positions["notional"])[0]
    flags = account_flags(frame, not_a_number, ids.code, len(accounts))
    by_account = position_flags(positions, notional, ids.holder, int(ids.code.max()) + 1)
    flags |= {reason: flag[ids.code] for reason, flag in by_account.items()}
    rejected = np.logical_or.reduce([*flags.values()])
    rows = np.flatnonzero(~rejected)
    other = unsupported_positions(positions, notional)
    codes = code_positions(positions, notional, instruments, market, other)
    owner = ids.owner(rows)
    findings = rejection_findings(frame, flags) + symbol_findings(positions, codes.unknown)
    findings += kind_findings(positions, other)
    listed = frame[: len(accounts)]
    return Book(
        accounts=frame,
        rejected=rejected,
        reasons=reasons_by_row(flags, rejected),
        rejected_gross=_gross_of(frame["account_id"][rejected], ids, rejected, notional),
        portfolio=net_positions(codes, notional, owner, frame["equity"].to_numpy()[rows]),
        unsupported=np.bincount(owner[other & (owner >= 0)], minlength=len(rows)) > 0,
        rows=rows,
        listed=len(accounts),
        positions=int((notional != 0.0).sum()),
        orphaned=int(((notional != 0.0) & ids.orphaned).sum()),
        findings=(*findings, *segment_findings(listed, segments), *previous_findings(listed)),
    )


@dataclass(frozen=True, eq=False)
class _AccountCodes:
    """Accounts by number.

    Attributes
    ----------
    texts, holders : ids of the rows of the accounts table, and of the positions
    orphans : ids known from positions only, sorted
    code : (rows of accounts, then orphans,) equal for rows of one id
    holder : (positions,) code of the account each belongs to
    """

    texts: pa.Array
    holders: pa.Array
    orphans: list[str]
    code: IntArray
    holder: IntArray

    @property
    def orphaned(self) -> BoolArray:
        """(positions,) whether the account is not in the accounts table."""
        return self.holder >= int(self.code.max()) + 1 - len(self.orphans)

    def owner(self, rows: IntArray) -> IntArray:
        """(positions,) place among the given rows of the account each belongs to, -1 for none of them."""
        account = np.full(int(self.code.max()) + 1, -1, dtype=np.int64)
        account[self.code[rows]] = np.arange(len(rows))
        return np.asarray(account[self.holder], dtype=np.int64)


def _require_accounts(accounts: pd.DataFrame, positions: pd.DataFrame) -> None:
    problems = wrong_columns(accounts, ACCOUNT_COLUMNS, "accounts")
    problems += wrong_columns(positions, POSITION_COLUMNS, "positions")
    if not problems and not len(accounts):
        hint = f"one row per account: {', '.join(ACCOUNT_COLUMNS)}"
        problems.append(Finding("book_empty", Severity.FATAL, "accounts", "the book has no accounts", 0, hint=hint))
    if problems:
        raise DataError("the book cannot be used", problems)


def _code_accounts(texts: pa.Array, holders: pa.Array) -> _AccountCodes:
    coded = texts.dictionary_encode()
    code = coded.indices.to_numpy()
    holder = _place(holders, coded.dictionary, -1)
    orphans = sorted(pc.unique(holders.filter(pa.array(holder < 0))).to_pylist()) if (holder < 0).any() else []
    if orphans:
        late = _place(holders, pa.array(orphans, pa.large_string()), 0)
        holder = np.where(holder < 0, len(coded.dictionary) + late, holder)
        code = np.append(code, len(coded.dictionary) + np.arange(len(orphans)))
    return _AccountCodes(texts, holders, orphans, code, holder)


def _place(texts: pa.Array, among: pa.Array, missing: int) -> IntArray:
    """Index of each text in `among`, `missing` where it is not there."""
    found = pc.index_in(texts, among).fill_null(missing).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.int64)


def _all_accounts(accounts: pd.DataFrame, ids: _AccountCodes) -> tuple[pd.DataFrame, BoolArray]:
    """Accounts with those known from positions only behind them, and whose equity is stated and is no number."""
    equity, not_a_number = as_numbers(accounts["equity"])
    frame = accounts.reset_index(drop=True).assign(account_id=ids.texts.to_pandas().astype("str"), equity=equity)
    if not ids.orphans:
        return frame, not_a_number
    every = pd.Series([*ids.texts.to_pylist(), *ids.orphans], dtype="str")
    frame = frame.astype({name: _holding_missing(dtype) for name, dtype in frame.dtypes.items()})
    frame = frame.reindex(range(len(every))).assign(account_id=every)
    return frame, np.append(not_a_number, np.zeros(len(ids.orphans), dtype=bool))


def _gross_of(accounts: pd.Series, ids: _AccountCodes, rejected: BoolArray, notional: FloatArray) -> FloatArray:
    """(rejected rows,) gross notional, zero without a position and NaN where a notional is."""
    if not rejected.any():
        return np.zeros(0)
    wanted = np.zeros(int(ids.code.max()) + 1, dtype=bool)
    wanted[ids.code[rejected]] = True
    held = wanted[ids.holder]
    holders = ids.holders.filter(pa.array(held)).to_pandas().astype("str").to_numpy()
    with np.errstate(over="ignore"):
        gross = pd.Series(np.abs(notional[held])).groupby(holders).sum(skipna=False)
    return np.asarray(accounts.map(gross).where(accounts.isin(gross.index), 0.0), dtype=np.float64)


def _holding_missing(dtype: Any) -> Any:
    """The type that holds the same values and missing ones too."""
    kind = dtype.kind if isinstance(dtype, np.dtype) else ""
    return {"b": "boolean", "i": "Int64", "u": "UInt64"}.get(kind, dtype)
