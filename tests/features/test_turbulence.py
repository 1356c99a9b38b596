"""Turbulence and absorption: slow twins, known matrices, size without news and power with it."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from levercap.core.panel import Panel
from levercap.features.returns import ingredients
from levercap.features.turbulence import Correlations, absorption_ratio, turbulence_features
from levercap.features.volatility import slow_level

NAN = math.nan
DECAY = 0.5 ** (1 / 90)


def equicorrelated(n: int, correlation: float) -> np.ndarray:
    return (1 - correlation) * np.eye(n) + correlation * np.ones((n, n))


def fed(days: np.ndarray) -> Correlations:
    moments = Correlations(days.shape[1])
    for day in days:
        moments.update(day)
    return moments


def with_holes(seed: int, days: int = 200, symbols: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(days, symbols)) @ np.linalg.cholesky(equicorrelated(symbols, 0.6)).T
    z[rng.random(z.shape) < 0.1] = NAN
    z[:110, -1] = NAN
    z[50, 0] = 40.0  # counts as 6
    return z


def shrunk(z: np.ndarray, among: list[int]) -> np.ndarray:
    """The matrix of the documentation, pair by pair."""
    raw, noise = {}, {}
    for i in among:
        for j in among:
            days = [k for k in range(len(z)) if not math.isnan(z[k, i]) and not math.isnan(z[k, j])]
            if i != j and len(days) >= 60:
                weights = [DECAY**n for n in range(len(days))][::-1]
                a, b = (np.clip(z[days, s], -6, 6) for s in (i, j))
                raw[i, j] = (weights @ (a * b)) / math.sqrt((weights @ a**2) * (weights @ b**2))
                effective = sum(weights) ** 2 / sum(w * w for w in weights)
                noise[i, j] = (1 - raw[i, j] ** 2) ** 2 / effective
    target = sum(raw.values()) / len(raw)
    share = min(1.0, sum(noise.values()) / sum((r - target) ** 2 for r in raw.values()))
    full = [[1.0 if i == j else (1 - share) * raw.get((i, j), target) + share * target for j in among] for i in among]
    return np.array(full)


def test_the_matrix_against_a_slow_twin():
    z = with_holes(1)
    matrix, eigenvalues = fed(z).matrix(np.ones(6, dtype=bool))
    expected = shrunk(z, list(range(6)))
    assert_allclose(matrix, expected, rtol=1e-9)
    assert_allclose(eigenvalues, np.linalg.eigvalsh(expected), rtol=1e-9)
    assert_allclose(fed(z).deviation()[1], _deviation(z[:, 1]), rtol=1e-9)


def _deviation(values: np.ndarray) -> float:
    there = np.clip(values[~np.isnan(values)], -6, 6)
    weights = np.array([DECAY**n for n in range(len(there))][::-1])
    return math.sqrt((weights @ there**2) / weights.sum())


def test_symbols_that_are_not_there_are_left_out():
    z = with_holes(2)
    among = np.array([True, False, True, True, False, True])
    matrix, eigenvalues = fed(z).matrix(among)
    assert len(eigenvalues) == 4
    assert_allclose(matrix[np.ix_(among, among)], shrunk(z, [0, 2, 3, 5]), rtol=1e-9)
    assert (matrix[~among] == 0).all()
    assert (matrix[:, ~among] == 0).all()


def test_a_symbol_of_less_than_sixty_days_has_no_deviation():
    z = with_holes(3)[:160]
    assert np.isnan(fed(z).deviation()).tolist() == [False] * 5 + [True]


def test_two_symbols_that_are_one_still_give_a_positive_definite_matrix():
    rng = np.random.default_rng(4)
    z = np.repeat(rng.normal(size=(300, 2)), 4, axis=1)
    matrix, eigenvalues = fed(z).matrix(np.ones(8, dtype=bool))
    assert eigenvalues[0] == pytest.approx(0.02)
    assert_allclose(np.linalg.eigvalsh(matrix), eigenvalues, atol=1e-12)
    assert_allclose(np.diag(matrix), 1.0)


@pytest.mark.parametrize(("spread", "better"), [(0.0, 0.7), (0.4, 1.0)])
def test_shrinkage_comes_nearer_to_the_truth(spread, better):
    """Squared error against the true correlations: far below that of the sample where all are equal, never above it."""
    rng = np.random.default_rng(5)
    n = 10
    loading = np.linspace(0.7 - spread, 0.7 + min(spread, 0.25), n)
    truth = np.outer(loading, loading)
    np.fill_diagonal(truth, 1.0)
    off = ~np.eye(n, dtype=bool)
    errors = np.zeros(2)
    for _ in range(12):
        moments = fed(rng.normal(size=(130, n)) @ np.linalg.cholesky(truth).T)
        sample = moments.product / np.sqrt(moments.square * moments.square.T)
        matrix, _ = moments.matrix(np.ones(n, dtype=bool))
        errors += [((sample - truth)[off] ** 2).sum(), ((matrix - truth)[off] ** 2).sum()]
    assert errors[1] < better * errors[0]


def test_absorption_of_known_eigenvalues():
    assert absorption_ratio(np.full(10, 1.0)) == pytest.approx(0.2)
    assert absorption_ratio(np.array([1.0, 1.0, 1.0, 1.0, 6.0])) == pytest.approx(0.6)
    assert absorption_ratio(np.array([1.0, 1.0, 4.0])) == pytest.approx(0.6 * 4 / 6), "part of the first component"
    for n, correlation in ((5, 0.5), (20, 0.3), (30, 0.9)):
        values = np.linalg.eigvalsh(equicorrelated(n, correlation))
        first = 1 + (n - 1) * correlation
        expected = (first + (n / 5 - 1) * (1 - correlation)) / n
        assert absorption_ratio(values) == pytest.approx(expected)


def panel_of(hourly: np.ndarray, start: str = "2024-01-01 07:00") -> Panel:
    close = np.exp(np.cumsum(hourly, axis=0))
    close[np.isnan(hourly)] = NAN
    stamps = pd.date_range(start, periods=len(close), freq="h", tz="UTC", unit="us")
    names = tuple(f"S{j:02d}" for j in range(close.shape[1]))
    return Panel(stamps, names, close, close, close, close, np.ones(close.shape))


def made(panel: Panel) -> dict[str, np.ndarray]:
    x = ingredients(panel)
    return {name: values[:, 0] for name, values in turbulence_features(panel, x, slow_level(x))}


def normal(seed: int, days: int, symbols: int, correlation: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.01 * rng.normal(size=(24 * days, symbols)) @ np.linalg.cholesky(equicorrelated(symbols, correlation)).T


def test_turbulence_against_a_slow_twin():
    """Two instants, from the returns up: moments of the midnights before the day that is measured."""
    hourly = normal(6, 110, 5, 0.5)
    panel = panel_of(hourly)
    panel.close[24 * 60 :, 3][::50] = NAN
    panel.close[-8:, 2] = NAN  # not there at the second instant
    got = made(panel)
    x = ingredients(panel)
    slow = slow_level(x)
    midnights = [r for r in range(len(hourly)) if (panel.timestamps[r] + pd.Timedelta(hours=1)).hour == 0]
    for i in (24 * 100 + 3, len(hourly) - 1):
        z = np.array([x.daily[r] / np.exp(slow[r - 24]) for r in midnights if r <= i - 24 and r >= 24])
        now = x.daily[i] / np.exp(slow[i - 24])
        among = [j for j in range(5) if not math.isnan(z[-1, j])]
        there = [j for j in among if not math.isnan(now[j])]
        assert len(there) == (5 if i < 24 * 105 else 4)
        place = [among.index(j) for j in there]
        matrix = shrunk(z, among)[np.ix_(place, place)]
        y = np.array([now[j] / _deviation(z[:, j]) for j in there])
        distance = y @ np.linalg.inv(matrix) @ y / len(there)
        assert got["turbulence_24h"][i] == pytest.approx(math.log(distance + 1e-3), rel=1e-6)
        surprise = math.log(distance + 1e-3) - math.log(y @ y / len(there) + 1e-3)
        assert got["correlation_surprise_24h"][i] == pytest.approx(surprise, rel=1e-5)
    week = np.exp(got["turbulence_24h"][-168:]) - 1e-3
    assert got["turbulence_7d"][-1] == pytest.approx(math.log(np.nanmean(week) + 1e-3))


def test_without_news_the_distance_is_one():
    """Normal returns of a constant law: the mean distance is one, a little more for what is estimated."""
    got = made(panel_of(normal(7, 500, 6, 0.5)))
    distance = np.exp(got["turbulence_24h"][24 * 200 :]) - 1e-3
    independent = 300 * 6  # days times symbols, each a square of variance 2
    assert distance.mean() == pytest.approx(1.05, abs=4 * math.sqrt(2 / independent))
    assert abs(np.mean(got["correlation_surprise_24h"][24 * 200 :])) < 0.2
    assert np.abs(got["absorption_shift_15d"][-24 * 60 :]).mean() < 2.0


def test_turbulence_sees_large_moves_and_correlations_that_break():
    """The last day three times as large; or as large as ever, but with the symbols against each other."""
    hourly = normal(8, 200, 6, 0.9)
    calm = made(panel_of(hourly))
    large, broken = hourly.copy(), hourly.copy()
    large[-24:] *= 3.0
    broken[-24:] = 0.01 * np.random.default_rng(9).normal(size=(24, 6))
    large, broken = made(panel_of(large)), made(panel_of(broken))
    assert large["turbulence_24h"][-1] == pytest.approx(calm["turbulence_24h"][-1] + math.log(9), abs=0.05)
    assert large["correlation_surprise_24h"][-1] == pytest.approx(calm["correlation_surprise_24h"][-1], abs=0.05)
    assert broken["turbulence_24h"][-1] > 1.0
    assert broken["correlation_surprise_24h"][-1] > 1.0
    for name in ("turbulence_24h", "correlation_surprise_24h"):
        before = calm[name][24 * 100 :]
        assert broken[name][-1] > np.quantile(before, 0.99)


def test_absorption_sees_symbols_begin_to_move_as_one():
    hourly = np.concatenate([normal(10, 320, 10, 0.1), normal(11, 60, 10, 0.9)])
    got = made(panel_of(hourly))
    before, after = got["absorption_ratio"][24 * 319], got["absorption_ratio"][-1]
    assert after > before + 0.15
    assert got["absorption_shift_15d"][24 * 355] > 2.0
    assert got["absorption_shift_15d"].min(initial=0, where=~np.isnan(got["absorption_shift_15d"])) >= -5.0


def test_absorption_changes_at_midnight_only():
    panel = panel_of(normal(12, 120, 5, 0.5))
    got = pd.Series(made(panel)["absorption_ratio"])
    known = panel.timestamps + pd.Timedelta(hours=1)
    changed = (got.diff().abs() > 0).to_numpy()
    assert set(known[changed].hour) == {0}
    assert changed.sum() > 30


def test_two_symbols_are_no_market():
    for values in made(panel_of(normal(13, 100, 2, 0.5))).values():
        assert np.isnan(values).all()


def test_a_market_of_less_than_a_day_has_no_midnight():
    for values in made(panel_of(normal(14, 1, 4, 0.5)[:9])).values():
        assert np.isnan(values).all()
