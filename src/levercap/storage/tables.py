"""Input and output tables: read without losing a row, written deterministically."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from levercap.core.names import BoolArray, FloatArray

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
    """A column as stripped strings, missing as the empty string; integers as their digits."""
    if column.dtype == object:  # may hold values of several types
        column = column.map(str, na_action="ignore").astype("str")
    array = pa.array(column, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return pc.utf8_trim_whitespace(array.cast(pa.large_string()).fill_null(""))


def as_numbers(column: pd.Series) -> tuple[FloatArray, BoolArray]:
    """A column as float64 with missing as NaN, and which values are there but are no numbers."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.full(len(column), np.nan), np.ones(len(column), dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=bool)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    if column.dtype == object:
        values[column.map(lambda x: isinstance(x, bool | np.bool_)).to_numpy(dtype=bool)] = np.nan
    blank = column.isna() | column.astype("str").str.strip().str.lower().isin(["", "nan"])
    return values, np.isnan(values) & ~blank.to_numpy(dtype=bool)


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
