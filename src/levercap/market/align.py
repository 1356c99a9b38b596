"""Alignment: typed tables of stamped rows to a Panel on the complete hourly grid, holes kept as missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray, IntArray
from levercap.core.panel import Panel

__all__ = ["HOUR_MICROSECONDS", "SERIES", "to_panel"]

HOUR_MICROSECONDS = 3_600_000_000

SERIES = {"funding": "funding_rate", "open_interest": "open_interest", "implied_vol": "implied_vol"}
"""Optional tables and the Panel field each becomes."""


def to_panel(tables: Mapping[str, pd.DataFrame]) -> Panel:
    """Panel of clean tables (keys ``bars`` and any of `SERIES`), each sorted by time within a symbol.

    A bar goes to the row of its open. A value stamped at instant t is known at t and goes to the row whose hour
    ``(open, open + 1h]`` contains t; the last one within an hour counts, of funding the sum of all, since each was
    charged. None is carried forward. Values of symbols without bars, and values stamped outside the time of the bars,
    have no row.
    """
    bars = tables["bars"]
    symbols = tuple(sorted(str(s) for s in bars["symbol"].unique()))
    hours = _micros(bars["timestamp"]) // HOUR_MICROSECONDS
    first, rows = int(hours.min()), int(hours.max() - hours.min()) + 1
    shape = (rows, len(symbols))
    row, column = hours - first, _codes(bars["symbol"], symbols)
    fields = {name: _grid(shape, row, column, bars[name]) for name in ("open", "high", "low", "close", "volume")}
    for name, field in SERIES.items():
        if name in tables:
            fields[field] = _series_grid(shape, first, tables[name], field, symbols)
    grid = (first + np.arange(rows)) * HOUR_MICROSECONDS
    timestamps = pd.DatetimeIndex(grid.view("datetime64[us]"), tz="UTC").as_unit("us")
    return Panel(timestamps=timestamps, symbols=symbols, **fields)


def _series_grid(
    shape: tuple[int, int], first: int, frame: pd.DataFrame, field: str, symbols: tuple[str, ...]
) -> FloatArray:
    """Last value stamped within each hour, its end included, or their sum for funding.

    `first` is the hour of row 0 since the epoch.
    """
    stamps = _micros(frame["timestamp"])
    row = -(-stamps // HOUR_MICROSECONDS) - 1 - first
    column = _codes(frame["symbol"], symbols)
    value = frame[field].to_numpy(dtype=np.float64)
    keep = (column >= 0) & (row >= 0) & (row < shape[0]) & ~np.isnan(value)
    row, column, value = row[keep], column[keep], value[keep]
    if field == "funding_rate":
        cell, place = np.unique(row * shape[1] + column, return_inverse=True)
        row, column = cell // shape[1], cell % shape[1]
        value = np.bincount(place, value).astype(np.float64)
    return _grid(shape, row, column, value)


def _grid(shape: tuple[int, int], row: IntArray, column: IntArray, value: pd.Series | FloatArray) -> FloatArray:
    out = np.full(shape, np.nan)
    out[row, column] = np.asarray(value, dtype=np.float64)
    return out


def _micros(stamps: pd.Series) -> IntArray:
    return pd.DatetimeIndex(stamps).as_unit("us").asi8


def _codes(names: pd.Series, symbols: tuple[str, ...]) -> IntArray:
    """Position of each name in `symbols`, -1 where it is not there."""
    category = names.astype("category").cat
    table = pd.Index(symbols).get_indexer(category.categories)
    return np.append(table, -1)[category.codes.to_numpy()].astype(np.int64)
