"""Joint paths as a Parquet file: written deterministically, read back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from levercap.core.horizon import DAY
from levercap.core.names import FloatArray
from levercap.storage.bounded import read_columns, reading

__all__ = ["read_paths", "write_paths"]

Float32Array = NDArray[np.float32]
LARGEST_BLOCKS, LARGEST_HOURS = 1_000_000, 31 * 24

HOURS = b"horizon_hours"
"""Entry of the schema's metadata that states the horizon of a file without any list to read it from."""

Paths = tuple[tuple[str, ...], NDArray[np.datetime64], FloatArray, Float32Array, Float32Array, Float32Array]


def write_paths(
    path: Path,
    names: tuple[str, ...],
    starts: NDArray[np.datetime64],
    weights: FloatArray,
    low: Float32Array,
    high: Float32Array,
    end: Float32Array,
) -> None:
    """Write joint paths: a row per block; per name ``low:``, ``high:`` (lists over hours) and ``end:``."""
    hours = low.shape[2]
    columns: dict[str, pa.Array] = {"start": pa.array(starts, pa.timestamp("us", "UTC")), "weight": pa.array(weights)}
    for j, name in enumerate(names):
        for part, values in (("low", low), ("high", high)):
            columns[f"{part}:{name}"] = pa.FixedSizeListArray.from_arrays(pa.array(values[j].ravel()), hours)
        columns[f"end:{name}"] = pa.array(end[j])
    metadata = None if names else {HOURS: str(hours).encode()}
    table = pa.table(columns, metadata=metadata)
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_page_checksum=True)


def read_paths(path: Path) -> Paths:
    """(names, starts, weights, low, high, end) written by `write_paths`; the hours are those of the file.

    Raises
    ------
    BundleError
        naming the file: it is damaged, beyond the bounds or has other columns
    """
    with reading(path):
        table = read_columns(path, _row_bytes)
        return _arrays(table, *_layout(table.schema))


def _row_bytes(schema: pa.Schema) -> int:
    names, hours = _layout(schema)
    return 16 + len(names) * (8 * hours + 4)


def _arrays(table: pa.Table, names: tuple[str, ...], hours: int) -> Paths:
    if len(table) > LARGEST_BLOCKS or any(column.null_count for column in table.columns):
        raise ValueError(f"{len(table):,} rows, at most {LARGEST_BLOCKS:,} are read, none with a value missing")
    starts = table["start"].cast(pa.timestamp("us")).to_numpy()
    low, high = (
        _stack([_lists(table[f"{part}:{name}"], len(table)) for name in names], (len(table), hours))
        for part in ("low", "high")
    )
    end = _stack([table[f"end:{name}"].to_numpy() for name in names], (len(table),))
    return names, starts, table["weight"].to_numpy(), low, high, end


def _layout(schema: pa.Schema) -> tuple[tuple[str, ...], int]:
    """Names and hours of a file; raises ValueError unless every column is as `write_paths` writes it."""
    names = tuple(name.removeprefix("end:") for name in schema.names if name.startswith("end:"))
    hours = schema.field(f"low:{names[0]}").type.list_size if names else _stated_hours(schema)
    if len(set(names)) != len(names) or not 1 <= hours <= LARGEST_HOURS:
        raise ValueError(f"paths of {hours} hours of {', '.join(names[:5])}")
    lists = pa.list_(pa.float32(), hours)
    expected = {"start": pa.timestamp("us", "UTC"), "weight": pa.float64()}
    for name in names:
        expected |= {f"low:{name}": lists, f"high:{name}": lists, f"end:{name}": pa.float32()}
    if schema.names != list(expected):
        raise ValueError("its columns are not start, weight, and low:, high:, end: of every name")
    other = [field.name for field in schema if field.type != expected[field.name]]
    if other:
        raise ValueError(f"columns of another type: {', '.join(other[:5])}")
    return names, hours


def _stated_hours(schema: pa.Schema) -> int:
    """Hours of a file without names; files written before the horizon was stated are of one day."""
    return int((schema.metadata or {}).get(HOURS, DAY.hours))


def _stack(parts: list[Float32Array], shape: tuple[int, ...]) -> Float32Array:
    """Arrays of `shape` as one; without any, as when every symbol is stale, an empty one."""
    return np.stack(parts) if parts else np.empty((0, *shape), dtype=np.float32)


def _lists(column: pa.ChunkedArray, rows: int) -> Float32Array:
    return np.asarray(column.combine_chunks().flatten().to_numpy().reshape(rows, -1), dtype=np.float32)
