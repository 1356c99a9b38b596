"""Checks that every stamped table shares: order and repeated rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import IntArray
from levercap.market.tables import SCHEMAS, Table

__all__ = ["MISSING", "drop_repeats", "keys", "out_of_order"]

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


def drop_repeats(table: Table, columns: Sequence[str], contradiction: Severity) -> tuple[IntArray, list[Finding]]:
    """Rows to keep, sorted by symbol and time, one per (symbol, time); rows without either are left out.

    Of rows that repeat a key and agree in `columns` the first is kept, with a warning. Rows that disagree have the
    severity `contradiction`, and none of them is kept: which one is right cannot be known.
    """
    code, stamps = keys(table)
    rows = np.flatnonzero((code >= 0) & (stamps != MISSING))
    ascending = (np.diff(code[rows]) > 0) | ((np.diff(code[rows]) == 0) & (np.diff(stamps[rows]) > 0))
    if ascending.all():
        return rows, []
    rows = rows[np.lexsort((stamps[rows], code[rows]))]
    first = np.append(True, (np.diff(code[rows]) != 0) | (np.diff(stamps[rows]) != 0))
    group = np.cumsum(first) - 1
    if first.all():
        return rows, []
    head = rows[first][group]
    differs = np.zeros(len(rows), dtype=bool)
    for name in columns:
        value = table.frame[name].to_numpy(dtype=np.float64)
        differs |= ~((value[rows] == value[head]) | (np.isnan(value[rows]) & np.isnan(value[head])))
    disputed = np.bincount(group, differs)[group] > 0
    key = f"{SCHEMAS[table.name].time}, symbol"
    hint = f"one row per ({key}); df.drop_duplicates(['{SCHEMAS[table.name].time}', 'symbol']) keeps the first"
    findings = table.finding(
        "duplicate_rows",
        Severity.WARNING,
        np.sort(rows[~first & ~disputed]),
        "repeated rows; the first is kept",
        [key],
        hint,
    )
    findings += table.finding(
        "duplicate_rows_disagree",
        contradiction,
        np.sort(rows[disputed]),
        "rows that repeat a key with other values; which is right cannot be known",
        [key],
        hint,
    )
    return rows[first & ~disputed], findings
