"""Confirmation by other coins: what they did in the same hour, and the symbol's own hourly scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from levercap.core.names import FloatArray, IntArray
from levercap.market.quality.hours import NORMAL_MEAN, Hours
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["hourly_scale", "long_scale", "median_of_others", "over_others", "volume_surge"]

CHUNK = 20_000
SMALLEST_SCALE = 1e-5
WEEK = 168
FEWEST_HOURS = 48


def long_scale(moves: FloatArray) -> FloatArray:
    """(symbols,) robust hourly standard deviation: from the mean absolute move, moves beyond six means clipped.

    A symbol with fewer than 48 moves takes the median of the others.
    """
    size = np.abs(moves)
    known = np.isfinite(size)
    count = known.sum(axis=0)
    scale = np.full(moves.shape[1], np.nan)
    enough = count >= FEWEST_HOURS
    if enough.any():
        some = size[:, enough]
        typical = np.nanmean(some, axis=0)
        for _ in range(3):
            typical = np.nanmean(np.minimum(some, 6.0 * typical), axis=0)
        scale[enough] = NORMAL_MEAN * typical
    others = float(np.median(scale[enough])) if enough.any() else 0.01
    return np.maximum(np.where(enough, scale, others), SMALLEST_SCALE)


def hourly_scale(moves: FloatArray, recipe: QualityRecipe) -> FloatArray:
    """(hours, symbols) standard deviation of hourly moves before each hour, the larger of long and recent."""
    long = long_scale(moves)
    clipped = np.minimum(np.abs(moves), recipe.scale_clip * long)
    known = np.isfinite(clipped)
    total = np.cumsum(np.where(known, clipped, 0.0), axis=0)
    count = np.cumsum(known, axis=0)
    hours = recipe.scale_hours
    total[hours:], count[hours:] = total[hours:] - total[:-hours], count[hours:] - count[:-hours]
    recent = NORMAL_MEAN * np.divide(total, count, out=np.zeros_like(total), where=count >= hours // 4)
    before = np.vstack([np.zeros((1, moves.shape[1])), recent[:-1]])
    return np.asarray(np.maximum(before, long), dtype=np.float64)


def volume_surge(hours: Hours) -> FloatArray:
    """(hours, symbols) volume over the mean of the week before, NaN where either is not known."""
    volume = hours.volume
    known = np.isfinite(volume)
    total = np.cumsum(np.where(known, volume, 0.0), axis=0)
    count = np.cumsum(known, axis=0)
    total[WEEK:], count[WEEK:] = total[WEEK:] - total[:-WEEK], count[WEEK:] - count[:-WEEK]
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=(count > 0) & (total > 0))
    before = np.vstack([np.full((1, volume.shape[1]), np.nan), mean[:-1]])
    return np.asarray(volume / before, dtype=np.float64)


def median_of_others(values: FloatArray, own: IntArray) -> FloatArray:
    """(cases,) median of each row of `values` (cases, symbols) without the row's symbol `own`; 0 without others."""
    others = values.copy()
    others[np.arange(len(own)), own] = np.nan
    ordered = np.sort(others, axis=1)
    count = np.isfinite(others).sum(axis=1)
    case = np.arange(len(own))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    middle = 0.5 * (ordered[case, low] + ordered[case, np.minimum(high, values.shape[1] - 1)])
    return np.where(count > 0, middle, 0.0)


def over_others(take: Callable[[IntArray], FloatArray], own: IntArray) -> FloatArray:
    """(cases,) `median_of_others` of the rows that `take` gives for some cases, in parts that fit into memory."""
    cases = np.arange(len(own))
    parts = [median_of_others(take(cases[i : i + CHUNK]), own[i : i + CHUNK]) for i in range(0, len(own), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)
