"""Waiting times between hits: the statistic by hand, in large samples, and its size and power by simulation."""

import numpy as np
import pytest
from scipy.stats import binom, geom, norm

from levercap.evaluation.coverage.durations import panel_durations
from levercap.evaluation.coverage.independence import panel_dynamic_quantile


def alone(series):
    """Arguments of a panel of one instrument."""
    return series, np.arange(len(series)), np.repeat("S", len(series))


def rows(hits, missing=None):
    keep = np.ones(hits.shape, dtype=bool) if missing is None else ~missing
    day, symbol = np.nonzero(keep)
    return hits[keep], day, np.array([f"S{i:02d}" for i in range(hits.shape[1])])[symbol]


def polynomials(wait, p, most):
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


def by_hand(days, length):
    return sum(values.sum() ** 2 / len(days) for values in polynomials(days, len(days) / length, 3)[1:])


def test_the_statistic_by_hand_is_a_sum_over_instruments_each_with_its_own_days():
    hits, missing = np.zeros((60, 3), dtype=bool), np.zeros((60, 3), dtype=bool)
    hits[[4, 6, 7, 30, 49], 0] = True
    missing[:10, 1] = True  # listed on day 10
    hits[[12, 40], 1] = True
    expected = by_hand(np.array([5.0, 2.0, 1.0, 23.0, 19.0]), 60) + by_hand(np.array([3.0, 28.0]), 50)
    flat, day, symbol = rows(hits, missing)
    shuffle = np.random.default_rng(1).permutation(len(flat))
    result = panel_durations(flat[shuffle], day[shuffle], symbol[shuffle], draws=9)
    assert result.statistic == pytest.approx(expected)


def test_the_statistic_is_the_mean_of_chi_squared_for_geometric_waits_but_for_the_estimated_rate():
    rng = np.random.default_rng(6)
    statistics = []
    for _ in range(400):
        places = np.cumsum(rng.geometric(0.05, 300))
        series = np.zeros(places[-1], dtype=bool)
        series[places - 1] = True
        statistics.append(panel_durations(*alone(series), moments=2, draws=1).statistic)
    # the first moment is zero at the estimated rate when the last day is a hit; the second keeps its mean of one
    assert np.mean(statistics) == pytest.approx(1.0, abs=4 * np.std(statistics) / np.sqrt(400))


def panel(rng, days, symbols, correlation, rate=0.025):
    latent = np.sqrt(correlation) * rng.normal(size=(days, 1)) + np.sqrt(1 - correlation) * rng.normal(
        size=(days, symbols)
    )
    return latent > norm.ppf(1 - rate)


def test_size_is_kept_although_all_instruments_fall_together_and_some_are_listed_late():
    rng = np.random.default_rng(2)
    runs, rejected = 200, []
    for i in range(runs):
        hits = panel(rng, 200, 6, 0.8)
        missing = np.zeros(hits.shape, dtype=bool)
        missing[:70, :3] = bool(i % 2)
        rejected.append(panel_durations(*rows(hits, missing), draws=39, seed=i).p_value <= 0.05)
    assert 0 < np.mean(rejected) <= binom.ppf(0.999, runs, 0.05) / runs


def regimes(rng, days, symbols):
    """Hits of forecasts that do not see volatility: 10 % in one spell of 50 days in five, 0.5 % in the others."""
    calm = np.repeat(rng.random(days // 50) < 0.8, 50)
    return rng.random((days, symbols)) < np.where(calm, 0.005, 0.1)[:, None]


def test_slow_clusters_are_found_more_often_than_by_a_regression_on_the_last_day():
    rng = np.random.default_rng(3)
    found = []
    for i in range(40):
        hits, day, symbol = rows(regimes(rng, 1000, 1))
        durations = panel_durations(hits, day, symbol, draws=99, seed=i).p_value <= 0.05
        regression = panel_dynamic_quantile(hits, day, symbol, 0.975, lags=1, draws=99, seed=i)
        found.append([durations, regression.independence.p_value <= 0.05])
    durations, regression = np.mean(found, axis=0)
    assert durations > 0.8
    assert durations > regression


def test_regular_hits_and_none_at_all():
    assert panel_durations(*alone(np.arange(300) % 10 == 0)).p_value < 0.01
    none = panel_durations(*alone(np.zeros(100, dtype=bool)))
    assert (none.statistic, none.p_value) == (0.0, 1.0)
    assert panel_durations(*alone(np.arange(100) == 40)).p_value > 0.05


def test_results_are_seeded_and_input_is_a_panel():
    sample = rows(panel(np.random.default_rng(0), 300, 3, 0.5))
    assert panel_durations(*sample, seed=1) == panel_durations(*sample, seed=1)
    with pytest.raises(ValueError, match="rows repeat a pair"):
        panel_durations([True, False], [1, 1], ["A", "A"])
    with pytest.raises(ValueError, match="at least two days"):
        panel_durations([True, False], [1, 1], ["A", "B"])
    with pytest.raises(ValueError, match="at least 2 moments"):
        panel_durations(*sample, moments=1)
