"""The tables of a market folder: their schemas, and reading them from Parquet or CSV, one file or a folder of files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from levercap.core.errors import DataError, Finding, Severity
from levercap.core.names import BoolArray, IntArray
from levercap.storage.tables import SUFFIXES, read_csv

__all__ = ["SCHEMAS", "RawFile", "Schema", "Table", "read_files"]

EXAMPLES = 3
NAMED = 10
"""Symbols that the examples of one finding name at most."""


@dataclass(frozen=True)
class Schema:
    """Columns of one table: an instant, a symbol and numbers.

    Attributes
    ----------
    name : table name, also the stem of its file or the name of its folder
    time : name of the column that holds the instant
    numbers : names of the numeric columns
    required : whether a market folder must have the table
    nullable : columns that may be left out altogether
    texts : names of further columns that hold text
    """

    name: str
    time: str
    numbers: tuple[str, ...]
    required: bool = False
    nullable: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order in which they are written."""
        return (self.time, "symbol", *self.numbers, *self.texts)


SCHEMAS = {
    schema.name: schema
    for schema in (
        Schema("bars", "timestamp", ("open", "high", "low", "close", "volume"), required=True),
        Schema("funding", "timestamp", ("funding_rate",)),
        Schema("open_interest", "timestamp", ("open_interest",)),
        Schema("implied_vol", "timestamp", ("implied_vol",)),
        Schema(
            "leverage_tiers",
            "as_of",
            ("tier", "notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate", "maintenance_amount"),
            nullable=("maintenance_amount",),
        ),
        Schema("symbol_changes", "timestamp", ("ratio",), nullable=("ratio", "new_symbol"), texts=("new_symbol",)),
    )
}


@dataclass(frozen=True, eq=False)
class RawFile:
    """One file as read, columns untyped.

    Attributes
    ----------
    label : path within the market folder, ``bars.parquet`` or ``bars/2024.csv``
    content : the columns of the table that the file has
    names : all columns of the file; empty where `content` has them all
    """

    label: str
    content: pa.Table
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """One table in memory with its columns typed, and where each of its rows came from.

    Attributes
    ----------
    name : table name
    frame : time column as datetime64[us, UTC], symbol as category, numbers as float64, texts stripped; the rows as in
        the files
    files : label and number of rows of each file
    unread : (rows,) whether the instant, the symbol or a number of the row is missing or could not be read; reported
        once, not again as a missing number
    unusable : columns that a file lacks; reported once, not again as missing
    numbers : position in the files of each row of `frame`; None when the frame has all rows
    """

    name: str
    frame: pd.DataFrame
    files: tuple[tuple[str, int], ...]
    unread: BoolArray
    unusable: frozenset[str] = frozenset()
    numbers: IntArray | None = None

    def keep(self, mask: BoolArray) -> Table:
        """The rows in `mask` only; they are still reported by their number in the file."""
        numbers = np.arange(len(self.frame)) if self.numbers is None else self.numbers
        frame = self.frame[mask].reset_index(drop=True)
        return dataclasses.replace(self, frame=frame, unread=self.unread[mask], numbers=numbers[mask])

    def where(self, *columns: str) -> str:
        """File (or folder) and columns, as a finding names them."""
        label = self.files[0][0] if len(self.files) == 1 else f"{self.name}/"
        return f"{label}: {', '.join(columns)}" if columns else label

    def lines(self, rows: IntArray, shown: Callable[[int], str] | None = None) -> tuple[str, ...]:
        """The first three of the given rows and the first row of further symbols, ten symbols at most, one line each.

        Row 1 is the first below the header.
        """
        code = self.frame["symbol"].cat.codes.to_numpy()[rows]
        firsts = np.sort(np.unique(code, return_index=True)[1])
        named = firsts[:NAMED]
        chosen = np.union1d(np.arange(min(EXAMPLES, len(rows))), named)
        out = [self._line(int(row)) + (f" {shown(int(row))}" if shown else "") for row in rows[chosen]]
        more = len(firsts) - len(named)
        return (*out, f"and {more:,} more symbol{'s' if more > 1 else ''}") if more else tuple(out)

    def _line(self, row: int) -> str:
        stops = np.cumsum([n for _, n in self.files])
        position = int(row if self.numbers is None else self.numbers[row])
        file = int(np.searchsorted(stops, position, side="right"))
        number = position - int(stops[file] - self.files[file][1]) + 1
        place = f"row {number:,}" if len(self.files) == 1 else f"{self.files[file][0]} row {number:,}"
        return f"{place}: " + " ".join(f"{name}={_text(self.frame[name].iloc[row])}" for name in self.frame.columns)

    def finding(
        self,
        code: str,
        severity: Severity,
        rows: IntArray | BoolArray,
        message: str,
        columns: Sequence[str] = (),
        hint: str = "",
        shown: Callable[[int], str] | None = None,
    ) -> list[Finding]:
        """One finding over the affected rows (positions, or a mask over all rows); none when there are no such rows.

        `shown` gives what is added to the example of a row, the value found in the file for instance.
        """
        where = np.asarray(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows, dtype=np.int64)
        if not len(where):
            return []
        return [Finding(code, severity, self.where(*columns), message, len(where), self.lines(where, shown), hint)]


def _text(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%dT%H:%M:%S%z") if value.second else value.strftime("%Y-%m-%dT%H:%M%z")
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def read_files(folder: Path) -> tuple[dict[str, list[RawFile]], list[Finding]]:
    """Files of every table found in `folder`, and a finding for each that is missing, ambiguous or unreadable.

    Raises
    ------
    DataError
        when the folder does not exist or holds none of the tables, naming the files expected
    """
    expected = ", ".join(f"{name}.parquet" + (" (required)" if s.required else "") for name, s in SCHEMAS.items())
    hint = f"{expected}; each may also be a .csv file or a folder of such files"
    if not folder.is_dir():
        code, message = "market_missing", f"the market folder {folder} does not exist"
        raise DataError(message, [Finding(code, Severity.FATAL, str(folder), message, hint=hint)])
    tables: dict[str, list[RawFile]] = {}
    findings: list[Finding] = []
    for name, schema in SCHEMAS.items():
        paths, problem = _paths(folder, name)
        findings += problem
        if not paths and schema.required and not problem:
            message = f"the market folder {folder.name} has no {name} table"
            findings.append(Finding("table_missing", Severity.FATAL, folder.name, message, hint=hint))
        for path in paths:
            label = path.relative_to(folder).as_posix()
            try:
                file = RawFile(label, *_read(path, schema))
            except (pa.ArrowException, OSError, ValueError) as error:
                message = f"the file cannot be read: {str(error).splitlines()[0]}"
                findings.append(
                    Finding("file_unreadable", Severity.FATAL, label, message, hint="a Parquet or CSV file")
                )
            else:
                tables.setdefault(name, []).append(file)
    return tables, findings


def _paths(folder: Path, name: str) -> tuple[list[Path], list[Finding]]:
    """The files of one table; a finding when the table is there in two forms or its folder holds no file of it."""
    forms = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    found = [path for path in forms if path.is_file()]
    inside = folder / name
    if inside.is_dir():
        found.append(inside)
    if len(found) > 1:
        message = f"the table is there more than once: {', '.join(path.name for path in found)}"
        return [], [
            Finding("table_ambiguous", Severity.FATAL, name, message, len(found), hint="one form of each table")
        ]
    if found and found[0] == inside:
        paths = sorted(path for path in inside.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
        if not paths:
            message = f"the folder holds no file that ends in {', '.join(SUFFIXES)}"
            return [], [Finding("table_missing", Severity.FATAL, f"{name}/", message, hint=f"{name}/part-0.parquet")]
        return paths, []
    return found, []


def _read(path: Path, schema: Schema) -> tuple[pa.Table, tuple[str, ...]]:
    """The columns of `schema` that the file has, and the names of all its columns.

    Symbols are dictionary-encoded, other columns as the file types them.
    """
    if not path.name.endswith(".parquet"):
        table = read_csv(path, (schema.time, "symbol", *schema.texts))
        names = tuple(table.column_names)
        return table.select([name for name in dict.fromkeys(schema.columns) if name in names]), names
    names = tuple(pq.read_schema(path).names)
    columns = [name for name in schema.columns if name in names]
    coded = ["symbol"] if "symbol" in columns else None
    return pq.ParquetFile(path, read_dictionary=coded).read(columns), names
