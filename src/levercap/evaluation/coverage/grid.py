"""Rows of a panel laid out as days x instruments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = ["day_grid"]


def day_grid(values: ArrayLike, day: ArrayLike, symbol: ArrayLike) -> FloatArray:
    """(days, instruments) values, NaN where there is no row; days in time order, instruments by name.

    Parameters
    ----------
    values, day, symbol : (rows,) in any order, at most one row for each day and instrument

    Raises
    ------
    ValueError
        when a day has two rows of one instrument
    """
    rows = np.asarray(values, dtype=np.float64)
    days, row = np.unique(np.asarray(day), return_inverse=True)
    symbols, column = np.unique(np.asarray(symbol), return_inverse=True)
    repeated = len(rows) - len(np.unique(row * len(symbols) + column))
    if repeated:
        raise ValueError(f"a panel has one row per day and instrument; {repeated} of {len(rows)} rows repeat a pair")
    grid = np.full((len(days), len(symbols)), np.nan)
    grid[row, column] = rows
    return grid
