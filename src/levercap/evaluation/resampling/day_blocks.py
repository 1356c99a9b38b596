"""Resampling whole blocks of neighbouring days for statistics that are more than a mean.

`levercap.evaluation.resampling.bootstrap` gives the mean of each resample. Ratios of means, studentised statistics and
regressions need to know what each resample is made of; that is here.
Source: Politis and Romano (1992), circular blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray, IntArray

__all__ = ["block_length", "block_starts", "block_sums", "day_counts", "studentized_ratio", "t_values"]


def block_length(days: int, block_days: int) -> int:
    """`block_days`, but at most a fifth of all days, so that there is something to draw from."""
    return max(1, min(block_days, days // 5))


def block_starts(days: int, block: int, draws: int, seed: int = 0) -> IntArray:
    """(draws, blocks) first days of the blocks of each resample; as many blocks as cover `days`."""
    return np.random.default_rng(seed).integers(0, days, (draws, -(-days // block)))


def block_sums(daily: FloatArray, block: int) -> FloatArray:
    """Sums over the block that starts on each day, wrapping at the end; shaped like `daily`."""
    running = np.concatenate([np.zeros_like(daily[:1]), np.cumsum(np.concatenate([daily, daily[:block]]), axis=0)])
    return np.asarray(running[block : block + len(daily)] - running[: len(daily)])


def day_counts(starts: IntArray, days: int, block: int) -> IntArray:
    """(days,) how often each day is in the one resample whose blocks begin at `starts`, shape (blocks,)."""
    return np.bincount(((starts[:, None] + np.arange(block)) % days).ravel(), minlength=days)


def studentized_ratio(
    numerator: ArrayLike, denominator: ArrayLike, block_days: int = 20, draws: int = 999, seed: int = 0
) -> tuple[float, float, FloatArray]:
    """Ratio of two daily means, its t value, and the t values that resamples have about that ratio.

    Parameters
    ----------
    numerator, denominator : (days,) in time order; the denominator adds up to more than zero
    block_days, draws, seed : of the bootstrap

    Returns
    -------
    ratio : sum of the numerator over sum of the denominator
    t : the ratio over its standard error; infinite where there is no spread
    resampled : (draws,) values of (resampled ratio - ratio) / its own standard error; NaN where a resample has no
        denominator

    Notes
    -----
    The standard error is that of the sum over blocks of ``numerator - ratio * denominator``. Comparing `t` with
    `resampled` is right to second order, which matters because means of rare large losses are far from normal (Hall,
    The Bootstrap and Edgeworth Expansion, 1992; Goetze and Kuensch, Annals of Statistics 1996, for blocks).
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    days = len(top)
    block = block_length(days, block_days)
    tops, bottoms = block_sums(top, block), block_sums(bottom, block)
    ratio = float(top.sum() / bottom.sum())
    # days / block blocks, each with the mean square of all `days` circular ones
    error = np.sqrt(np.square(tops - ratio * bottoms).sum() / block) / bottom.sum()
    starts = block_starts(days, block, draws, seed)
    drawn_top, drawn_bottom = tops[starts], bottoms[starts]
    total = drawn_bottom.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(total > 0, drawn_top.sum(axis=1) / total, np.nan)
        residual = drawn_top - ratios[:, None] * drawn_bottom
        errors = np.sqrt(np.square(residual).sum(axis=1)) / total
    t = float(t_values(np.array(ratio), np.array(error)))
    return ratio, t, t_values(ratios - ratio, errors)


def t_values(difference: FloatArray, error: FloatArray) -> FloatArray:
    """Difference over standard error; where there is no error, infinite with the sign of the difference, or 0."""
    certain = np.where(difference > 0, np.inf, np.where(difference < 0, -np.inf, 0.0))
    quotient = np.where(np.isnan(difference), np.nan, certain)
    spread = error > 1e-9 * np.abs(difference)
    return np.divide(difference, error, out=quotient, where=spread)
