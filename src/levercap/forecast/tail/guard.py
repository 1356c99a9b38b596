"""Coverage guard: changes value at risk only where two years of evidence show that its hit rate is wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levercap.core.names import FloatArray
from levercap.forecast.recipe import RECIPE, GuardRecipe

__all__ = ["coverage_factor"]


def coverage_factor(
    loss: FloatArray,
    var: FloatArray,
    day: NDArray[np.datetime64],
    level: float,
    recipe: GuardRecipe = RECIPE.guard,
) -> float:
    """Factor on VaR and ES of one side, kind and level; 1.0 unless the hit rate is clearly off.

    Parameters
    ----------
    loss, var : (rows,) realised losses and the out-of-sample forecasts of them, NaN where there is none
    day : (rows,) day of each row
    level : confidence
    recipe : lengths and bounds

    Notes
    -----
    The factor that would have given the nominal hit rate (the level's quantile of loss / VaR, days weighing the same)
    is shrunk in logs by ``max(0, 1 - 3 / t^2)``, t being the error of the hit rate over its standard error from
    20-day blocks: the positive-part estimator of James and Stein (1961). Fast adaptive corrections repair coverage and
    worsen the score; this one stays at 1 unless the evidence is strong, and two calm years lower VaR by a tenth at
    most. Fewer than 365 days are no evidence.
    """
    known = np.isfinite(loss) & np.isfinite(var) & (var > 0)
    days, which = np.unique(day[known], return_inverse=True)
    if len(days) < recipe.smallest_days:
        return 1.0
    ratio = loss[known] / var[known]
    count = np.bincount(which)
    daily = np.bincount(which, ratio > 1.0) / count
    error = daily.mean() - (1.0 - level)
    size = recipe.block_days
    blocks = len(days) // size
    means = daily[: blocks * size].reshape(blocks, size).mean(axis=1)
    standard_error = float(means.std(ddof=1) / np.sqrt(blocks))
    if error**2 <= recipe.shrinkage * standard_error**2:
        return 1.0
    order = np.argsort(ratio, kind="stable")
    share = np.cumsum(1.0 / count[which[order]]) / len(days)
    wanted = float(np.interp(level, share, ratio[order]))
    kept = 1.0 - recipe.shrinkage * standard_error**2 / error**2
    factor = np.exp(np.log(max(wanted, recipe.smallest_unshrunk)) * kept)
    return float(np.clip(factor, recipe.smallest_factor, recipe.largest_factor))
