"""Circular block bootstrap of a daily mean: days are the unit, and blocks of neighbouring days are kept whole.

Source: Politis and Romano (1992). Rows of one day must be averaged before they come here; coin-days are never
independent.
"""

from __future__ import annotations

import numpy as np

from levercap.core.names import FloatArray

__all__ = ["bootstrap_means", "interval", "standard_error"]


def bootstrap_means(daily: FloatArray, block_days: int = 20, draws: int = 1000, seed: int = 0) -> FloatArray:
    """Means of resampled series.

    Parameters
    ----------
    daily : (days,) or (days, columns), in time order, no missing value; columns are resampled together
    block_days : length of the blocks that are kept whole, at most a fifth of the days
    draws, seed : number of resamples and where their random numbers start

    Returns
    -------
    FloatArray
        (draws,) or (draws, columns)
    """
    values = np.asarray(daily, dtype=np.float64)
    days = len(values)
    if days == 0 or not np.isfinite(values).all():
        raise ValueError("bootstrap_means needs at least one day and no missing value")
    block = max(1, min(block_days, days // 5))
    blocks = -(-days // block)
    starts = np.random.default_rng(seed).integers(0, days, (draws, blocks))
    # Sums over any circular stretch are differences of one running sum; the last block is cut to make up exactly
    # `days`.
    running = np.concatenate([np.zeros_like(values[:1]), np.cumsum(np.concatenate([values, values[:block]]), axis=0)])
    lengths = np.full(blocks, block)
    lengths[-1] = days - block * (blocks - 1)
    sums = running[starts + lengths] - running[starts]
    return np.asarray(sums.sum(axis=1) / days)


def interval(
    daily: FloatArray, block_days: int = 20, draws: int = 1000, seed: int = 0, coverage: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of `daily`, shape (days,)."""
    means = bootstrap_means(daily, block_days, draws, seed)
    tail = (1.0 - coverage) / 2.0
    return float(np.quantile(means, tail)), float(np.quantile(means, 1.0 - tail))


def standard_error(daily: FloatArray, block_days: int = 20) -> float:
    """Standard error of the mean of `daily`, shape (days,): the limit of `bootstrap_means` for infinitely many draws.

    Notes
    -----
    Blocks are drawn independently, so the variance is the variance of one circular block mean over the number of blocks
    (Politis and Romano, 1992). Short series use blocks of at most a fifth of their length.
    """
    values = np.asarray(daily, dtype=np.float64)
    days = len(values)
    if days == 0 or not np.isfinite(values).all():
        raise ValueError("standard_error needs at least one day and no missing value")
    block = max(1, min(block_days, days // 5))
    centred = values - values.mean()
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([centred, centred[:block]]))])
    block_means = (running[block : block + days] - running[:days]) / block
    return float(np.sqrt(np.mean(block_means**2) * block / days))
