"""Long-run variance against a plain loop, the closed form of an autoregression, and the arch library."""

import numpy as np
import pytest
from scipy.signal import lfilter

from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.resampling.covariance import (
    block_covariance,
    long_run_covariance,
    long_run_variance,
    newey_west_lags,
)


def autoregression(rng: np.random.Generator, phi: float, days: int, columns: int = 1) -> np.ndarray:
    return lfilter([1.0], [1.0, -phi], rng.normal(size=(days + 200, columns)), axis=0)[200:]


def slow_covariance(values: np.ndarray, lags: int, centred: bool) -> np.ndarray:
    days, columns = values.shape
    total = np.zeros((columns, columns))
    means = [values[:, i].mean() if centred else 0.0 for i in range(columns)]
    for i in range(columns):
        for j in range(columns):
            for t in range(days):
                for s in range(days):
                    weight = 1 - abs(t - s) / (lags + 1)
                    if weight > 0:
                        total[i, j] += weight * (values[t, i] - means[i]) * (values[s, j] - means[j])
    return total / days


def slow_lags(series: np.ndarray) -> int:
    days = len(series)
    x = series - series.mean()
    first = int(np.floor(4 * (days / 100) ** (2 / 9)))
    g = [sum(x[t] * x[t - lag] for t in range(lag, days)) / days for lag in range(first + 1)]
    s0 = g[0] + 2 * sum(g[1:])
    s1 = 2 * sum(lag * g[lag] for lag in range(1, first + 1))
    return int(np.floor(1.1447 * ((s1 / s0) ** 2) ** (1 / 3) * days ** (1 / 3)))


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("lags", [0, 1, 4, 11])
def test_newey_west_is_the_double_sum_over_pairs_of_days(lags, centred):
    values = autoregression(np.random.default_rng(lags), 0.5, 30, 2) + 0.3
    assert long_run_covariance(values, lags, centred) == pytest.approx(slow_covariance(values, lags, centred))


@pytest.mark.parametrize("phi", [-0.4, 0.0, 0.3, 0.8])
def test_automatic_lags_are_those_of_the_plain_rule(phi):
    series = autoregression(np.random.default_rng(3), phi, 300)[:, 0]
    assert newey_west_lags(series) == slow_lags(series)
    assert long_run_variance(series) == long_run_variance(series, slow_lags(series))


@pytest.mark.parametrize("lags", [0, 5, 20])
def test_newey_west_expects_what_the_autocovariances_of_an_autoregression_add_up_to(lags):
    phi, rng = 0.6, np.random.default_rng(lags)
    distance = np.arange(1, lags + 1)
    expected = (1 + 2 * ((1 - distance / (lags + 1)) * phi**distance).sum()) / (1 - phi**2)
    estimates = [long_run_variance(autoregression(rng, phi, 2000), lags, centred=False) for _ in range(40)]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(expected, abs=3.5 * error)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_long_run_variance_of_an_autoregression_in_closed_form(phi):
    series = autoregression(np.random.default_rng(11), phi, 40_000)[:, 0]
    assert long_run_variance(series) == pytest.approx(1 / (1 - phi) ** 2, rel=0.12)
    assert block_covariance(series, 100)[0, 0] == pytest.approx(1 / (1 - phi) ** 2, rel=0.12)


def test_agrees_with_the_arch_library():
    kernel = pytest.importorskip("arch.covariance.kernel")
    values = autoregression(np.random.default_rng(5), 0.4, 500, 3)
    for lags in (0, 3, 9):
        reference = kernel.Bartlett(values, bandwidth=lags)
        assert long_run_covariance(values, lags) == pytest.approx(np.asarray(reference.cov.long_run))


def test_units_do_not_change_the_lags_and_only_scale_the_covariance():
    values = autoregression(np.random.default_rng(7), 0.5, 400, 2)
    units = np.array([1.0, 1e-4])
    assert newey_west_lags(values * units) == newey_west_lags(values)
    assert long_run_covariance(values * units) == pytest.approx(long_run_covariance(values) * np.outer(units, units))
    assert np.linalg.eigvalsh(long_run_covariance(values)).min() > 0


def test_block_covariance_is_the_matrix_version_of_the_bootstrap_standard_error():
    values = autoregression(np.random.default_rng(8), 0.5, 333, 2)
    covariance = block_covariance(values, 20)
    assert np.sqrt(np.diag(covariance) / 333) == pytest.approx([standard_error(x, 20) for x in values.T])
    summed = block_covariance(values.sum(axis=1), 20)[0, 0]
    assert summed == pytest.approx(covariance.sum())


def test_odd_input():
    assert newey_west_lags(np.full(50, 0.25)) == 0
    assert long_run_variance(np.full(50, 0.25)) == 0.0
    assert long_run_variance([1.0]) == 0.0
    alternating = np.tile([1.0, -1.0], 50)
    assert newey_west_lags(alternating) < 100
    with pytest.raises(ValueError, match="missing"):
        long_run_covariance([0.1, np.nan])
    with pytest.raises(ValueError, match="at least one day"):
        block_covariance([])
    with pytest.raises(ValueError, match="lags"):
        long_run_covariance([0.1, 0.2], lags=-1)
