"""E-values of risk forecasts: daily evidence against them, one on average when they are right.

Source: Wang, Wang and Ziegel, E-backtesting (arXiv 2209.00991).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = ["es_evalues", "panel_evalues", "var_evalues"]


def var_evalues(loss: ArrayLike, var: ArrayLike, level: float) -> FloatArray:
    """E-values against "value at risk is at most `var`": ``1{loss > var} / (1 - level)``; NaN where either is missing.

    They are the only ones, up to betting less, that hold whatever the distribution (Theorem 4 of the source).
    """
    rate = _rate(level)
    losses, forecast = _floats(loss), _floats(var)
    return np.where(np.isnan(losses) | np.isnan(forecast), np.nan, (losses > forecast) / rate)


def es_evalues(loss: ArrayLike, var: ArrayLike, es: ArrayLike, level: float) -> FloatArray:
    """E-values against "expected shortfall is at most `es`, and `var` is the value at risk".

    Parameters
    ----------
    loss, var, es : broadcastable, losses positive, same units; a missing value gives NaN
    level : confidence

    Raises
    ------
    ValueError
        when an `es` is below its `var`

    Notes
    -----
    ``(loss - var)+ / ((1 - level) (es - var))``. On average at most one when ``var + E(loss - var)+ / (1 - level) <=
    es``, the Rockafellar-Uryasev bound on expected shortfall: a `var` that is wrong either way is not excused unless
    `es` makes up for it. Infinite when a loss exceeds an `es` that equals its `var`.
    """
    rate = _rate(level)
    losses, low, high = np.broadcast_arrays(_floats(loss), _floats(var), _floats(es))
    if (high < low).any():
        raise ValueError(f"es_evalues needs es >= var; {int((high < low).sum())} of {low.size} forecasts are not")
    excess, room = np.maximum(losses - low, 0.0), rate * (high - low)
    certain = np.where(excess > 0, np.inf, 0.0)
    value = np.divide(excess, room, out=certain, where=~(room == 0))
    return np.where(np.isnan(losses) | np.isnan(low) | np.isnan(high), np.nan, value)


def panel_evalues(e_values: ArrayLike) -> FloatArray:
    """(days,) mean e-value of the instruments of each day, itself an e-value however the instruments move together.

    Parameters
    ----------
    e_values : (days, instruments), NaN where there is none. Who is there must not depend on what the day brings.

    Returns
    -------
    FloatArray
        (days,); NaN on days without any instrument
    """
    values = _floats(e_values)
    if values.ndim == 1:
        return values
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0))


def _floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _rate(level: float) -> float:
    if not 0.5 < level < 1.0:
        raise ValueError(f"level is a confidence between 0.5 and 1, for example 0.99; got {level}")
    return 1.0 - level
