"""Joint paths as a Parquet file: written deterministically, read back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from levercap.core.horizon import DAY
from levercap.core.names import FloatArray

__all__ = ["read_paths", "write_paths"]

Float32Array = NDArray[np.float32]
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
    pq.write_table(pa.table(columns, metadata=metadata), path, compression="zstd", use_dictionary=False)


def read_paths(path: Path) -> Paths:
    """(names, starts, weights, low, high, end) written by `write_paths`; the hours are those of the file."""
    table = pq.read_table(path)
    names = tuple(name.removeprefix("end:") for name in table.column_names if name.startswith("end:"))
    hours = table.schema.field(f"low:{names[0]}").type.list_size if names else _stated_hours(table.schema)
    starts = table["start"].cast(pa.timestamp("us")).to_numpy()
    low, high = (
        _stack([_lists(table[f"{part}:{name}"], len(table)) for name in names], (len(table), hours))
        for part in ("low", "high")
    )
    end = _stack([table[f"end:{name}"].to_numpy() for name in names], (len(table),))
    return names, starts, table["weight"].to_numpy(), low, high, end


def _stated_hours(schema: pa.Schema) -> int:
    """Hours of a file without names; files written before the horizon was stated are of one day."""
    return int((schema.metadata or {}).get(HOURS, DAY.hours))


def _stack(parts: list[Float32Array], shape: tuple[int, ...]) -> Float32Array:
    """Arrays of `shape` as one; without any, as when every symbol is stale, an empty one."""
    return np.stack(parts) if parts else np.empty((0, *shape), dtype=np.float32)


def _lists(column: pa.ChunkedArray, rows: int) -> Float32Array:
    return np.asarray(column.combine_chunks().flatten().to_numpy().reshape(rows, -1), dtype=np.float32)
