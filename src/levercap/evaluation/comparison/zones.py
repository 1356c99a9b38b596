"""Comparative backtest in three zones: a forecast beside the standard procedure.

Source: Nolde and Ziegel, "Elicitability and backtesting: perspectives for banking regulation", Annals of Applied
Statistics 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from levercap.core.verdicts import Light
from levercap.evaluation.coverage.tail_sample import day_numbers
from levercap.evaluation.resampling.covariance import block_covariance, long_run_covariance
from levercap.evaluation.resampling.day_blocks import t_values

__all__ = ["Zones", "three_zones"]


@dataclass(frozen=True)
class Zones:
    """A forecast compared with the standard procedure in both directions.

    Attributes
    ----------
    difference : mean over days of score - standard score; below zero the forecast is better
    statistic : the difference over its standard error
    p_at_least_as_good : of H0-, "the forecast is at least as good as the standard"
    p_at_most_as_good : of H0+, "the forecast is at most as good as the standard"
    zone : green when H0+ is rejected (better), red when H0- is (worse), else yellow
    days : number of days
    """

    difference: float
    statistic: float
    p_at_least_as_good: float
    p_at_most_as_good: float
    zone: Light
    days: int


def three_zones(
    score: ArrayLike,
    standard: ArrayLike,
    day: ArrayLike | None = None,
    significance: float = 0.05,
    block_days: int | None = 20,
    lags: int | None = None,
) -> Zones:
    """Comparative backtest by any score of which less is better: significantly better, significantly worse, or neither.

    Parameters
    ----------
    score, standard : (rows,) scores of the forecast and of the standard procedure on the same rows
    day : (rows,) day of each row; without it every row is a day of its own
    significance : of both tests
    block_days : the variance of the mean is that of blocks of so many days; None for Newey-West
    lags : of Newey-West, None for its automatic choice; used only without `block_days`

    Notes
    -----
    Diebold-Mariano statistic of the daily mean differences, used in both directions.
    """
    difference = np.asarray(score, dtype=np.float64) - np.asarray(standard, dtype=np.float64)
    if difference.ndim != 1 or len(difference) == 0 or not np.isfinite(difference).all():
        raise ValueError("three_zones needs two arrays of scores, one for each row, none missing")
    index = np.arange(len(difference)) if day is None else day_numbers(day)
    daily = np.bincount(index, difference) / np.bincount(index)
    spread = long_run_covariance(daily, lags) if block_days is None else block_covariance(daily, block_days)
    mean = float(daily.mean())
    statistic = float(t_values(np.array(mean), np.sqrt(spread[0, 0] / len(daily))))
    worse, better = float(norm.sf(statistic)), float(norm.cdf(statistic))
    zone = Light.RED if worse <= significance else Light.GREEN if better <= significance else Light.YELLOW
    return Zones(mean, statistic, worse, better, zone, len(daily))
