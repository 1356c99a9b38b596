"""Perpetual future: a linear contract, whose profit per unit of notional is the simple return of its underlying."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["adverse_moves", "position_losses", "simple_return"]

Float = TypeVar("Float", np.float32, np.float64)


def simple_return(price: NDArray[Float], entry: NDArray[Float]) -> NDArray[Float]:
    """Return of a price on the price at entry, as a fraction; arrays that broadcast."""
    return price / entry - 1.0


def adverse_moves(low: NDArray[Float], high: NDArray[Float]) -> tuple[NDArray[Float], NDArray[Float]]:
    """Loss of a long, marked at the low, and of a short, marked at the high, per unit of notional.

    Parameters
    ----------
    low, high : smallest and largest simple return within each hour, any shape
    """
    return -low, high


def position_losses(share: NDArray[np.float64], low: NDArray[Float], high: NDArray[Float]) -> NDArray[np.float64]:
    """Losses of positions with every hour at its worst price, shape of `low`, in the unit of `share`.

    Parameters
    ----------
    share : (positions,) signed notional or share of it
    low, high : (positions, ...) as in `adverse_moves`
    """
    long, short = adverse_moves(low, high)
    size = share.reshape(-1, *[1] * (low.ndim - 1))
    return np.abs(size) * np.where(size > 0, long, short).astype(np.float64)
