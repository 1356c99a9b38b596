"""Joint paths as a Parquet file: written deterministically, read back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from levercap.core.names import HORIZON_HOURS, FloatArray

__all__ = ["read_paths", "write_paths"]

Float32Array = NDArray[np.float32]
Paths = tuple[tuple[str, ...], NDArray[np.datetime64], FloatArray, Float32Array, Float32Array, Float32Array]


def write_paths(
    path: Path,
    symbols: tuple[str, ...],
    starts: NDArray[np.datetime64],
    weights: FloatArray,
    low: Float32Array,
    high: Float32Array,
    end: Float32Array,
) -> None:
    """Write joint paths: a row per block; per symbol ``low:``, ``high:`` (lists over hours) and ``end:``."""
    columns: dict[str, pa.Array] = {"start": pa.array(starts, pa.timestamp("us", "UTC")), "weight": pa.array(weights)}
    for j, symbol in enumerate(symbols):
        for name, values in (("low", low), ("high", high)):
            columns[f"{name}:{symbol}"] = pa.FixedSizeListArray.from_arrays(
                pa.array(values[j].ravel()), values.shape[2]
            )
        columns[f"end:{symbol}"] = pa.array(end[j])
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False)


def read_paths(path: Path) -> Paths:
    """(symbols, starts, weights, low, high, end) written by `write_paths`."""
    table = pq.read_table(path)
    symbols = tuple(name.removeprefix("end:") for name in table.column_names if name.startswith("end:"))
    starts = table["start"].cast(pa.timestamp("us")).to_numpy()
    low, high = (
        _stack([_lists(table[f"{name}:{symbol}"], len(table)) for symbol in symbols], (len(table), HORIZON_HOURS))
        for name in ("low", "high")
    )
    end = _stack([table[f"end:{symbol}"].to_numpy() for symbol in symbols], (len(table),))
    return symbols, starts, table["weight"].to_numpy(), low, high, end


def _stack(parts: list[Float32Array], shape: tuple[int, ...]) -> Float32Array:
    """Arrays of `shape` as one; without any, as when every symbol is stale, an empty one."""
    return np.stack(parts) if parts else np.empty((0, *shape), dtype=np.float32)


def _lists(column: pa.ChunkedArray, rows: int) -> Float32Array:
    return np.asarray(column.combine_chunks().flatten().to_numpy().reshape(rows, -1), dtype=np.float32)
