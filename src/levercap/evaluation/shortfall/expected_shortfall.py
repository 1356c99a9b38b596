"""Is expected shortfall as large as it should be? Acerbi-Szekely and McNeil-Frey, one-sided towards "too small".

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
    "shortfall_statistic",
    "shortfall_test",
]

MINIMUM_HITS = 5
"""Fewer hits than this say nothing about the losses beyond the value at risk."""

_CHUNK = 2_000_000


class ShortfallStatistic(StrEnum):
    """Which average is compared with its expectation of zero.

    Attributes
    ----------
    Z1 : ``1 - mean over hits of loss / es``: the size of the losses beyond the value at risk, not their number
    Z2 : ``1 - sum over hits of loss / es / (a rows)``: size and number together
    MINIMALLY_BIASED : ``mean of es - var - (loss - var)+ / a``, in the units of the loss
    MINIMALLY_BIASED_RELATIVE : the same, each row divided by its es

    Notes
    -----
    Z1 and Z2 are tests 1 and 2 of Acerbi and Szekely (Risk, 2014). The minimally biased statistic (Acerbi and Szekely,
    "General properties of backtestable statistics", 2017) is zero at the true (var, es) and to first order not
    disturbed by a wrong var, because ``var + (loss - var)+ / a`` has its smallest expectation, es, at the true var
    (Rockafellar and Uryasev, 2000); a wrong var can only lower it.
    """

    Z1 = "z1"
    Z2 = "z2"
    MINIMALLY_BIASED = "minimally_biased"
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


def shortfall_statistic(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    statistic: ShortfallStatistic = ShortfallStatistic.Z2,
    day: ArrayLike | None = None,
) -> float:
    """One of the statistics of `ShortfallStatistic`; below zero where expected shortfall is too small.

    Parameters
    ----------
    loss, var, es : (rows,) losses positive, same units
    level : confidence
    day : (rows,) day of each row; with it every day counts the same, however many rows it has

    Raises
    ------
    ValueError
        when the forecasts cannot be used, or Z1 is asked of a sample without a hit
    """
    sample = tail_sample(loss, var, es, level, day)
    value, weight = _contributions(sample, statistic)
    return float(sample.day_means(value).sum() / sample.day_means(weight).sum())


def shortfall_test(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    statistic: ShortfallStatistic = ShortfallStatistic.Z2,
    simulated: ArrayLike | None = None,
    draws: int = 9999,
    seed: int = 0,
) -> ShortfallTest:
    """Acerbi-Szekely test of ONE instrument whose days are independent given the forecasts, by Monte Carlo.

    Parameters
    ----------
    loss, var, es : (days,) losses positive, same units
    level : confidence
    statistic : which one
    simulated : (draws, days) losses drawn from the forecasters' own distributions, as the source has it; without them
        the tail beyond var is taken to be a Pareto tail, the one shape that var and es determine between them
    draws, seed : simulated samples when `simulated` is not given, and where their random numbers start

    Notes
    -----
    Pareto tail: ``P(loss > x) = a (var / x)^(1 / xi)`` for x > var with ``xi = 1 - var / es``, so that its expected
    shortfall is es. For a normal or Student forecast its truncated variance is somewhat larger than the true one, which
    errs against rejecting. The p-value ``(1 + as extreme) / (1 + draws)`` (Dufour, 2006) holds for any number of hits.
    Z1 is simulated given the rows that were hit. Days that overlap or rows of several instruments are not independent:
    `shortfall_panel_test`.
    """
    sample = tail_sample(loss, var, es, level)
    observed = shortfall_statistic(sample.loss, sample.var, sample.es, level, statistic)
    if simulated is None:
        drawn = _pareto_statistics(sample, statistic, draws, seed)
    else:
        drawn = _given_statistics(sample, statistic, np.asarray(simulated, dtype=np.float64))
    return _result(sample, observed, _p_value(observed, drawn))


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
    The statistic is a ratio of two means over days of cross-sectional means (for Z1 the denominator is the share of
    hits). Its t value is compared with those of resamples about the observed ratio
    (`levercap.evaluation.resampling.day_blocks.studentized_ratio`); a resample without a hit accuses, where the ratio
    needs one.
    """
    sample = tail_sample(loss, var, es, level, day)
    value, weight = (sample.day_means(part) for part in _contributions(sample, statistic))
    ratio, t, resampled = studentized_ratio(value, weight, block_days, draws, seed)
    return _result(sample, ratio, _p_value(t, resampled))


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
    """McNeil-Frey test: given a hit, is the loss on average as large as expected shortfall said?

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


def _contributions(sample: TailSample, statistic: ShortfallStatistic) -> tuple[FloatArray, FloatArray]:
    """(rows,) numerator and denominator: the statistic is the mean of the one over the mean of the other."""
    hits = sample.hits
    value = _row_values(statistic, sample.loss, sample.var, sample.es, sample.rate)
    if statistic is not ShortfallStatistic.Z1:
        return value, np.ones(len(hits))
    if not hits.any():
        raise ValueError(f"Z1 is a mean over hits, and none of the {len(hits)} losses is one")
    return value, hits.astype(np.float64)


def _row_values(
    statistic: ShortfallStatistic, loss: FloatArray, var: FloatArray, es: FloatArray, rate: float
) -> FloatArray:
    if statistic is ShortfallStatistic.Z1:
        return np.where(loss > var, 1.0 - loss / es, 0.0)
    if statistic is ShortfallStatistic.Z2:
        return np.where(loss > var, 1.0 - loss / (rate * es), 1.0)
    margin = es - var - np.maximum(loss - var, 0.0) / rate
    return margin if statistic is ShortfallStatistic.MINIMALLY_BIASED else margin / es


def _pareto_statistics(sample: TailSample, statistic: ShortfallStatistic, draws: int, seed: int) -> FloatArray:
    """(draws,) statistics of samples drawn from Pareto tails that have exactly the var and es forecast."""
    random = np.random.default_rng(seed)
    rate = sample.rate
    rows = np.flatnonzero(sample.hits) if statistic is ShortfallStatistic.Z1 else np.arange(len(sample.loss))
    var, es = sample.var[rows], sample.es[rows]
    power = var / es - 1.0
    nothing = _row_values(statistic, np.zeros(len(rows)), var, es, rate)
    parts = []
    for size in _chunks(draws, len(rows)):
        rank = random.random((size, len(rows)))  # chance of a larger loss
        if statistic is ShortfallStatistic.Z1:
            rank *= rate
        draw, row = np.nonzero(rank < rate)
        tail = var[row] * (rank[draw, row] / rate) ** power[row]
        change = _row_values(statistic, tail, var[row], es[row], rate) - nothing[row]
        parts.append(nothing.mean() + np.bincount(draw, change, size) / len(rows))
    return np.concatenate(parts)


def _given_statistics(sample: TailSample, statistic: ShortfallStatistic, simulated: FloatArray) -> FloatArray:
    """(draws,) statistics of the losses handed in; samples without a hit have no Z1 and are left out."""
    if simulated.ndim != 2 or simulated.shape[1] != len(sample.loss) or not np.isfinite(simulated).all():
        raise ValueError(
            f"simulated losses are finite and shaped (draws, days = {len(sample.loss)}); got {simulated.shape}"
        )
    values = _row_values(statistic, simulated, sample.var, sample.es, sample.rate)
    if statistic is not ShortfallStatistic.Z1:
        return np.asarray(values.mean(axis=1))
    hits = (simulated > sample.var).sum(axis=1)
    return np.asarray(values.sum(axis=1)[hits > 0] / hits[hits > 0])


def _chunks(draws: int, rows: int) -> list[int]:
    """Sizes that add up to `draws`, each small enough for memory."""
    size = max(1, min(draws, _CHUNK // rows))
    whole, rest = divmod(draws, size)
    return [size] * whole + [rest] * (rest > 0)


def _p_value(observed: float, simulated: FloatArray) -> float:
    """Of `observed` being small; what could not be computed counts as smaller."""
    return monte_carlo(-observed, -np.where(np.isnan(simulated), -np.inf, simulated)).p_value


def _result(sample: TailSample, statistic: float, p_value: float) -> ShortfallTest:
    return ShortfallTest(float(statistic), p_value, int(sample.hits.sum()), len(sample.loss), sample.days)
