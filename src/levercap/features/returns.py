"""The ingredients every feature is made of: log prices, hourly and daily returns, hourly ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel

__all__ = ["Ingredients", "ingredients"]

LOG_FOUR = float(np.log(4.0))


@dataclass(frozen=True, eq=False)
class Ingredients:
    """Arrays of shape (hours, symbols), NaN where not known.

    Attributes
    ----------
    price : log close, carried over holes of at most three hours
    hourly : hourly log return
    daily : log return over the last 24 hours
    range_variance : Parkinson's variance of one hour, (ln high/low)^2 / (4 ln 2) (Parkinson 1980)
    turnover : traded value in quote currency
    """

    price: FloatArray
    hourly: FloatArray
    daily: FloatArray
    range_variance: FloatArray
    turnover: FloatArray


def ingredients(panel: Panel) -> Ingredients:
    """Ingredients of all features from the panel."""
    price = np.log(panel.price())
    return Ingredients(
        price=price,
        hourly=lagged_difference(price, 1),
        daily=lagged_difference(price, 24),
        range_variance=np.log(panel.high / panel.low) ** 2 / (2 * LOG_FOUR),
        turnover=panel.volume * panel.close,
    )


def lagged_difference(values: FloatArray, lag: int) -> FloatArray:
    """Each row minus the row `lag` before it; NaN in the first `lag` rows."""
    out = np.full_like(values, np.nan)
    out[lag:] = values[lag:] - values[:-lag]
    return out
