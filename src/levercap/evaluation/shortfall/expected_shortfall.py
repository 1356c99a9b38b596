"""Backtests of expected shortfall: Acerbi-Szekely and McNeil-Frey, one-sided towards "too small".

Losses, `var` and `es` are positive and `level` is the confidence; with a = 1 - level, a hit is a loss above `var` and
comes with probability a. The sources write returns and negative forecasts; every statistic keeps the source's sign, so
that it is zero in expectation when the forecast is right and NEGATIVE when expected shortfall is too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray
from levercap.evaluation.coverage.tail_sample import TailSample, tail_sample
from levercap.evaluation.resampling.day_blocks import studentized_ratio
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = [
    "MINIMUM_HITS",
    "ShortfallStatistic",
    "ShortfallTest",
    "exceedance_residuals",
    "shortfall_panel_test",
]

MINIMUM_HITS = 5
"""Fewer hits than this say nothing about the losses beyond the value at risk."""


class ShortfallStatistic(StrEnum):
    """Statistics whose expectation is zero under right forecasts.

    Attributes
    ----------
    Z2 : ``1 - sum over hits of loss / es / (a rows)``: size and number together
    MINIMALLY_BIASED_RELATIVE : mean of ``(es - var - (loss - var)+ / a) / es``

    Notes
    -----
    Z2 is test 2 of Acerbi and Szekely (Risk, 2014). The minimally biased statistic (Acerbi and Szekely,
    "General properties of backtestable statistics", 2017) is zero at the true (var, es) and to first order not
    disturbed by a wrong var, because ``var + (loss - var)+ / a`` has its smallest expectation, es, at the true var
    (Rockafellar and Uryasev, 2000); a wrong var can only lower it.
    """

    Z2 = "z2"
    MINIMALLY_BIASED_RELATIVE = "minimally_biased_relative"


@dataclass(frozen=True)
class ShortfallTest:
    """Outcome of a one-sided test of expected shortfall.

    Attributes
    ----------
    statistic : as named by the function
    p_value : chance of one that accuses the forecast at least as much, if the forecast is right; small says that
        expected shortfall is too small
    hits, rows, days : losses above the value at risk, among that many losses, on that many days
    """

    statistic: float
    p_value: float
    hits: int
    rows: int
    days: int


def shortfall_panel_test(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    day: ArrayLike,
    level: float,
    statistic: ShortfallStatistic = ShortfallStatistic.Z2,
    block_days: int = 20,
    draws: int = 999,
    seed: int = 0,
) -> ShortfallTest:
    """Acerbi-Szekely test of many instruments together, by a bootstrap of whole days.

    Parameters
    ----------
    loss, var, es, day : (rows,) any number of instruments a day; nothing is assumed about what they have in common
    level : confidence
    statistic : which one
    block_days : neighbouring days kept together; at least the horizon in days
    draws, seed : resamples and where their random numbers start

    Notes
    -----
    The statistic is a mean over days of cross-sectional means. Its t value is compared with those of resamples about
    the observed mean (`levercap.evaluation.resampling.day_blocks.studentized_ratio`).
    """
    sample = tail_sample(loss, var, es, level, day)
    value = sample.day_means(_row_values(sample, statistic))
    mean, t, resampled = studentized_ratio(value, np.ones(sample.days), block_days, draws, seed)
    return _result(sample, mean, _p_value(t, resampled))


def exceedance_residuals(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    scale: ArrayLike | None = None,
    day: ArrayLike | None = None,
    block_days: int = 20,
    draws: int = 9999,
    seed: int = 0,
) -> ShortfallTest:
    """McNeil-Frey test of exceedance residuals: given a hit, is the mean loss the expected shortfall forecast?

    Parameters
    ----------
    loss, var, es : (rows,) losses positive, same units
    level : confidence
    scale : (rows,) volatility forecast by which residuals are divided; without it, es
    day : (rows,) day of each row, for many instruments; without it the rows are one instrument's and independent
    block_days : neighbouring days kept together; used only with `day`
    draws, seed : of the bootstrap

    Returns
    -------
    ShortfallTest
        `statistic` is the t value of the mean residual ``(loss - es) / scale`` over hits, with the sign turned:
        NEGATIVE where expected shortfall is too small, as for all statistics here

    Raises
    ------
    ValueError
        with fewer than 5 hits, or hits on fewer than 5 days

    Notes
    -----
    McNeil and Frey (Journal of Empirical Finance, 2000): residuals have mean zero if var and es are right; the t
    value is compared with those of resampled residuals about their mean (Efron and Tibshirani, 1993, p. 224).
    """
    sample = tail_sample(loss, var, es, level, day)
    spread = sample.es if scale is None else np.asarray(scale, dtype=np.float64)
    if spread.shape != sample.loss.shape or not (spread > 0).all():
        raise ValueError(f"exceedance_residuals needs one scale > 0 for each of {len(sample.loss)} rows")
    hits = sample.hits
    hit_days = len(np.unique(sample.day[hits]))
    if hit_days < MINIMUM_HITS:
        raise ValueError(
            f"exceedance_residuals needs hits on at least {MINIMUM_HITS} days; got {hits.sum()} on {hit_days} days"
        )
    residual = np.where(hits, (sample.es - sample.loss) / spread, 0.0)
    if day is None:
        _, t, resampled = studentized_ratio(residual[hits], np.ones(int(hits.sum())), 1, draws, seed)
    else:
        value, weight = sample.day_means(residual), sample.day_means(hits.astype(np.float64))
        _, t, resampled = studentized_ratio(value, weight, block_days, draws, seed)
    return _result(sample, t, _p_value(t, resampled))


def _row_values(sample: TailSample, statistic: ShortfallStatistic) -> FloatArray:
    """(rows,) values whose mean is the statistic."""
    loss, var, es, rate = sample.loss, sample.var, sample.es, sample.rate
    if statistic is ShortfallStatistic.Z2:
        return np.where(loss > var, 1.0 - loss / (rate * es), 1.0)
    return np.asarray((es - var - np.maximum(loss - var, 0.0) / rate) / es)


def _p_value(observed: float, simulated: FloatArray) -> float:
    """Of `observed` being small; what could not be computed counts as smaller."""
    return monte_carlo(-observed, -np.where(np.isnan(simulated), -np.inf, simulated)).p_value


def _result(sample: TailSample, statistic: float, p_value: float) -> ShortfallTest:
    return ShortfallTest(float(statistic), p_value, int(sample.hits.sum()), len(sample.loss), sample.days)
