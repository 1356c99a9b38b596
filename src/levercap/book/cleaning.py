"""The book: accounts and positions as they come in, and the clean portfolio made of them. No account is ever lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from levercap.core.errors import DataError, Finding, Severity
from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.storage.tables import as_numbers, as_text, read_frame

__all__ = ["ACCOUNT_COLUMNS", "POSITION_COLUMNS", "Book", "clean_book", "read_book"]

ACCOUNT_COLUMNS = ("account_id", "equity", "segment")
POSITION_COLUMNS = ("account_id", "symbol", "notional")
TEXT_COLUMNS = ("account_id", "segment", "jurisdiction", "symbol", "kind")
EXAMPLES = 3
DUST = 1e-12
"""A net notional at or below this share of the notionals it nets is rounding, not a position."""

REASONS = {
    "account_id_missing": ("account_id", "accounts without an id", "a non-empty id"),
    "duplicate_account": (
        "account_id",
        "accounts listed more than once; none of the rows can be trusted",
        "one row each",
    ),
    "account_missing": ("account_id", "accounts with positions that are not in the accounts table", "a row for each"),
    "equity_missing": ("equity", "accounts without equity", "a positive number, quote currency"),
    "equity_not_a_number": ("equity", "accounts whose equity is not a number", "a positive number, quote currency"),
    "equity_not_finite": ("equity", "accounts whose equity is infinite", "a positive number, quote currency"),
    "equity_not_positive": ("equity", "accounts with zero or negative equity", "a positive number, quote currency"),
    "notional_not_finite": ("notional", "accounts with a notional that is missing or not finite", "a signed number"),
    "symbol_missing": ("symbol", "accounts with a position without symbol", "a symbol of the market, e.g. BTCUSDT"),
    "kind_not_supported": ("kind", "accounts with a position that is no perpetual", "perp, or no column kind"),
}
"""Every reason for which an account is rejected: column, what is wrong, what was expected."""


@dataclass(frozen=True, eq=False)
class Book:
    """A book with its clean part as a Portfolio.

    Attributes
    ----------
    accounts : every account in input order, account_id as str, equity as float64, other columns untouched; accounts
        seen only in positions are appended at the end, sorted by id
    rejected : (rows of accounts,) whether the account cannot be scored
    reasons : for each row of accounts the codes of `REASONS` that apply, in that order; empty when not rejected
    portfolio : the accounts not rejected, positions netted per instrument; one that is not among those
        given is coded -1
    rows : (accounts of portfolio,) row in `accounts` of each
    findings : what was noticed; all warnings, since the accounts concerned are rejected and the others scored
    """

    accounts: pd.DataFrame
    rejected: BoolArray
    reasons: tuple[tuple[str, ...], ...]
    portfolio: Portfolio
    rows: IntArray
    findings: tuple[Finding, ...]


def read_book(accounts: Path, positions: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts and positions from Parquet or CSV files, or folders of them; ids stay strings.

    Raises
    ------
    DataError
        with every missing or unreadable file and every missing column of both
    """
    findings: list[Finding] = []
    frames = []
    for path, needed in ((Path(accounts), ACCOUNT_COLUMNS), (Path(positions), POSITION_COLUMNS)):
        try:
            frame = read_frame(path, TEXT_COLUMNS)
        except FileNotFoundError:
            message, hint = f"the file {path} does not exist", f"a Parquet or CSV file with {', '.join(needed)}"
            findings.append(Finding("file_missing", Severity.FATAL, path.name, message, hint=hint))
        except (pa.ArrowException, OSError, ValueError) as error:
            message = f"the file cannot be read: {str(error).splitlines()[0]}"
            findings.append(Finding("file_unreadable", Severity.FATAL, path.name, message, hint="Parquet or CSV"))
        else:
            findings += _wrong_columns(frame, needed, path.name)
            frames.append(frame)
    if findings:
        raise DataError("the book cannot be used", findings)
    return frames[0], frames[1]


def clean_book(
    accounts: pd.DataFrame,
    positions: pd.DataFrame,
    instruments: tuple[Instrument, ...],
    segments: tuple[str, ...] | None = None,
) -> Book:
    """Book of the accounts and positions of a venue that lists the given instruments.

    The result does not depend on the order of the rows of `positions`. Positions of zero notional are dropped and those
    of one account in one instrument netted. `segments` are the known ones; None leaves the segment unchecked.

    Raises
    ------
    DataError
        when a required column is missing or there is no account at all
    """
    problems = _wrong_columns(accounts, ACCOUNT_COLUMNS, "accounts")
    problems += _wrong_columns(positions, POSITION_COLUMNS, "positions")
    if not problems and not len(accounts):
        hint = f"one row per account: {', '.join(ACCOUNT_COLUMNS)}"
        problems.append(Finding("book_empty", Severity.FATAL, "accounts", "the book has no accounts", 0, hint=hint))
    if problems:
        raise DataError("the book cannot be used", problems)

    ids, holders = as_text(accounts["account_id"]), as_text(positions["account_id"])
    coded = ids.dictionary_encode()
    code = coded.indices.to_numpy()
    holder = pc.index_in(holders, coded.dictionary).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    strangers = sorted(pc.unique(holders.filter(pa.array(holder < 0))).to_pylist()) if (holder < 0).any() else []
    if strangers:
        late = pc.index_in(holders, pa.array(strangers, pa.large_string())).fill_null(0).to_numpy(zero_copy_only=False)
        holder = np.where(holder < 0, len(coded.dictionary) + late, holder)
        code = np.append(code, len(coded.dictionary) + np.arange(len(strangers)))
    known = len(accounts)

    frame, equity, flags = _account_flags(accounts, ids, strangers, code)
    notional = as_numbers(positions["notional"])[0]
    position_flags = _position_flags(positions, notional, holder, int(code.max()) + 1)
    flags |= {reason: flag[code] for reason, flag in position_flags.items()}
    rejected = np.logical_or.reduce([*flags.values()])
    rows = np.flatnonzero(~rejected)

    portfolio, unknown = _portfolio(positions, notional, holder, code, rows, equity[rows], instruments)
    findings = [f for reason in REASONS for f in _reason_finding(reason, frame, flags[reason])]
    findings += _finding(
        "symbol_unknown",
        "symbol",
        positions,
        unknown,
        "positions in symbols without a market",
        "a symbol of the market",
    )
    findings += _segment_findings(frame[:known], segments) + _previous_findings(frame[:known])
    return Book(frame, rejected, _reason_tuples(flags, rejected), portfolio, rows, tuple(findings))


def _account_flags(
    accounts: pd.DataFrame, ids: pa.Array, strangers: list[str], code: IntArray
) -> tuple[pd.DataFrame, FloatArray, dict[str, BoolArray]]:
    """All accounts, their equity, and for each reason of an account's own which rows it applies to."""
    equity, text = as_numbers(accounts["equity"])
    frame = accounts.reset_index(drop=True).assign(account_id=ids.to_pandas().astype("str"), equity=equity)
    more = len(strangers)
    if more:
        frame = frame.astype({name: _holding_missing(dtype) for name, dtype in frame.dtypes.items()})
        tail = pd.DataFrame({"account_id": pd.Series(strangers, dtype="str")}).reindex(columns=frame.columns)
        tail = tail.astype(frame.dtypes.to_dict())
        frame = pd.concat([frame, tail], ignore_index=True)
        equity, text = np.append(equity, np.full(more, np.nan)), np.append(text, np.zeros(more, dtype=bool))
    stranger = np.arange(len(frame)) >= len(accounts)
    with np.errstate(invalid="ignore"):
        flags = {
            "account_id_missing": frame["account_id"].eq("").to_numpy(dtype=bool),
            "duplicate_account": (np.bincount(code) > 1)[code],
            "account_missing": stranger,
            "equity_missing": np.isnan(equity) & ~text & ~stranger,
            "equity_not_a_number": text,
            "equity_not_finite": np.isinf(equity),
            "equity_not_positive": np.isfinite(equity) & (equity <= 0),
        }
    return frame, equity, flags


def _position_flags(
    positions: pd.DataFrame, notional: FloatArray, holder: IntArray, accounts: int
) -> dict[str, BoolArray]:
    """For each reason that lies in a position, whether it applies, per account code."""
    gross = np.bincount(holder, np.abs(notional), minlength=accounts)
    nameless = as_text(positions["symbol"])
    flags = {
        "notional_not_finite": ~np.isfinite(gross),
        "symbol_missing": _any(pc.equal(nameless, "").to_numpy(zero_copy_only=False), holder, accounts),
        "kind_not_supported": np.zeros(accounts, dtype=bool),
    }
    if "kind" in positions.columns:
        other = ~pc.is_in(as_text(positions["kind"]), pa.array(["", "perp"], pa.large_string())).to_numpy(
            zero_copy_only=False
        )
        flags["kind_not_supported"] = _any(other, holder, accounts)
    return flags


def _portfolio(
    positions: pd.DataFrame,
    notional: FloatArray,
    holder: IntArray,
    code: IntArray,
    rows: IntArray,
    equity: FloatArray,
    instruments: tuple[Instrument, ...],
) -> tuple[Portfolio, BoolArray]:
    """Netted positions of the accounts in `rows`, and which position rows name none of `instruments`.

    Unknown symbols keep their names while netting, so that two of them never cancel; they come first, sorted by name.
    """
    coded = as_text(positions["symbol"]).dictionary_encode()
    names = [str(name) for name in coded.dictionary.to_pylist()]
    listed = [instrument.name for instrument in instruments]
    unknown_symbols = sorted(set(names) - set(listed))
    rank = {name: i for i, name in enumerate([*unknown_symbols, *listed])}
    order = np.array([rank[name] for name in names], dtype=np.int64)
    symbol = order[coded.indices.to_numpy()] if names else np.zeros(0, dtype=np.int64)
    unknown = (symbol < len(unknown_symbols)) & ~_text_is_empty(coded)

    account = np.full(int(code.max()) + 1, -1, dtype=np.int64)
    account[code[rows]] = np.arange(len(rows))
    owner = account[holder]
    keep = (owner >= 0) & (notional != 0.0)
    width = len(rank)
    key, net = _netted(owner[keep] * width + symbol[keep], notional[keep])
    owner = key // width
    offsets = np.searchsorted(owner, np.arange(len(rows) + 1)).astype(np.int64)
    portfolio = Portfolio(instruments, equity, offsets, np.maximum(key % width - len(unknown_symbols), -1), net)
    return portfolio, unknown


def _netted(key: IntArray, notional: FloatArray) -> tuple[IntArray, FloatArray]:
    """Sum of notionals per key, keys ascending, whatever the order of the rows; what nets to rounding is dropped."""
    order = np.argsort(key, kind="stable")
    key, notional = key[order], notional[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, dtype=np.int64)
    if len(first) == len(key):
        return key, notional
    order = np.lexsort((notional, key))  # sums depend on the order of their terms: fix it
    notional = notional[order]
    net, gross = np.add.reduceat(notional, first), np.add.reduceat(np.abs(notional), first)
    keep = np.abs(net) > DUST * gross
    return key[first][keep], net[keep]


def _reason_tuples(flags: dict[str, BoolArray], rejected: BoolArray) -> tuple[tuple[str, ...], ...]:
    out: list[tuple[str, ...]] = [()] * len(rejected)
    for row in np.flatnonzero(rejected):
        out[row] = tuple(reason for reason in REASONS if flags[reason][row])
    return tuple(out)


def _reason_finding(reason: str, frame: pd.DataFrame, flag: BoolArray) -> list[Finding]:
    column, message, hint = REASONS[reason]
    return _finding(reason, column, frame, flag, message, hint)


def _segment_findings(frame: pd.DataFrame, segments: tuple[str, ...] | None) -> list[Finding]:
    if segments is None:
        return []
    unknown = ~frame["segment"].isin(segments).to_numpy(dtype=bool)
    return _finding("segment_unknown", "segment", frame, unknown, "accounts of an unknown segment", ", ".join(segments))


def _previous_findings(frame: pd.DataFrame) -> list[Finding]:
    if "previous_max_leverage" not in frame.columns:
        return []
    previous, text = as_numbers(frame["previous_max_leverage"])
    with np.errstate(invalid="ignore"):
        wrong = text | np.isinf(previous) | (previous <= 0)
    name = "previous_max_leverage"
    return _finding(
        f"{name}_invalid", name, frame, wrong, "previous limits that are not positive numbers", "above zero, or empty"
    )


def _finding(code: str, column: str, frame: pd.DataFrame, flag: BoolArray, message: str, hint: str) -> list[Finding]:
    rows = np.flatnonzero(flag)
    if not len(rows):
        return []
    names = [c for c in (*ACCOUNT_COLUMNS, *POSITION_COLUMNS[1:], column) if c in frame.columns]
    lines = tuple(
        f"row {row + 1:,}: " + " ".join(f"{name}={frame[name].iloc[row]}" for name in dict.fromkeys(names))
        for row in rows[:EXAMPLES]
    )
    table = "positions" if "notional" in frame.columns else "accounts"
    return [Finding(code, Severity.WARNING, f"{table}: {column}", message, len(rows), lines, hint)]


def _wrong_columns(frame: pd.DataFrame, needed: Iterable[str], where: str) -> list[Finding]:
    findings = []
    twice = frame.columns[frame.columns.duplicated()].unique().tolist()
    for code, names, what in (
        ("column_missing", [name for name in needed if name not in frame.columns], "missing"),
        ("column_twice", [str(name) for name in twice], "repeated"),
    ):
        if names:
            message = f"{what} column{'s' if len(names) > 1 else ''}: {', '.join(names)}"
            findings.append(Finding(code, Severity.FATAL, where, message, len(names), hint=", ".join(needed)))
    return findings


def _text_is_empty(coded: pa.DictionaryArray) -> BoolArray:
    empty = pc.equal(coded.dictionary, "").to_numpy(zero_copy_only=False)
    return empty[coded.indices.to_numpy()] if len(empty) else np.zeros(0, dtype=bool)


def _any(flag: BoolArray, group: IntArray, groups: int) -> BoolArray:
    return np.bincount(group, flag, minlength=groups) > 0


def _holding_missing(dtype: Any) -> Any:
    """The type that holds the same values and missing ones too."""
    kind = dtype.kind if isinstance(dtype, np.dtype) else ""
    return {"b": "boolean", "i": "Int64", "u": "UInt64"}.get(kind, dtype)
