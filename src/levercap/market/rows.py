"""Checks that every stamped table shares: order, repeated rows, and whether too many rows are bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, IntArray
from levercap.market.tables import SCHEMAS, Table

__all__ = ["MISSING", "Repeats", "in_doubt", "keys", "out_of_order", "repeat_findings", "repeats"]

MISSING = np.iinfo(np.int64).min
"""What stands for a missing instant where instants are integers."""


def keys(table: Table) -> tuple[IntArray, IntArray]:
    """Symbol code (-1 without symbol) and microseconds since the epoch (`MISSING` without instant) of each row."""
    stamps = pd.DatetimeIndex(table.frame[SCHEMAS[table.name].time]).as_unit("us").asi8
    return table.frame["symbol"].cat.codes.to_numpy().astype(np.int64), stamps


def out_of_order(table: Table) -> list[Finding]:
    """Rows stamped before the row of the same symbol that precedes them in the file."""
    code, stamps = keys(table)
    there = np.flatnonzero((stamps != MISSING) & (code >= 0))
    order = there[np.argsort(code[there], kind="stable")]
    back = (np.diff(code[order]) == 0) & (np.diff(stamps[order]) < 0)
    return table.finding(
        "rows_out_of_order",
        Severity.WARNING,
        np.sort(order[1:][back]),
        "rows earlier than the one before them; sorted",
        [SCHEMAS[table.name].time],
        "ascending time within each symbol",
    )


@dataclass(frozen=True, eq=False)
class Repeats:
    """Rows of a table by what they repeat; all are positions, rows without a symbol or an instant are in none.

    Attributes
    ----------
    single : one row per (symbol, time), sorted by symbol and time, without those in `disputed`
    equal : rows that repeat one in `single` with equal values, ascending
    disputed : rows that repeat a key with other values, all of them, ascending: which is right cannot be known
    """

    single: IntArray
    equal: IntArray
    disputed: IntArray


def repeats(table: Table, columns: Sequence[str]) -> Repeats:
    """Which rows repeat a (symbol, time), and whether their values in `columns` are equal; missing equals missing."""
    code, stamps = keys(table)
    none = np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero((code >= 0) & (stamps != MISSING))
    ascending = (np.diff(code[rows]) > 0) | ((np.diff(code[rows]) == 0) & (np.diff(stamps[rows]) > 0))
    if ascending.all():
        return Repeats(rows, none, none)
    rows = rows[np.lexsort((stamps[rows], code[rows]))]
    first = np.append(True, (np.diff(code[rows]) != 0) | (np.diff(stamps[rows]) != 0))
    if first.all():
        return Repeats(rows, none, none)
    group = np.cumsum(first) - 1
    head = rows[first][group]
    differs = np.zeros(len(rows), dtype=bool)
    for name in columns:
        value = table.frame[name].to_numpy(dtype=np.float64)
        differs |= ~((value[rows] == value[head]) | (np.isnan(value[rows]) & np.isnan(value[head])))
    disputed = np.bincount(group, differs)[group] > 0
    return Repeats(rows[first & ~disputed], np.sort(rows[~first & ~disputed]), np.sort(rows[disputed]))


def repeat_findings(table: Table, found: Repeats, contradiction: Severity) -> list[Finding]:
    """Rows repeated with equal values, a warning, and with other values, of the severity `contradiction`."""
    time = SCHEMAS[table.name].time
    key = f"{time}, symbol"
    hint = f"one row per ({key}); df.drop_duplicates(['{time}', 'symbol']) keeps the first"
    message = "repeated rows; the first is kept"
    equal = table.finding("duplicate_rows", Severity.WARNING, found.equal, message, [key], hint)
    message = "rows that repeat a key with other values; which is right cannot be known, and all are left out"
    return equal + table.finding("duplicate_rows_disagree", contradiction, found.disputed, message, [key], hint)


def in_doubt(table: Table, bad: BoolArray, share: float) -> bool:
    """Whether more than `share` of the rows are bad, so that the meaning of the table is in doubt.

    The symbol with the most bad rows is left out, where there are others: one symbol stops no table.
    """
    if not bad.any():
        return False
    code = table.frame["symbol"].cat.codes.to_numpy()
    counted = code >= 0
    if len(np.unique(code[counted])) > 1 and (bad & counted).any():
        rest = code != np.argmax(np.bincount(code[bad & counted]))
        return bool(bad[rest].mean() > share)
    return bool(bad.mean() > share)
