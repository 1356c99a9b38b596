"""Cumulative violations: the whole tail beyond the value at risk in one number a day, for backtests of its shape.

The probability integral transform (PIT) of a day is the probability that the forecast gave to losses no larger than the
one that came: uniform for correct forecasts, near 1 on bad days. A hit is a PIT above `level`; a cumulative violation
is by how much, so that it counts every value at risk beyond `level` that was exceeded, and with them expected
shortfall. Source: Du and Escanciano (Management Science 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import comb, factorial
from scipy.stats import binom, norm

from levercap.core.names import FloatArray
from levercap.evaluation.coverage.hit_tests import TestResult
from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = [
    "CumulativeTest",
    "PooledCumulative",
    "cumulative_test",
    "cumulative_violations",
    "pooled_cumulative",
]

EXACT_SUMS = 12
"""Sums of more uniform numbers than this are taken as normal."""


@dataclass(frozen=True)
class CumulativeTest:
    """Tests of the cumulative violations of one instrument.

    Attributes
    ----------
    mean, expected : mean cumulative violation, and ``(1 - level) / 2``, which it should be; above it the tail forecast
        is too thin or too near
    unconditional : the mean is right (two-sided)
    too_thin : the mean is not larger than it should be (one-sided: rejected only for forecasts that are too mild)
    conditional : the mean is right and violations do not follow each other
    """

    mean: float
    expected: float
    unconditional: TestResult
    too_thin: TestResult
    conditional: TestResult


@dataclass(frozen=True)
class PooledCumulative:
    """Cumulative violations of many instruments, clustered by day.

    Attributes
    ----------
    mean, expected : mean over days of the mean over instruments, and what it should be
    low, high : interval for the mean at the confidence asked for
    p_value : of the hypothesis that the mean is as expected, two-sided
    days, rows : days, and instrument-days
    effective_rows : number of independent instrument-days that would know the mean as precisely
    """

    mean: float
    expected: float
    low: float
    high: float
    p_value: float
    days: int
    rows: int
    effective_rows: int


def cumulative_violations(pit: ArrayLike, level: float) -> FloatArray:
    """How far into the forecast tail each loss went: ``(pit - level)+ / (1 - level)``, from 0 (no hit) to 1.

    Parameters
    ----------
    pit : probability that the forecast gave to losses no larger than the one that came, in [0, 1]; NaN stays NaN
    level : confidence
    """
    values = np.asarray(pit, dtype=np.float64)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(
            f"pit lies in [0, 1]; {int(((values < 0) | (values > 1)).sum())} of {values.size} values do not"
        )
    if not 0.5 < level < 1.0:
        raise ValueError(f"level is a confidence between 0.5 and 1, for example 0.99; got {level}")
    return np.asarray(np.maximum(values - level, 0.0) / (1.0 - level))


def cumulative_test(pit: ArrayLike, level: float, lags: int = 5, draws: int = 999, seed: int = 0) -> CumulativeTest:
    """Unconditional and conditional tests of cumulative violations, with Monte Carlo p-values.

    Parameters
    ----------
    pit : (days,) of one instrument in time order, without gaps
    level : confidence
    lags : earlier days with which violations are correlated
    draws, seed : simulated series and where their random numbers start

    Notes
    -----
    With a = 1 - level and H the cumulative violations: ``U = sqrt(n) (mean H - a / 2) / sqrt(a (1 / 3 - a / 4))``,
    close to standard normal in large samples, and ``C = n sum_j rho_j^2``, rho_j the autocorrelations of H about ``a /
    2``, close to chi-squared with `lags` degrees. Here their null distributions are those of uniform independent PITs,
    drawn, so that p-values hold for few violations too. C is zero when nothing was violated.
    """
    violations = cumulative_violations(pit, level)
    if violations.ndim != 1 or len(violations) < lags + 2 or np.isnan(violations).any():
        raise ValueError(
            f"cumulative_test needs the PITs of one instrument on at least lags + 2 = {lags + 2} days, no NaN"
        )
    uniform = np.random.default_rng(seed).random((draws, len(violations)))
    null = np.maximum(uniform - level, 0.0) / (1.0 - level)
    observed, simulated = _standardised_mean(violations[None], level)[0], _standardised_mean(null, level)
    dependence = _portmanteau(violations[None], level, lags)[0]
    return CumulativeTest(
        float(violations.mean()),
        (1.0 - level) / 2.0,
        _two_sided(float(observed), simulated),
        monte_carlo(float(observed), simulated),
        monte_carlo(float(dependence), _portmanteau(null, level, lags)),
    )


def pooled_cumulative(
    pit: ArrayLike, day: ArrayLike, level: float, block_days: int = 20, confidence: float = 0.95
) -> PooledCumulative:
    """Mean cumulative violation of many instruments, clustered by day.

    Parameters
    ----------
    pit : (rows,) any number of instruments a day
    day : (rows,) the day of each row, anything sortable
    level : confidence of the tail that is looked at
    block_days : neighbouring days kept together when the precision is measured
    confidence : of the interval

    Notes
    -----
    As for `pooled_coverage`: the block-bootstrap variance of the mean over days gives the number of independent trials
    that would be as precise. For that number the distribution is known (hits are binomial, and each adds a uniform
    amount), and it is as skewed as violations are; tails and limits are taken from it. Without a hit every day counts
    as one trial.
    """
    violations = cumulative_violations(pit, level)
    if len(violations) == 0 or np.isnan(violations).any():
        raise ValueError("pooled_cumulative needs at least one row and no missing PIT")
    _, index = np.unique(np.asarray(day), return_inverse=True)
    daily = np.bincount(index, violations) / np.bincount(index)
    mean, rows = float(daily.mean()), len(violations)
    trials = _effective_trials(violations, standard_error(daily, block_days), len(daily))
    sums, tail = _Sums.below(mean * trials, trials), (1.0 - confidence) / 2.0
    p_value = min(1.0, 2.0 * min(sums.at_most(1.0 - level), sums.at_least(1.0 - level)))
    low = _rate_where(lambda rate: sums.at_least(rate) - tail) if mean > 0 else 0.0
    high = _rate_where(lambda rate: tail - sums.at_most(rate))
    return PooledCumulative(mean, (1.0 - level) / 2.0, low / 2.0, high / 2.0, p_value, len(daily), rows, trials)


def _effective_trials(violations: FloatArray, error: float, days: int) -> int:
    spread = float(violations.var())
    if error <= 0 or spread <= 0:
        return days
    return int(np.clip(spread / error**2, 1.0, len(violations)))


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sum over `trials` days, each hit with some probability by a uniform amount, against an observed `total`.

    `given` holds the probability that the sum is at most `total` when 0, 1, 2, ... days are hit, as far as it is not
    zero.
    """

    total: float
    trials: int
    given: FloatArray

    @classmethod
    def below(cls, total: float, trials: int) -> _Sums:
        most = min(trials, int(2.0 * total + 10.0 * np.sqrt(2.0 * total + 10.0)) + 20)
        exact = np.array([_uniform_sum(total, k) for k in range(min(most, EXACT_SUMS) + 1)])
        many = np.arange(EXACT_SUMS + 1, most + 1)
        return cls(total, trials, np.concatenate([exact, norm.cdf((total - many / 2.0) / np.sqrt(many / 12.0))]))

    def at_most(self, rate: float) -> float:
        return min(1.0, float(binom.pmf(np.arange(len(self.given)), self.trials, rate) @ self.given))

    def at_least(self, rate: float) -> float:
        return 1.0 if self.total <= 0 else 1.0 - self.at_most(rate)


def _uniform_sum(total: float, count: int) -> float:
    """Distribution function of the sum of a few uniform numbers (Irwin and Hall, 1927)."""
    if total >= count:
        return 1.0
    k = np.arange(int(total) + 1)
    return float((comb(count, k) * (-1.0) ** k * (total - k) ** count).sum() / factorial(count))


def _rate_where(crosses: Callable[[float], float]) -> float:
    """Root of a function that rises in the hit rate; the end of [0, 1] where it has none."""
    if crosses(1.0) <= 0:
        return 1.0
    return float(brentq(crosses, 1e-12, 1.0, xtol=1e-10)) if crosses(1e-12) < 0 else 0.0


def _two_sided(observed: float, simulated: FloatArray) -> TestResult:
    """The smaller Monte Carlo tail, doubled: the null distribution is skewed, and distance from zero says little."""
    above, below = monte_carlo(observed, simulated), monte_carlo(-observed, -simulated)
    return TestResult(abs(observed), min(1.0, 2.0 * min(above.p_value, below.p_value)))


def _standardised_mean(violations: FloatArray, level: float) -> FloatArray:
    """(series,) U of the source; `violations` is (series, days)."""
    rate = 1.0 - level
    deviation = rate * (1.0 / 3.0 - rate / 4.0)
    return np.asarray(np.sqrt(violations.shape[1] / deviation) * (violations.mean(axis=1) - rate / 2.0))


def _portmanteau(violations: FloatArray, level: float, lags: int) -> FloatArray:
    """(series,) C of the source; `violations` is (series, days)."""
    days = violations.shape[1]
    centred = violations - (1.0 - level) / 2.0
    variance = (centred**2).mean(axis=1)
    total = np.zeros(len(violations))
    for lag in range(1, lags + 1):
        covariance = (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / (days - lag)
        total += (covariance / variance) ** 2
    return np.where(violations.max(axis=1) > 0, days * total, 0.0)
