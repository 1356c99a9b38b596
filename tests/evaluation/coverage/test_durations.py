"""Waiting times between hits: against a numerical maximum of the textbook likelihood, and by simulation."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, chi2, geom, weibull_min

from levercap.evaluation.coverage.durations import duration_moments, weibull_duration
from levercap.evaluation.coverage.hit_tests import christoffersen


def waits(series: np.ndarray) -> list[tuple[int, bool]]:
    """(days, complete) of every wait, by walking through the series."""
    places = [day for day, hit in enumerate(series, start=1) if hit]
    if not places:
        return [(len(series), False)]
    found = [(places[0], False)] if places[0] > 1 else []
    found += [(b - a, True) for a, b in pairwise(places)]
    return found + ([(len(series) - places[-1], False)] if places[-1] < len(series) else [])


def log_likelihood(a: float, b: float, found: list[tuple[int, bool]]) -> float:
    return sum(
        weibull_min.logpdf(days, b, scale=1 / a) if complete else weibull_min.logsf(days, b, scale=1 / a)
        for days, complete in found
    )


def numerical(series: np.ndarray, rate: float) -> tuple[float, float, float]:
    found = waits(series)
    free = minimize(
        lambda x: -log_likelihood(np.exp(x[0]), np.exp(x[1]), found), [np.log(rate), 0.0], method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000},
    )  # fmt: skip
    flat = minimize(
        lambda x: -log_likelihood(np.exp(x[0]), 1.0, found), [np.log(rate)], method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11},
    )  # fmt: skip
    return float(np.exp(free.x[1])), 2 * (flat.fun - free.fun), 2 * (-free.fun - log_likelihood(rate, 1.0, found))


@pytest.mark.parametrize("ends", [(False, False), (True, False), (False, True), (True, True)])
def test_weibull_ratios_are_those_of_a_numerical_maximum_of_the_censored_likelihood(ends):
    for seed in range(2):
        series = np.random.default_rng(seed).random(150) < 0.06
        series[0], series[-1] = ends
        shape, independence, coverage = numerical(series, 0.025)
        result = weibull_duration(series, 0.975, draws=1)
        assert result.shape == pytest.approx(shape, rel=1e-3)
        assert result.independence.statistic == pytest.approx(independence, abs=1e-6)
        assert result.coverage.statistic == pytest.approx(coverage, abs=1e-6)


def test_few_hits_say_nothing_about_the_shape_and_little_about_the_rate():
    none = weibull_duration(np.zeros(100, dtype=bool), 0.99)
    assert np.isnan(none.shape)
    assert (none.independence.statistic, none.independence.p_value) == (0.0, 1.0)
    assert none.coverage.statistic == pytest.approx(2 * 100 * 0.01)  # one wait of at least 100 days
    assert none.coverage.p_value > 0.3
    assert weibull_duration(np.zeros(1000, dtype=bool), 0.99).coverage.p_value < 0.01
    one = weibull_duration(np.arange(100) == 40, 0.99)
    assert np.isnan(one.shape)
    assert one.independence.p_value == 1.0
    regular = weibull_duration(np.arange(300) % 10 == 0, 0.9)
    assert regular.shape > 5
    assert np.isfinite(regular.independence.statistic)
    assert regular.independence.p_value < 0.01


def regimes(rng: np.random.Generator, days: int) -> np.ndarray:
    """Hits of a forecast that does not see volatility: 10 % in one spell of 50 days in five, 0.5 % in the others."""
    calm = np.repeat(rng.random(days // 50) < 0.8, 50)
    return rng.random(days) < np.where(calm, 0.005, 0.1)


def bound(size: float, runs: int) -> float:
    return float(binom.ppf(0.999, runs, size)) / runs


@pytest.mark.parametrize(("days", "level"), [(250, 0.975), (500, 0.99)])
def test_size_is_kept_with_the_few_hits_of_a_year(days, level):
    rng = np.random.default_rng(days)
    runs = 250
    rejected = []
    for i in range(runs):
        series = rng.random(days) < 1 - level
        durations = weibull_duration(series, level, draws=99, seed=i)
        moments = duration_moments(series, level, draws=99, seed=i)
        tests = (durations.independence, durations.coverage, *moments)
        rejected.append([test.p_value <= 0.05 for test in tests])
    share = np.mean(rejected, axis=0)
    assert (share <= bound(0.05, runs)).all()
    assert (share > 0.005).all()  # not asleep


def test_slow_clusters_are_found_that_a_look_at_yesterday_does_not_find():
    rng = np.random.default_rng(3)
    found = []
    for i in range(60):
        series = regimes(rng, 1500)
        durations = weibull_duration(series, 0.975, draws=99, seed=i)
        markov, _ = christoffersen(series, 0.975, draws=99, seed=i)
        moments, _ = duration_moments(series, 0.975, draws=99, seed=i)
        found.append([durations.independence.p_value <= 0.05, moments.p_value <= 0.05, markov.p_value <= 0.05])
        if durations.independence.p_value <= 0.01:
            assert durations.shape < 1
    weibull, moment, yesterday = np.mean(found, axis=0)
    assert min(weibull, moment) > 0.8
    assert yesterday < 0.6


def test_coverage_tests_find_wrong_numbers_of_hits():
    rng = np.random.default_rng(4)
    found = []
    for i in range(40):
        series = rng.random(500) < 0.075
        found.append([
            weibull_duration(series, 0.975, draws=99, seed=i).coverage.p_value <= 0.05,
            duration_moments(series, 0.975, draws=99, seed=i)[1].p_value <= 0.05,
        ])  # fmt: skip
    assert (np.mean(found, axis=0) > 0.85).all()


def test_the_asymptotic_test_takes_whole_days_for_evidence_and_this_one_does_not():
    rng = np.random.default_rng(5)
    asymptotic, simulated = [], []
    for i in range(80):
        result = weibull_duration(rng.random(1000) < 0.1, 0.9, draws=99, seed=i).independence
        asymptotic.append(chi2.sf(result.statistic, 1) <= 0.05)
        simulated.append(result.p_value <= 0.05)
    assert np.mean(simulated) <= bound(0.05, 80) < np.mean(asymptotic)


def polynomials(wait: np.ndarray, p: float, most: int) -> list[np.ndarray]:
    made = [np.ones_like(wait), (1 - p * wait) / np.sqrt(1 - p)]
    for j in range(1, most):
        step = ((1 - p) * (2 * j + 1) + p * (j - wait + 1)) / ((j + 1) * np.sqrt(1 - p))
        made.append(step * made[j] - j / (j + 1) * made[j - 1])
    return made


def test_the_polynomials_are_orthonormal_for_the_geometric_distribution():
    p = 0.2
    days = np.arange(1.0, 400.0)
    weights = geom.pmf(days, p)
    values = np.array(polynomials(days, p, 4))
    assert (values * weights) @ values.T == pytest.approx(np.eye(5), abs=1e-8)


def test_moment_statistic_by_hand():
    series = np.zeros(60, dtype=bool)
    series[[4, 6, 7, 30, 49]] = True
    days = np.array([5.0, 2.0, 1.0, 23.0, 19.0])
    for test, p in zip(duration_moments(series, 0.95, draws=1), (5 / 60, 0.05), strict=True):
        expected = sum(values.sum() ** 2 / 5 for values in polynomials(days, p, 3)[1:])
        assert test.statistic == pytest.approx(expected)


def test_moment_statistic_has_the_mean_of_chi_squared_for_geometric_waits():
    rng = np.random.default_rng(6)
    statistics = []
    for _ in range(400):
        places = np.cumsum(rng.geometric(0.05, 30))
        series = np.zeros(places[-1], dtype=bool)
        series[places - 1] = True
        statistics.append(duration_moments(series, 0.95, moments=2, draws=1)[1].statistic)
    assert np.mean(statistics) == pytest.approx(2.0, abs=4 * np.std(statistics) / np.sqrt(400))


def test_results_are_seeded_and_input_is_one_series():
    series = np.random.default_rng(0).random(300) < 0.03
    assert weibull_duration(series, 0.975, seed=1) == weibull_duration(series, 0.975, seed=1)
    assert duration_moments(series, 0.975, seed=1) == duration_moments(series, 0.975, seed=1)
    with pytest.raises(ValueError, match="one instrument"):
        weibull_duration(np.zeros((3, 4), dtype=bool), 0.99)
    with pytest.raises(ValueError, match="at least 2 moments"):
        duration_moments(series, 0.99, moments=1)
