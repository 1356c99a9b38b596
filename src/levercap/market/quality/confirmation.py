"""Confirmation by other coins: what they did in the same hour, and the symbol's own hourly scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from levercap.core.names import FloatArray, IntArray
from levercap.market.quality.hours import NORMAL_MEAN
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["long_scale", "median_of_others", "over_others", "recent_scale", "volume_surge"]

CHUNK = 20_000
SMALLEST_SCALE = 1e-5
UNKNOWN_SCALE = 0.01
WEEK = 168
FEWEST_HOURS = 48
CLIP = 6.0


def long_scale(moves: FloatArray) -> FloatArray:
    """(symbols,) robust hourly standard deviation: from the mean absolute move, moves beyond six means clipped.

    A symbol with fewer than 48 moves takes the median of the others.
    """
    size = np.abs(moves)
    known = np.isfinite(size)
    size[~known] = 0.0
    count = known.sum(axis=0)
    enough = count >= FEWEST_HOURS
    typical = size.sum(axis=0) / np.maximum(count, 1)
    for _ in range(2):
        typical = np.minimum(size, CLIP * typical).sum(axis=0) / np.maximum(count, 1)
    scale = NORMAL_MEAN * typical
    others = float(np.median(scale[enough])) if enough.any() else UNKNOWN_SCALE
    return np.asarray(np.maximum(np.where(enough, scale, others), SMALLEST_SCALE), dtype=np.float64)


def recent_scale(
    moves: FloatArray, long: FloatArray, row: IntArray, own: IntArray, recipe: QualityRecipe
) -> FloatArray:
    """(cases,) hourly standard deviation before row `row` of symbol `own`: the larger of long and recent.

    Moves (hours, symbols) are clipped, so that one doubtful move does not excuse the next.
    """
    parts = []
    for i in range(0, len(row), CHUNK):
        r, j = row[i : i + CHUNK], own[i : i + CHUNK]
        back = r[:, None] - np.arange(1, recipe.scale_hours + 1)
        size = np.abs(moves[np.maximum(back, 0), j[:, None]])
        known = np.isfinite(size) & (back >= 0)
        clipped = np.where(known, np.minimum(size, recipe.scale_clip * long[j][:, None]), 0.0)
        count = known.sum(axis=1)
        mean = clipped.sum(axis=1) / np.maximum(count, 1)
        parts.append(np.maximum(long[j], np.where(count >= recipe.scale_hours // 4, NORMAL_MEAN * mean, 0.0)))
    return np.concatenate(parts) if parts else np.zeros(0)


def volume_surge(volume: FloatArray) -> FloatArray:
    """(hours, symbols) volume over the mean of the week before, NaN where either is not known."""
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
    case = np.arange(len(own))
    others[case, own] = np.nan
    ordered = np.sort(others, axis=1)
    count = np.isfinite(others).sum(axis=1)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    return np.where(count > 0, 0.5 * (ordered[case, low] + ordered[case, high]), 0.0)


def over_others(take: Callable[[IntArray], FloatArray], own: IntArray) -> FloatArray:
    """(cases,) `median_of_others` of the rows that `take` gives for some cases, in parts that fit into memory."""
    cases = np.arange(len(own))
    parts = [median_of_others(take(cases[i : i + CHUNK]), own[i : i + CHUNK]) for i in range(0, len(own), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)
