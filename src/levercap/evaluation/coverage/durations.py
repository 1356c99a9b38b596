"""Do hits come without memory? Tests on the days between one hit and the next.

A correct value at risk is exceeded with the same probability every day, whatever happened before, so the waiting time
is geometric. Clustered hits give many short waits and a few long ones, which these tests see at any distance, where a
Markov chain looks one day back only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.evaluation.coverage.hit_tests import TestResult
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = ["DurationTest", "duration_moments", "weibull_duration"]

SHAPES = (0.05, 20.0)
"""Range of the Weibull shape; waits that are all alike would have none that is largest."""

BISECTIONS = 40


@dataclass(frozen=True)
class DurationTest:
    """Memory of the hits of one instrument.

    Attributes
    ----------
    shape : of the Weibull hazard: below 1 hits cluster, 1 is no memory, above 1 they come too regularly; NaN with fewer
        than two hits
    independence : shape 1 against any shape, with the number of hits as it was
    coverage : that, and hits as often as the level says
    """

    shape: float
    independence: TestResult
    coverage: TestResult


@dataclass(frozen=True, eq=False)
class _Durations:
    """Waiting times of many series: (series, most) lengths, and which are present, and which are complete."""

    length: FloatArray
    present: BoolArray
    complete: BoolArray


def weibull_duration(hits: ArrayLike, level: float, draws: int = 999, seed: int = 0) -> DurationTest:
    """Likelihood ratio test of the days between hits against a Weibull hazard, with Monte Carlo p-values.

    Parameters
    ----------
    hits : (days,) booleans of one instrument, in time order, without gaps
    level : confidence of the value at risk
    draws, seed : simulated series and where their random numbers start

    Notes
    -----
    Christoffersen and Pelletier (Journal of Financial Econometrics 2004): ``f(d) = a^b b d^(b-1) exp(-(a d)^b)``, and
    the wait before the first hit and after the last one count with their survival probability ``exp(-(a d)^b)``, since
    all we know is that they are at least so long. Given b, ``a^b`` is complete waits over ``sum d^b``, and the equation
    left for b has one root. With fewer than two hits nothing is known about the shape: that part of the ratio is zero,
    in the data as in the simulations. P-values of independence come from permuting the hits, of coverage from
    simulating correct forecasts.
    """
    series = _one_series(hits)
    random = np.random.default_rng(seed)
    rate = 1.0 - level
    shuffled = random.permuted(np.broadcast_to(series, (draws, len(series))), axis=1)
    simulated = random.random((draws, len(series))) < rate
    shape, ratio, coverage = _weibull_ratios(series[None], rate)
    return DurationTest(
        float(shape[0]),
        monte_carlo(float(ratio[0]), _weibull_ratios(shuffled, rate)[1]),
        monte_carlo(float(coverage[0]), _weibull_ratios(simulated, rate)[2]),
    )


def duration_moments(
    hits: ArrayLike, level: float, moments: int = 3, draws: int = 999, seed: int = 0
) -> tuple[TestResult, TestResult]:
    """Moment test of the days between hits against the geometric distribution, with Monte Carlo p-values.

    Parameters
    ----------
    hits, level, draws, seed : as for `weibull_duration`
    moments : number of polynomials; at least 2

    Returns
    -------
    tuple of TestResult
        independence (with the hit rate of the data) and conditional coverage (with that of the level)

    Notes
    -----
    Candelon, Colletaz, Hurlin and Tokpavi (Journal of Financial Econometrics 2011): the polynomials ``M_j`` that are
    orthonormal for the geometric distribution have mean zero under the null hypothesis, and the statistic is ``sum_j
    (sum_i M_j(d_i))^2 / N``. Waits are complete ones and the one before the first hit, which is geometric too. No
    likelihood has to be maximised, and the waits stay the whole numbers they are. Zero without a hit.
    """
    if moments < 2:
        raise ValueError(f"duration_moments needs at least 2 moments, got {moments}")
    series = _one_series(hits)
    random = np.random.default_rng(seed)
    rate = 1.0 - level
    shuffled = random.permuted(np.broadcast_to(series, (draws, len(series))), axis=1)
    simulated = random.random((draws, len(series))) < rate
    independence = monte_carlo(float(_moment_statistic(series[None], None, moments)[0]),
                               _moment_statistic(shuffled, None, moments))  # fmt: skip
    coverage = monte_carlo(float(_moment_statistic(series[None], rate, moments)[0]),
                           _moment_statistic(simulated, rate, moments))  # fmt: skip
    return independence, coverage


def _one_series(hits: ArrayLike) -> BoolArray:
    series = np.asarray(hits, dtype=bool)
    if series.ndim != 1 or len(series) < 2:
        raise ValueError("duration tests need the hits of one instrument on at least two days, in time order")
    return series


def _hit_places(series: BoolArray) -> tuple[IntArray, IntArray]:
    """(series, most) one-based day of every hit, zeros behind the last, and (series,) number of hits."""
    row, day = np.nonzero(series)
    count = np.bincount(row, minlength=len(series))
    places = np.zeros((len(series), max(int(count.max(initial=0)), 1)), dtype=np.int64)
    places[row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)] = day + 1
    return places, count


def _durations(series: BoolArray) -> _Durations:
    """Waits of each series: before the first hit, between hits, after the last. A hit on the first or last day leaves
    no wait at that end; a series without a hit is one long incomplete wait."""
    days = series.shape[1]
    places, count = _hit_places(series)
    rows, most = places.shape
    length = np.zeros((rows, most + 1))
    length[:, 0] = np.where(count > 0, places[:, 0], days)
    length[:, 1:-1] = np.diff(places, axis=1)
    order = np.arange(most + 1)
    between = (order >= 1) & (order < count[:, None])
    hit = count > 0
    last = np.take_along_axis(places, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    length[hit, count[hit]] = (days - last)[hit]
    present = between.copy()
    present[:, 0] = ~hit | (places[:, 0] > 1)
    present[hit, count[hit]] = (last < days)[hit]
    return _Durations(np.where(present, length, 1.0), present, between & present)


def _weibull_ratios(series: BoolArray, rate: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(series,) shape, likelihood ratio of shape 1, and likelihood ratio of shape 1 and rate `rate`."""
    waits = _durations(series)
    shape = _best_shape(waits)
    complete = waits.complete.sum(axis=1)
    total = (waits.length * waits.present).sum(axis=1)
    free, memoryless = _profile(waits, np.where(np.isnan(shape), 1.0, shape)), _profile(waits, np.ones(len(series)))
    fixed = complete * np.log(rate) - rate * total
    return shape, np.maximum(2.0 * (free - memoryless), 0.0), np.maximum(2.0 * (free - fixed), 0.0)


def _profile(waits: _Durations, shape: FloatArray) -> FloatArray:
    """(series,) log likelihood at a shape, with the scale that is best for it."""
    complete = waits.complete.sum(axis=1)
    log_length = np.log(waits.length)
    powers = (np.exp(shape[:, None] * log_length) * waits.present).sum(axis=1)
    log_scale = np.log(np.maximum(complete, 1) / np.maximum(powers, 1e-300))
    log_sum = (log_length * waits.complete).sum(axis=1)
    value = complete * (log_scale + np.log(shape) - 1.0) + (shape - 1.0) * log_sum
    return np.where(complete > 0, value, 0.0)


def _best_shape(waits: _Durations) -> FloatArray:
    """(series,) maximiser of `_profile` within SHAPES; NaN without a complete wait.

    Its derivative over the number of complete waits, ``1 / b + mean log d - sum d^b log d / sum d^b``, falls in b.
    """
    complete = waits.complete.sum(axis=1)
    log_length = np.log(waits.length)
    mean_log = (log_length * waits.complete).sum(axis=1) / np.maximum(complete, 1)
    longest = log_length.max(axis=1, keepdims=True)
    low, high = np.full(len(complete), np.log(SHAPES[0])), np.full(len(complete), np.log(SHAPES[1]))
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        weight = np.exp(np.exp(middle)[:, None] * (log_length - longest)) * waits.present
        pull = (weight * log_length).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
        rising = np.exp(-middle) + mean_log - pull > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.where(complete > 0, np.exp(0.5 * (low + high)), np.nan)


def _moment_statistic(series: BoolArray, rate: float | None, moments: int) -> FloatArray:
    """(series,) sum of squared standardised polynomial moments; the rate is that of each series when None."""
    places, count = _hit_places(series)
    wait = np.diff(places, axis=1, prepend=0).astype(np.float64)
    present = np.arange(places.shape[1]) < count[:, None]
    chance = np.clip(count / series.shape[1], 1e-12, 1.0 - 1e-12) if rate is None else np.full(len(series), rate)
    p = chance[:, None]
    before, now = np.zeros_like(wait), np.ones_like(wait)
    statistic = np.zeros(len(series))
    for j in range(moments):
        step = ((1.0 - p) * (2 * j + 1) + p * (j - wait + 1.0)) / ((j + 1) * np.sqrt(1.0 - p))
        before, now = now, step * now - j / (j + 1) * before
        statistic += (now * present).sum(axis=1) ** 2 / np.maximum(count, 1)
    return statistic
