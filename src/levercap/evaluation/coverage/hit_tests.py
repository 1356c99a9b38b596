"""Tests of the number of hits of value at risk: unconditional coverage, pooled coverage and the traffic light.

A hit is a loss above the forecast. `level` is the confidence, so hits are expected with probability ``1 - level``. With
the two to ten hits that a year of 99 % forecasts brings, asymptotic p-values are wrong; here they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv, xlogy
from scipy.stats import binom

from levercap.core.names import FloatArray
from levercap.core.verdicts import Light
from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.resampling.montecarlo import TestResult

__all__ = [
    "Coverage",
    "Light",
    "kupiec",
    "light_thresholds",
    "pooled_coverage",
    "traffic_light",
]

YELLOW_PROBABILITY = 0.95
RED_PROBABILITY = 0.9999


@dataclass(frozen=True)
class Coverage:
    """Hit rate of many instruments pooled over days.

    Attributes
    ----------
    hit_rate : mean over days of the share of instruments hit
    low, high : interval for it at the confidence asked for
    p_value : of the hypothesis that hits come with probability 1 - level, two-sided
    days, rows : days, and instrument-days
    effective_rows : number of independent trials that would know the hit rate as precisely
    """

    hit_rate: float
    low: float
    high: float
    p_value: float
    days: int
    rows: int
    effective_rows: float


def kupiec(hits: int, days: int, level: float) -> TestResult:
    """Unconditional coverage: likelihood ratio of the hit count, with its exact p-value.

    Parameters
    ----------
    hits, days : hits among that many days of one instrument
    level : confidence

    Notes
    -----
    ``LR = 2 (log L(hits / days) - log L(1 - level))`` (Kupiec, 1995). The p-value sums the binomial probability of
    every count whose LR is at least as large, so it holds for any number of hits.
    """
    if not 0 <= hits <= days or days == 0:
        raise ValueError(f"kupiec needs 0 <= hits <= days and at least one day, got {hits} hits in {days} days")
    rate = 1.0 - level
    counts = np.arange(days + 1)
    share = counts / days
    ratio = 2.0 * (_log_likelihood(counts, days, share) - _log_likelihood(counts, days, rate))
    as_extreme = ratio >= ratio[hits] - 1e-9
    p_value = float(binom.pmf(counts[as_extreme], days, rate).sum())
    return TestResult(max(float(ratio[hits]), 0.0), min(p_value, 1.0))


def pooled_coverage(
    hits: ArrayLike, day: ArrayLike, level: float, block_days: int = 20, confidence: float = 0.95
) -> Coverage:
    """Hit rate of many instruments, clustered by day: a day on which everything falls together counts as one event.

    Parameters
    ----------
    hits : (rows,) booleans, any number of instruments a day
    day : (rows,) the day of each row, anything sortable
    level : confidence of the value at risk
    block_days : neighbouring days kept together when the precision is measured
    confidence : of the interval

    Notes
    -----
    Daily shares of hits are averaged; their block-bootstrap variance gives the number of independent trials that would
    be as precise, and the binomial (Clopper-Pearson) limits for that number are used: Korn and Graubard (Survey
    Methodology, 1998). Without a single hit nothing can be learnt about clustering and every day counts as one trial.
    """
    series = np.asarray(hits, dtype=np.float64)
    if len(series) == 0:
        raise ValueError("pooled_coverage needs at least one row")
    _, index = np.unique(np.asarray(day), return_inverse=True)
    per_day = np.bincount(index, series) / np.bincount(index)
    days, rows = len(per_day), len(series)
    rate = float(per_day.mean())
    effective = _effective_trials(rate, standard_error(per_day, block_days), days, rows)
    tail = (1.0 - confidence) / 2.0
    count = rate * effective
    low = float(betaincinv(count, effective - count + 1, tail)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, effective - count, 1.0 - tail)) if count < effective else 1.0
    return Coverage(rate, low, high, _two_sided(count, effective, 1.0 - level), days, rows, effective)


def light_thresholds(days: int, level: float) -> tuple[int, int]:
    """Hit counts from which the traffic light is yellow and red.

    Notes
    -----
    Yellow from the smallest count k with ``P(X <= k) >= 95 %``, red from the smallest with 99.99 %, X binomial with
    ``1 - level`` (Basel Committee, 1996). 250 days at 99 %: 5 and 10; a year of 365 trading days: 7 and 13.
    """
    rate = 1.0 - level
    yellow, red = (max(1, int(binom.ppf(p, days, rate))) for p in (YELLOW_PROBABILITY, RED_PROBABILITY))
    return yellow, red


def traffic_light(hits: int, days: int = 365, level: float = 0.99) -> Light:
    """Zone of one instrument's hit count; only too many hits raise it, as in banking supervision."""
    if not 0 <= hits <= days:
        raise ValueError(f"traffic_light needs 0 <= hits <= days, got {hits} hits in {days} days")
    yellow, red = light_thresholds(days, level)
    if hits >= red:
        return Light.RED
    return Light.YELLOW if hits >= yellow else Light.GREEN


def _effective_trials(rate: float, error: float, days: int, rows: int) -> float:
    if error <= 0 or rate <= 0 or rate >= 1:
        return float(days)
    return float(np.clip(rate * (1.0 - rate) / error**2, 1.0, rows))


def _two_sided(count: float, trials: float, rate: float) -> float:
    """Twice the smaller binomial tail, which inverts the Clopper-Pearson interval; `count` need not be whole."""
    at_least = float(betainc(count, trials - count + 1, rate)) if count > 0 else 1.0
    at_most = 1.0 - float(betainc(count + 1, trials - count, rate)) if count < trials else 1.0
    return min(1.0, 2.0 * min(at_least, at_most))


def _log_likelihood(hits: ArrayLike, trials: ArrayLike, rate: ArrayLike) -> FloatArray:
    """Log likelihood of independent hits; a rate of 0 or 1 that the data bear out contributes nothing."""
    hit, chance = np.asarray(hits, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    misses = np.asarray(trials, dtype=np.float64) - hit
    return np.asarray(xlogy(hit, chance) + xlogy(misses, 1.0 - chance))
