"""Input and output tables: read without losing a row, written deterministically."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from levercap.core.names import BoolArray, FloatArray
from levercap.core.text import is_missing, text_of

__all__ = ["SUFFIXES", "as_numbers", "as_text", "read_csv", "read_frame", "write_parquet"]

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Files that are read, by the end of their names."""
HEADER_BYTES: Final = 1 << 16
SEPARATORS: Final = (",", ";", "\t")


def read_frame(path: Path, text_columns: Iterable[str]) -> pd.DataFrame:
    """A Parquet or CSV file (see `read_csv`), or all such files below a folder, in the order of their names.

    In CSV the `text_columns` stay text, so that an id like ``007`` keeps its zeros.

    Raises
    ------
    FileNotFoundError
        when nothing is there
    ValueError
        when it is neither Parquet nor CSV; a damaged file raises as pyarrow does (``ArrowInvalid`` is a ValueError)
    """
    if not path.exists():
        raise FileNotFoundError(path)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES))
    if not files or not files[0].name.endswith(SUFFIXES):
        raise ValueError(f"expected a file that ends in {', '.join(SUFFIXES)}, or a folder of such files")
    text = tuple(text_columns)
    frames = [
        pd.read_parquet(file) if file.name.endswith(".parquet") else read_csv(file, text).to_pandas() for file in files
    ]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def read_csv(path: Path, text_columns: Iterable[str]) -> pa.Table:
    """A CSV file, compressed where its name ends in ``.gz``; comma, semicolon or tab separate, whichever the first line
    has most of. The `text_columns` stay text. A damaged file raises as pyarrow does.
    """
    with pa.input_stream(str(path)) as stream:
        first = stream.read(HEADER_BYTES).split(b"\n", 1)[0].decode(errors="replace")
    separator = max(SEPARATORS, key=first.count)
    return pacsv.read_csv(
        path,
        parse_options=pacsv.ParseOptions(delimiter=separator),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string())),
    )


def as_text(column: pd.Series) -> pa.Array:
    """A column as stripped strings, missing as the empty string; integers as their digits. Any column has such."""
    if column.dtype == object:  # may hold values of several types
        array = _texts(column)
    else:
        try:
            array = _arrow_texts(column)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):  # no text of its own, or not in Unicode
            array = _texts(column)
    return pc.utf8_trim_whitespace(array)


def as_numbers(column: pd.Series) -> tuple[FloatArray, BoolArray]:
    """A column as float64 with missing as NaN, and which values are there but are no numbers.

    Any column has such; an integer too large for a float is infinite.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values, wrong = as_numbers(pd.Series(dtype.categories))
        code = column.cat.codes.to_numpy()
        return np.append(values, np.nan)[code], np.append(wrong, False)[code]
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return np.full(len(column), np.nan), np.ones(len(column), dtype=bool)
    if pd.api.types.is_numeric_dtype(dtype):
        with np.errstate(over="ignore"):
            return column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=bool)
    if isinstance(dtype, pd.StringDtype):
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        blank = column.isna() | column.str.strip().str.lower().isin(["", "nan"])
        return values, np.isnan(values) & ~blank.to_numpy(dtype=bool)
    numbers = [_number(value) for value in column.tolist()]
    wrong = np.array([number is None for number in numbers], dtype=bool)
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64), wrong


def _arrow_texts(column: pd.Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string()).fill_null("")


def _texts(column: pd.Series) -> pa.Array:
    return pa.array([text_of(value) for value in column.tolist()], pa.large_string())


def _number(value: object) -> float | None:
    """Value as a float, NaN where it is missing or blank; None where it is no number."""
    if is_missing(value):
        return np.nan
    if isinstance(value, str):
        text = value.strip()
        if text.casefold() in ("", "nan"):
            return np.nan
        try:
            return float(text) if text.isascii() and "_" not in text else None
        except ValueError:
            return None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number | Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
    except (ValueError, TypeError):
        return None


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` without its index; the same frame gives the same bytes.

    Strings are dictionary-encoded, compression is fixed, and the metadata hold no time and no version of pandas.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=_strings(table),
        row_group_size=1 << 18,
        write_page_checksum=True,
    )


def _strings(table: pa.Table) -> list[str]:
    return [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
