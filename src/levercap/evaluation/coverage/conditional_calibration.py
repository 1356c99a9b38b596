"""Conditional calibration test of (value at risk, expected shortfall), one-sided towards forecasts that are too small.

Source: Nolde and Ziegel, "Elicitability and backtesting: perspectives for banking regulation", Annals of
Applied Statistics 2017. Losses, `var` and `es` are positive; a = 1 - level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray
from levercap.evaluation.coverage.tail_sample import TailSample, tail_sample
from levercap.evaluation.resampling.covariance import block_covariance
from levercap.evaluation.resampling.day_blocks import studentized_ratio, t_values
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = ["Calibration", "panel_calibration"]


@dataclass(frozen=True)
class Calibration:
    """Outcome of a test of conditional calibration.

    Attributes
    ----------
    statistic : the smaller of the two t values, very negative when the forecasts are too small
    p_value : small when the forecasts are too small
    moments, t_values : mean of each moment over days and its t value, of hits and of shortfall; negative: too many
        hits, or too little expected shortfall
    hits, rows, days : size of the sample
    """

    statistic: float
    p_value: float
    moments: tuple[float, ...]
    t_values: tuple[float, ...]
    hits: int
    rows: int
    days: int


def panel_calibration(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    day: ArrayLike,
    level: float,
    block_days: int = 20,
    draws: int = 999,
    seed: int = 0,
) -> Calibration:
    """Nolde-Ziegel test of many instruments together, on daily cross-sectional means.

    Parameters
    ----------
    loss, var, es, day : (rows,) any number of instruments a day
    level : confidence
    block_days : neighbouring days kept together in the variance of the means and in the resamples
    draws, seed : number of resamples of whole days, and where their random numbers start

    Notes
    -----
    The moments of a row are ``a - hit`` and ``(es - var - (loss - var)+ / a) / es``: the source's identification
    functions with the sign that makes both non-negative in expectation for forecasts that are too large. Dividing the
    second by es keeps instruments of very different volatility comparable. Moments are averaged over each day, and
    their covariance allows neighbouring days to be alike (overlapping horizons, a forecast that is off for weeks).

    The smallest t value is compared with the smallest t values of resamples about the observed means, so neither the
    skewness of rare losses nor what the moments have in common is assumed away: at a nominal 5 % the test keeps 3 to
    6 % in a year and a half of 15 coins that move together.
    """
    sample = tail_sample(loss, var, es, level, day)
    daily = sample.day_means(_moments(sample))
    means = daily.mean(axis=0)
    # without a single hit the first moment is the same every day, and its t value infinite
    t = t_values(means, np.sqrt(np.diag(block_covariance(daily, block_days)) / len(daily)))
    p_value = _smallest_t_p_value(daily, block_days, draws, seed)
    hits, rows = int(sample.hits.sum()), len(sample.loss)
    return Calibration(float(t.min()), p_value, tuple(map(float, means)), tuple(map(float, t)), hits, rows, len(daily))


def _moments(sample: TailSample) -> FloatArray:
    """(rows, 2)."""
    shortfall = sample.es - sample.var - sample.excess / sample.rate
    return np.column_stack([sample.rate - sample.hits, (1.0 / sample.es) * shortfall])


def _smallest_t_p_value(daily: FloatArray, block_days: int, draws: int, seed: int) -> float:
    """Share of resamples whose smallest t value is as small; one seed, so all columns are resampled alike."""
    ones = np.ones(len(daily))
    columns = [studentized_ratio(column, ones, block_days, draws, seed) for column in daily.T]
    observed = min(t for _, t, _ in columns)
    resampled = np.min([t for _, _, t in columns], axis=0)
    return monte_carlo(-observed, -resampled).p_value
