"""Coverage: good hours within the windows that forecasts look at."""

from __future__ import annotations

import numpy as np

from levercap.core.names import BoolArray, IntArray
from levercap.market.quality.hours import last_row, rolling_count
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["covered", "window_counts"]


def window_counts(good: BoolArray, listed: BoolArray, hours: int) -> tuple[IntArray, IntArray]:
    """(hours, symbols) good hours among the last `hours`, and hours since the symbol's first bar among them."""
    since = last_row(listed) >= 0
    return rolling_count(good, hours), rolling_count(since, hours)


def covered(good: BoolArray, listed: BoolArray, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) whether every window that ends with the hour has its least share of good hours.

    Hours before the symbol's first bar (`listed`) count neither way.
    """
    enough = np.ones(good.shape, dtype=bool)
    for hours, share in zip(recipe.window_hours, recipe.window_shares, strict=True):
        count, possible = window_counts(good, listed, hours)
        enough &= count >= share * np.maximum(possible, 1)
    return enough
