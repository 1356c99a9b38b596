"""Dynamic quantile tests: against least squares, chi-squared in large samples, and simulated size and power."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, norm

from levercap.evaluation.coverage.independence import dynamic_quantile, panel_dynamic_quantile


def garch(rng: np.random.Generator, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses and their true conditional standard deviation."""
    variance, loss = np.ones(days), np.zeros(days)
    for day in range(days):
        if day:
            variance[day] = 0.03 + 0.15 * loss[day - 1] ** 2 + 0.82 * variance[day - 1]
        loss[day] = np.sqrt(variance[day]) * rng.normal()
    return loss, np.sqrt(variance)


@pytest.mark.parametrize("with_var", [True, False])
def test_statistic_is_the_explained_sum_of_squares_of_the_regression(with_var):
    rng = np.random.default_rng(1)
    hits = rng.random(200) < 0.08
    var = np.exp(rng.normal(size=200))
    h = hits - 0.05
    rows = [[1.0, *h[day - 4 : day][::-1], *([var[day]] if with_var else [])] for day in range(4, 200)]
    fitted = np.array(rows) @ np.linalg.lstsq(np.array(rows), h[4:], rcond=None)[0]
    result = dynamic_quantile(hits, 0.95, var if with_var else None, draws=9)
    assert result.statistic == pytest.approx(fitted @ fitted / (0.05 * 0.95))


def test_units_of_var_do_not_matter_and_a_constant_var_is_none():
    rng = np.random.default_rng(2)
    hits, var = rng.random(300) < 0.05, np.exp(rng.normal(size=300))
    one, other = dynamic_quantile(hits, 0.95, var, draws=99), dynamic_quantile(hits, 0.95, 1e-4 * var + 3, draws=99)
    assert one.statistic == pytest.approx(other.statistic)
    assert one.p_value == other.p_value
    assert dynamic_quantile(hits, 0.95, np.full(300, 0.7), draws=99) == dynamic_quantile(hits, 0.95, draws=99)


def test_without_a_hit_only_their_absence_counts():
    result = dynamic_quantile(np.zeros(204, dtype=bool), 0.99)
    assert result.statistic == pytest.approx(200 * 0.01**2 / (0.01 * 0.99))
    assert result.p_value > 0.3


def test_many_days_agree_with_chi_squared():
    rng = np.random.default_rng(3)
    for _ in range(3):
        hits, var = rng.random(3000) < 0.1, np.exp(rng.normal(size=3000))
        result = dynamic_quantile(hits, 0.9, var, draws=999)
        assert result.p_value == pytest.approx(chi2.sf(result.statistic, 6), abs=0.06)


def test_size_is_kept_where_chi_squared_rejects_the_truth_too_often():
    rng = np.random.default_rng(4)
    runs, level = 250, 0.99
    rejected, asymptotic = [], []
    for i in range(runs):
        loss, scale = garch(rng, 250)
        var = scale * norm.ppf(level)
        result = dynamic_quantile(loss > var, level, var, draws=99, seed=i)
        rejected.append(result.p_value <= 0.05)
        asymptotic.append(chi2.sf(result.statistic, 6) <= 0.01)
    assert 0.005 < np.mean(rejected) <= binom.ppf(0.999, runs, 0.05) / runs
    assert np.mean(asymptotic) > binom.ppf(0.999, runs, 0.01) / runs


def test_forecasts_that_do_not_follow_volatility_are_found():
    rng = np.random.default_rng(5)
    found = []
    for i in range(40):
        loss, _ = garch(rng, 1500)
        found.append(dynamic_quantile(loss > np.quantile(loss, 0.975), 0.975, draws=99, seed=i).p_value <= 0.05)
    assert np.mean(found) > 0.8


def test_forecasts_that_are_too_small_when_they_are_small_are_found_by_their_height():
    rng = np.random.default_rng(6)
    found = []
    for i in range(40):
        scale = np.exp(0.5 * rng.normal(size=1000))
        var = norm.ppf(0.975) * scale**2
        hits = scale * rng.normal(size=1000) > var
        with_var = dynamic_quantile(hits, 0.975, var, draws=99, seed=i).p_value <= 0.05
        found.append([with_var, dynamic_quantile(hits, 1 - hits.mean(), draws=99, seed=i).p_value <= 0.05])
    seen, unseen = np.mean(found, axis=0)
    assert seen > 0.9
    assert unseen < 0.3


def test_dynamic_quantile_refuses_what_it_cannot_use():
    with pytest.raises(ValueError, match="at least lags \\+ 2 = 6 days"):
        dynamic_quantile(np.zeros(5, dtype=bool), 0.99)
    with pytest.raises(ValueError, match="one finite forecast for each of the 20 days"):
        dynamic_quantile(np.zeros(20, dtype=bool), 0.99, np.ones(19))


def panel(rng: np.random.Generator, days: int, symbols: int, correlation: float, memory: float = 0.0) -> np.ndarray:
    """(days, symbols) hits at 5 %; with memory the common volatility is not in the forecasts."""
    shocks = np.sqrt(correlation) * rng.normal(size=(days, 1)) + np.sqrt(1 - correlation) * rng.normal(
        size=(days, symbols)
    )
    state = np.zeros(days)
    for day in range(1, days):
        state[day] = 0.95 * state[day - 1] + np.sqrt(1 - 0.95**2) * rng.normal()
    loss = shocks * np.exp(memory * state)[:, None]
    return loss > (norm.ppf(0.95) if memory == 0 else np.quantile(loss, 0.95))


def rows(hits: np.ndarray, missing: np.ndarray | None = None):
    keep = np.ones(hits.shape, dtype=bool) if missing is None else ~missing
    day, symbol = np.nonzero(keep)
    return hits[keep], day, np.array([f"S{i:02d}" for i in range(hits.shape[1])])[symbol]


def listed_late(days: int, symbols: int) -> np.ndarray:
    missing = np.zeros((days, symbols), dtype=bool)
    missing[: days // 3, : symbols // 2] = True
    missing[days // 2, 1] = True
    return missing


def test_panel_keeps_its_size_although_all_fall_together():
    rng = np.random.default_rng(7)
    runs = 150
    rejected = []
    for i in range(runs):
        hits = panel(rng, 150, 6, 0.8)
        sample = rows(hits, listed_late(150, 6) if i % 2 else None)
        rejected.append(panel_dynamic_quantile(*sample, 0.95, draws=39, seed=i).independence.p_value <= 0.05)
    assert 0 < np.mean(rejected) <= binom.ppf(0.999, runs, 0.05) / runs


def test_panel_finds_common_clusters():
    rng = np.random.default_rng(8)
    found = []
    for i in range(25):
        sample = rows(panel(rng, 400, 8, 0.5, memory=0.4), listed_late(400, 8))
        found.append(panel_dynamic_quantile(*sample, 0.95, draws=39, seed=i).independence.p_value <= 0.05)
    assert np.mean(found) > 0.8


def test_panel_coefficients_are_least_squares_with_errors_clustered_by_day():
    rng = np.random.default_rng(9)
    hits = panel(rng, 60, 4, 0.5)
    var = np.exp(rng.normal(size=hits.size))
    shuffle = rng.permutation(hits.size)
    flat, day, symbol = rows(hits)
    result = panel_dynamic_quantile(flat[shuffle], day[shuffle], symbol[shuffle], 0.95, var[shuffle], lags=2, draws=9)
    h, height = hits - 0.05, np.log(var).reshape(hits.shape) - np.log(var).mean()
    lines, response, days = [], [], []
    for t in range(2, 60):
        for i in range(4):
            lines.append([1.0, h[t - 1, i], h[t - 2, i], h[t - 1].mean(), height[t, i]])
            response.append(h[t, i])
            days.append(t)
    x, y, days = np.array(lines), np.array(response), np.array(days)
    beta = np.linalg.solve(x.T @ x, x.T @ y)
    meat = np.zeros((5, 5))
    for t in range(2, 60):
        score = x[days == t].T @ (y - x @ beta)[days == t]
        meat += np.outer(score, score)
    covariance = np.linalg.inv(x.T @ x) @ meat @ np.linalg.inv(x.T @ x) * 58 / 57
    table = result.coefficients
    assert list(table.index) == ["constant", "hit_1_days_ago", "hit_2_days_ago", "share_hit_yesterday", "log_var"]
    assert table["estimate"].to_numpy() == pytest.approx(beta)
    assert table["standard_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(covariance)))
    assert (result.days, result.rows) == (58, 232)
    slopes = x[:, 1:] - x[:, 1:].mean(axis=0)
    fitted = slopes @ np.linalg.lstsq(slopes, y, rcond=None)[0]
    assert result.independence.statistic == pytest.approx(fitted @ fitted / (0.05 * 0.95))


def test_panel_of_one_instrument_is_a_series_and_a_panel_has_no_row_twice():
    rng = np.random.default_rng(10)
    hits = rng.random(300) < 0.05
    alone = panel_dynamic_quantile(hits, np.arange(300), np.repeat("S", 300), 0.95, draws=99)
    assert 0 < alone.independence.p_value <= 1
    with pytest.raises(ValueError, match="1 of 2 rows repeat"):
        panel_dynamic_quantile([True, False], [1, 1], ["A", "A"], 0.95)
    with pytest.raises(ValueError, match="at least lags"):
        panel_dynamic_quantile(np.zeros(4), np.arange(4), np.repeat("S", 4), 0.95)
    with pytest.raises(ValueError, match="positive and finite"):
        panel_dynamic_quantile(hits, np.arange(300), np.repeat("S", 300), 0.95, np.zeros(300))
    with pytest.raises(ValueError, match="days in a row"):
        panel_dynamic_quantile(np.zeros(8), np.arange(8), [f"S{i}" for i in range(8)], 0.95)
