"""The tables of a market folder: their schemas, and reading them from Parquet or CSV, one file or a folder of files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from levercap.core.errors import DataError, Finding, Severity
from levercap.core.names import BoolArray, IntArray

__all__ = ["SCHEMAS", "RawFile", "Schema", "Table", "read_files"]

SUFFIXES = (".parquet", ".csv")
EXAMPLES = 3


@dataclass(frozen=True)
class Schema:
    """Columns of one table: an instant, a symbol and numbers.

    Attributes
    ----------
    name : table name, also the stem of its file or the name of its folder
    time : name of the column that holds the instant
    numbers : names of the numeric columns
    required : whether a market folder must have the table
    nullable : numeric columns that may be left out altogether
    """

    name: str
    time: str
    numbers: tuple[str, ...]
    required: bool = False
    nullable: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order in which they are written."""
        return (self.time, "symbol", *self.numbers)


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
    )
}


@dataclass(frozen=True, eq=False)
class RawFile:
    """One file as read, columns untyped: its label (``bars.parquet`` or ``bars/2024.csv``) and its content."""

    label: str
    content: pa.Table


@dataclass(frozen=True, eq=False)
class Table:
    """One table in memory with its columns typed, and where each of its rows came from.

    Attributes
    ----------
    name : table name
    frame : time column as datetime64[us, UTC], symbol as category, numbers as float64; rows in the order of the files
    files : label and number of rows of each file
    unusable : columns that a file lacks or in which a value could not be read; reported once, not again as missing
    numbers : position in the files of each row of `frame`; None when the frame has all rows
    """

    name: str
    frame: pd.DataFrame
    files: tuple[tuple[str, int], ...]
    unusable: frozenset[str] = frozenset()
    numbers: IntArray | None = None

    def keep(self, mask: BoolArray) -> Table:
        """The rows in `mask` only; they are still reported by their number in the file."""
        numbers = np.arange(len(self.frame)) if self.numbers is None else self.numbers
        return dataclasses.replace(self, frame=self.frame[mask].reset_index(drop=True), numbers=numbers[mask])

    def where(self, *columns: str) -> str:
        """File (or folder) and columns, as a finding names them."""
        label = self.files[0][0] if len(self.files) == 1 else f"{self.name}/"
        return f"{label}: {', '.join(columns)}" if columns else label

    def lines(self, rows: IntArray, limit: int = EXAMPLES) -> tuple[str, ...]:
        """The first `limit` of the given rows, one readable line each; row 1 is the first below the header."""
        stops = np.cumsum([n for _, n in self.files])
        out = []
        for row in rows[:limit]:
            position = int(row if self.numbers is None else self.numbers[row])
            file = int(np.searchsorted(stops, position, side="right"))
            number = position - int(stops[file] - self.files[file][1]) + 1
            place = f"row {number:,}" if len(self.files) == 1 else f"{self.files[file][0]} row {number:,}"
            values = " ".join(f"{name}={_text(self.frame[name].iloc[row])}" for name in self.frame.columns)
            out.append(f"{place}: {values}")
        return tuple(out)

    def finding(
        self,
        code: str,
        severity: Severity,
        rows: IntArray | BoolArray,
        message: str,
        columns: Sequence[str] = (),
        hint: str = "",
    ) -> list[Finding]:
        """One finding over the affected rows (positions, or a mask over all rows); none when there are no such rows."""
        where = np.asarray(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows, dtype=np.int64)
        if not len(where):
            return []
        return [Finding(code, severity, self.where(*columns), message, len(where), self.lines(where), hint)]


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
                content = _read(path, schema)
            except (pa.ArrowException, OSError, ValueError) as error:
                message = f"the file cannot be read: {str(error).splitlines()[0]}"
                findings.append(
                    Finding("file_unreadable", Severity.FATAL, label, message, hint="a Parquet or CSV file")
                )
            else:
                tables.setdefault(name, []).append(RawFile(label, content))
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
        paths = sorted(path for path in inside.rglob("*") if path.suffix in SUFFIXES and path.is_file())
        if not paths:
            message = "the folder holds no .parquet or .csv file"
            return [], [Finding("table_missing", Severity.FATAL, f"{name}/", message, hint=f"{name}/part-0.parquet")]
        return paths, []
    return found, []


def _read(path: Path, schema: Schema) -> pa.Table:
    """The columns of `schema` that the file has; symbols dictionary-encoded, other columns as the file types them."""
    if path.suffix == ".csv":
        text = {schema.time: pa.string(), "symbol": pa.string()}
        table = pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(column_types=text))
        return table.select([name for name in schema.columns if name in table.column_names])
    names = pq.read_schema(path).names
    columns = [name for name in schema.columns if name in names]
    coded = ["symbol"] if "symbol" in columns else None
    return pq.ParquetFile(path, read_dictionary=coded).read(columns)
