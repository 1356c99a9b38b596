"""Reading the files of an artefact within bounds: size, depth, rows and columns are looked at before parsing.

Whatever is wrong with a file is a BundleError that names it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from levercap.core.errors import BundleError

__all__ = ["LARGEST_ROWS", "Kind", "read_columns", "read_json", "read_table", "read_text", "reading"]

LARGEST_JSON, LARGEST_TEXT = 16_000_000, 32_000_000
"""Bytes of a JSON file and of a text."""

LARGEST_DEPTH: Final = 24
"""Objects and lists within each other."""

LARGEST_ROWS: Final = 5_000_000
LARGEST_COLUMNS: Final = 20_000
LARGEST_TABLE: Final = 2_000_000_000
"""Bytes of a Parquet file, and of all its columns once unpacked."""

PIECE: Final = 1 << 16
"""Rows read at a time."""

LONGEST_NAME: Final = 200
"""Bytes of a text in a table: symbols, sides, states."""

UNUSABLE: Final = "cannot be used:"

Kind = Literal["text", "number", "whole", "time"]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong inside the block into a BundleError that names `path`."""
    try:
        yield
    except BundleError as error:
        if UNUSABLE in str(error):  # an inner block has named its file
            raise
        raise BundleError(f"{path} {UNUSABLE} {error}") from None
    except Exception as error:  # what a parser raises on arbitrary bytes is not documented
        what = (str(error).splitlines() or [""])[0][:300]
        raise BundleError(f"{path} {UNUSABLE} {what or type(error).__name__}") from error


def read_text(path: Path) -> str:
    """UTF-8 text of a file; raises BundleError when it is missing, too long or something else."""
    with reading(path):
        if path.stat().st_size > LARGEST_TEXT:
            raise ValueError(f"it has more than {LARGEST_TEXT:,} bytes")
        return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Object of a JSON file, strict: every number finite, no name twice, depth at most `LARGEST_DEPTH`.

    Raises
    ------
    BundleError
        naming the file, whatever its bytes are
    """
    with reading(path):
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"it has more than {LARGEST_JSON:,} bytes")
        try:
            text = path.read_bytes().decode()
            _check_depth(text)
            value = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
        except ValueError as error:
            raise ValueError(f"not readable JSON ({error}); write or fetch the folder again") from None
        if not isinstance(value, dict):
            raise ValueError("it must hold a JSON object")
        return value


def read_columns(path: Path, check: Callable[[pa.Schema], int], texts: tuple[str, ...] = ()) -> pa.Table:
    """Columns of a Parquet file, read in pieces that never come to more than `LARGEST_TABLE` bytes.

    Of the footer only numbers of rows and columns and the schema are used: PyArrow ends the process on the rest of a
    damaged one.

    Parameters
    ----------
    path : file
    check : gives the bytes of a row of the schema, or raises ValueError for a schema that is not wanted
    texts : columns to read as dictionaries

    Raises
    ------
    ValueError or what PyArrow raises
    """
    if path.stat().st_size > LARGEST_TABLE:
        raise ValueError(f"it has more than {LARGEST_TABLE:,} bytes")
    with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=list(texts)) as file:
        rows, columns = file.metadata.num_rows, file.metadata.num_columns
        if not 0 <= rows <= LARGEST_ROWS or not 0 <= columns <= LARGEST_COLUMNS:
            raise ValueError(f"{rows:,} rows and {columns:,} columns; at most {LARGEST_ROWS:,} rows are read")
        schema = file.schema_arrow
        width = check(schema)
        if rows * width > LARGEST_TABLE:
            raise ValueError(f"its {rows:,} rows would unpack to {rows * width:,} bytes")
        parts, found, size = [], 0, 0
        for part in file.iter_batches(batch_size=PIECE, use_threads=False):
            found, size = found + part.num_rows, size + part.nbytes
            if found > rows or size > 2 * LARGEST_TABLE:
                raise ValueError(f"it holds more than the {rows:,} rows that it states")
            parts.append(part)
    if found != rows:
        raise ValueError(f"it states {rows:,} rows and holds {found:,}")
    table = pa.Table.from_batches(parts, parts[0].schema if parts else schema)
    table.validate(full=True)
    return table


def read_table(path: Path, columns: Mapping[str, Kind], largest_rows: int = LARGEST_ROWS) -> pd.DataFrame:
    """Table of a Parquet file of an artefact.

    Parameters
    ----------
    path : file
    columns : needed columns and what they hold; further columns of plain types stay
    largest_rows : more are refused

    Raises
    ------
    BundleError
        naming the file: a column is missing, stands there twice or is of another kind, text is missing, a number is
        infinite, or the file is beyond the bounds or damaged
    """
    with reading(path):
        schema = pq.read_schema(path)
        texts = tuple(f.name for f in schema if _is_text(f.type))
        table = read_columns(path, lambda found: _row_bytes(found, columns), texts)
        if len(table) > largest_rows:
            raise ValueError(f"it has {len(table):,} rows, at most {largest_rows:,} are expected")
        frame: pd.DataFrame = _decoded(table, texts).to_pandas()
        _check_values(frame, columns)
        return frame


def _row_bytes(schema: pa.Schema, columns: Mapping[str, Kind]) -> int:
    """Bytes of a row, after checking that the `columns` are there and of their kind."""
    missing = [name for name in columns if name not in schema.names]
    if missing or len(set(schema.names)) != len(schema.names):
        raise ValueError(f"it lacks {', '.join(missing)}" if missing else "it has columns of one name")
    wrong = [f.name for f in schema if not (_is_kind(f.type, columns.get(f.name)) or pa.types.is_null(f.type))]
    if wrong:
        raise ValueError(f"columns of another type: {', '.join(wrong[:5])}")
    return sum(LONGEST_NAME if _is_text(f.type) else 8 for f in schema)


def _decoded(table: pa.Table, texts: Iterable[str]) -> pa.Table:
    """Texts as plain columns, each of bounded length, so that a few long ones cannot fill the memory row by row."""
    for name in texts:
        longest = [pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in table[name].chunks]
        if max(longest, default=0) > LONGEST_NAME:
            raise ValueError(f"{name} holds a text of more than {LONGEST_NAME} bytes")
        decoded = table[name].cast(pa.large_string())
        table = table.set_column(table.schema.get_field_index(name), name, decoded)
    return table.replace_schema_metadata(None)


def _check_values(frame: pd.DataFrame, columns: Mapping[str, Kind]) -> None:
    empty = [name for name, kind in columns.items() if kind != "number" and frame[name].isna().any()]
    if empty:
        raise ValueError(f"values are missing in {', '.join(empty)}")
    numbers = frame.select_dtypes("number")
    infinite = [str(name) for name in numbers if np.isposinf(np.abs(numbers[name].to_numpy(dtype=float))).any()]
    if infinite and not set(infinite) <= {"notional_cap", "hours_out"}:
        raise ValueError(f"values are infinite in {', '.join(infinite)}")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_kind(found: pa.DataType, expected: Kind | None) -> bool:
    kinds = {
        "text": _is_text(found),
        "number": pa.types.is_floating(found),
        "whole": pa.types.is_integer(found),
        "time": pa.types.is_timestamp(found) and found.tz == "UTC",
        None: pa.types.is_primitive(found) or _is_text(found),
    }
    return bool(kinds[expected])


def _check_depth(text: str) -> None:
    """Raise ValueError when objects and lists lie deeper than `LARGEST_DEPTH`; brackets within strings count too."""
    marks = np.frombuffer(text.encode(), dtype=np.uint8)
    opened = np.isin(marks, np.frombuffer(b"[{", dtype=np.uint8)).astype(np.int32)
    closed = np.isin(marks, np.frombuffer(b"]}", dtype=np.uint8)).astype(np.int32)
    if len(marks) and int(np.cumsum(opened - closed).max()) > LARGEST_DEPTH:
        raise ValueError(f"it is nested more than {LARGEST_DEPTH} deep")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:40]}, which is no finite number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
