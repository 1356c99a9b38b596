"""Panel dynamic quantile test: against least squares, and by simulated size and power."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from levercap.evaluation.coverage.independence import panel_dynamic_quantile


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
