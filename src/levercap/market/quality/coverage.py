"""Coverage: good hours within the windows that forecasts look at."""

from __future__ import annotations

import numpy as np

from levercap.core.names import BoolArray, IntArray
from levercap.market.quality.confirmation import long_scale, recent_scale
from levercap.market.quality.hours import Hours, rolling_count
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["covered", "violent_holes", "window_counts"]


def window_counts(good: BoolArray, listed: BoolArray, hours: int) -> tuple[IntArray, IntArray]:
    """(hours, symbols) good hours among the last `hours`, and hours since the symbol's first bar among them."""
    first = np.where(listed.any(axis=0), np.argmax(listed, axis=0), len(listed))
    since = np.arange(1, len(listed) + 1)[:, None] - first
    return rolling_count(good, hours), np.clip(since, 0, hours)


def covered(good: BoolArray, listed: BoolArray, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) whether every window that ends with the hour has its least share of good hours.

    Hours before the symbol's first bar (`listed`) count neither way.
    """
    enough = np.ones(good.shape, dtype=bool)
    for hours, share in zip(recipe.window_hours, recipe.window_shares, strict=True):
        count, possible = window_counts(good, listed, hours)
        enough &= count >= share * possible
    return enough


def violent_holes(hours: Hours, usable: BoolArray, recipe: QualityRecipe) -> IntArray:
    """(symbols,) first row of the violent holes, -1 where the hours missing within the longest window are ordinary.

    They are violent where at least two holes, and a tenth of them, are bridged by a move of more than three scales
    times the root of the hours missing.
    """
    out = np.full(usable.shape[1], -1)
    window = max(recipe.window_hours)
    rows = slice(-2 * window, None)
    there, opened = usable[rows], hours.open[rows]
    close = np.where(there, hours.close[rows], np.nan)
    moves = np.vstack([np.full((1, there.shape[1]), np.nan), np.diff(close, axis=0)])
    long = long_scale(moves)
    for j in np.flatnonzero(~there[-window:].all(axis=0)):
        known = np.flatnonzero(there[:, j])
        hole = np.flatnonzero((np.diff(known) > 1) & (known[1:] >= len(there) - window))
        if len(hole) < recipe.violent_holes:
            continue
        before, after = known[hole], known[hole + 1]
        scale = recent_scale(moves, long, before + 1, np.full(len(hole), j), recipe)
        size = np.abs(opened[after, j] - close[before, j]) / (scale * np.sqrt(after - before - 1))
        violent = np.flatnonzero(size > recipe.violent_scales)
        if len(violent) >= max(recipe.violent_holes, recipe.violent_share * len(hole)):
            out[j] = len(usable) - len(there) + before[violent[0]] + 1
    return out
