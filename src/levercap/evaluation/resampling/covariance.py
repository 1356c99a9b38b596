"""Long-run variance of daily series that depend on their own past.

Everything here estimates ``S = sum over all lags j of Cov(x_t, x_{t-j})``, so that a mean of n days has covariance
``S / n``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = ["block_covariance", "long_run_covariance", "long_run_variance", "newey_west_lags"]


def long_run_covariance(daily: ArrayLike, lags: int | None = None, centred: bool = True) -> FloatArray:
    """Newey-West estimate of the long-run covariance.

    Parameters
    ----------
    daily : (days,) or (days, columns), in time order, no missing value
    lags : autocovariances that are used; 0 if days are known to be uncorrelated, horizon - 1 at the least if forecasts
        overlap, None to choose by `newey_west_lags`
    centred : take the sample mean off; False when the hypothesis under test says that the mean is zero

    Returns
    -------
    FloatArray
        (columns, columns), positive semi-definite

    Notes
    -----
    ``G_0 + sum_j (1 - j / (lags + 1)) (G_j + G_j')`` with ``G_j = sum_t x_t x_{t-j}' / days`` (Newey and West,
    Econometrica 1987).
    """
    values = _matrix(daily)
    days = len(values)
    chosen = newey_west_lags(values) if lags is None else min(lags, days - 1)
    if chosen < 0:
        raise ValueError(f"lags is a number of days, at least 0, or None; got {lags}")
    x = values - values.mean(axis=0) if centred else values
    total = x.T @ x
    for lag in range(1, chosen + 1):
        product = x[lag:].T @ x[:-lag]
        total = total + (1.0 - lag / (chosen + 1)) * (product + product.T)
    return np.asarray(total / days)


def long_run_variance(daily: ArrayLike, lags: int | None = None, centred: bool = True) -> float:
    """`long_run_covariance` of one series, shape (days,)."""
    return float(long_run_covariance(np.asarray(daily, dtype=np.float64).reshape(-1, 1), lags, centred)[0, 0])


def newey_west_lags(daily: ArrayLike) -> int:
    """Number of lags that suits the memory of the data, at most days - 1.

    Notes
    -----
    The plug-in rule of Newey and West (Review of Economic Studies 1994) for the Bartlett kernel:
    ``1.1447 (s1 / s0)^(2/3) days^(1/3)`` rounded down, where ``s0 = g_0 + 2 sum g_j``, ``s1 = 2 sum j g_j`` over
    ``4 (days / 100)^(2/9)`` first autocovariances. Several columns are added up for this, each divided by its standard
    deviation, so that units do not matter.
    """
    values = _matrix(daily)
    days = len(values)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    series = centred[:, spread > 0] @ (1.0 / spread[spread > 0])
    first = min(int(4.0 * (days / 100.0) ** (2.0 / 9.0)), days - 1)
    g = np.array([series[lag:] @ series[: days - lag] for lag in range(first + 1)]) / days
    level, slope = g[0] + 2.0 * g[1:].sum(), 2.0 * (np.arange(1, first + 1) * g[1:]).sum()
    if level <= 0:  # no variance at all, or memory so negative that the pilot estimate has no root
        return first if g[0] > 0 else 0
    return min(int(1.1447 * ((slope / level) ** 2 * days) ** (1.0 / 3.0)), days - 1)


def block_covariance(daily: ArrayLike, block_days: int = 20) -> FloatArray:
    """Long-run covariance (columns, columns) from the spread of means of neighbouring days.

    Notes
    -----
    The covariance that the circular block bootstrap gives to a mean, times the number of days; one column agrees with
    `levercap.evaluation.resampling.bootstrap.standard_error`, short series use blocks of at most a fifth of their
    length as there.
    """
    values = _matrix(daily)
    days = len(values)
    block = max(1, min(block_days, days // 5))
    centred = values - values.mean(axis=0)
    running = np.concatenate(
        [np.zeros_like(centred[:1]), np.cumsum(np.concatenate([centred, centred[:block]]), axis=0)]
    )
    sums = running[block : block + days] - running[:days]
    return np.asarray(sums.T @ sums / (days * block))


def _matrix(daily: ArrayLike) -> FloatArray:
    values = np.asarray(daily, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a long-run covariance needs at least one day and no missing value")
    return values.reshape(len(values), -1)
