"""CAViaR: the smallest loss there is, the recursion it came from, and the loss of a slow loop."""

import numpy as np
import pytest
from scipy import optimize, stats

from levercap.core.names import LEVELS, Side
from levercap.forecast.baselines.caviar import Caviar, QuantileRecursion, fit_recursion, quantile_path, regression_loss
from levercap.forecast.baselines.model import CannotFit
from support.daily_markets import symbol_days

CONSTANT, PERSISTENCE, NEWS = 0.0008, 0.88, 0.10


def process(days, seed=0, degrees=5.0):
    """(days,) returns whose scale follows the recursion, and (days,) that scale: every quantile follows it too."""
    z = stats.t.rvs(degrees, size=days, random_state=seed)
    returns, scale = np.empty(days), np.empty(days)
    s = CONSTANT / (1 - PERSISTENCE - NEWS * 0.95)
    for i in range(days):
        scale[i] = s
        returns[i] = s * z[i]
        s = CONSTANT + PERSISTENCE * s + NEWS * abs(returns[i])
    return returns, scale


def test_the_loss_is_that_of_a_slow_loop():
    losses, _ = process(300)
    for level in LEVELS:
        quantile, total = 0.05, 0.0
        for x in losses:
            total += level * max(x - quantile, 0) + (1 - level) * max(quantile - x, 0)
            quantile = 0.001 + 0.9 * quantile + 0.2 * abs(x)
        assert regression_loss(losses, 0.05, level, np.array([0.001, 0.9, 0.2])) == pytest.approx(total / 300)


def test_the_quantile_after_each_day_uses_that_day():
    losses = np.array([0.1, np.nan, -0.2])
    path = quantile_path(losses, 0.5, 0.01, 0.5, 0.3)
    np.testing.assert_allclose(path, [0.5, 0.29, 0.29, 0.01 + 0.145 + 0.06])
    np.testing.assert_array_equal(QuantileRecursion(0.5, 0.01, 0.5, 0.3, 1.2).path(losses), path[1:])


@pytest.mark.parametrize("bad", [[-1e-9, 0.9, 0.1], [0.1, 1.0, 0.1], [0.1, -0.01, 0.1], [0.1, 0.9, -1e-9]])
def test_outside_the_admissible_set_there_is_no_loss(bad):
    assert regression_loss(process(50)[0], 0.1, 0.99, np.array(bad)) == np.inf


@pytest.mark.parametrize("level", LEVELS)
def test_no_other_parameters_have_a_smaller_loss(level):
    rng = np.random.default_rng(0)
    for seed in range(3):
        losses, _ = process(1500, seed)
        found = fit_recursion(losses, level)
        best = np.array([found.constant, found.persistence, found.news])
        smallest = regression_loss(losses, found.start, level, best)
        quantile = stats.t.ppf(level, 5)
        truth = np.array([CONSTANT * quantile, PERSISTENCE, NEWS * quantile])
        assert smallest <= regression_loss(losses, found.start, level, truth)
        for width in (0.003, 0.03, 0.3):
            for _ in range(60):
                other = best * (1 + width * rng.normal(size=3))
                assert regression_loss(losses, found.start, level, other) >= smallest * (1 - 1e-5)
        for start in (truth, best, [0.01, 0.8, 0.1]):
            theirs = optimize.minimize(
                lambda p, x=losses, s=found.start: min(regression_loss(x, s, level, p), 1e3),
                start,
                method="Nelder-Mead",
            )
            assert smallest <= theirs.fun * (1 + 2e-4)


def test_the_recursion_is_found_again():
    for level in LEVELS:
        losses, scale = process(8000, seed=3)
        found = fit_recursion(losses, level)
        quantile = stats.t.ppf(level, 5)
        assert found.persistence == pytest.approx(PERSISTENCE, abs=0.06)
        assert found.news == pytest.approx(NEWS * quantile, rel=0.4)
        ahead = found.path(losses)[:-1]
        assert np.abs(np.log(ahead[500:] / (quantile * scale[501:]))).mean() < 0.06
        truth = stats.t.pdf(quantile, 5) * (5 + quantile**2) / 4 / (1 - level) / quantile
        assert found.shortfall == pytest.approx(truth, rel=0.1)


def test_out_of_sample_it_covers_what_it_promises():
    returns, _ = process(12000, seed=9)
    days, rows = symbol_days(returns), np.arange(4000, 11999)
    model = Caviar.fit(symbol_days(returns[:4000]))
    for side in Side:
        loss = days.end(side)[rows + 1]
        for level in LEVELS:
            var, es = model.end(days, rows, side, level)
            hit = loss > var
            share = 1 - level  # the quantile was estimated from 4000 days: its error adds to the binomial one
            assert hit.mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(rows) + share / 4000))
            assert (loss[hit] / es[hit]).mean() == pytest.approx(1, abs=0.15)


def test_the_fit_does_not_depend_on_the_unit():
    losses, _ = process(1000)
    one, hundred = fit_recursion(losses, 0.99), fit_recursion(100 * losses, 0.99)
    assert hundred.persistence == pytest.approx(one.persistence, rel=1e-3)
    assert hundred.constant == pytest.approx(100 * one.constant, rel=1e-2, abs=1e-6)


def test_the_volatility_is_that_of_a_normal_with_the_same_quantiles():
    recursions = {
        (side, level): QuantileRecursion(stats.norm.ppf(level) * 0.04, 0.0, 0.999999, 0.0, 1.2)
        for side in Side
        for level in LEVELS
    }
    sigma = Caviar(recursions).volatility(symbol_days(np.r_[np.nan, np.zeros(5)]))
    assert np.isnan(sigma[0])
    np.testing.assert_allclose(sigma[1:], 0.04, rtol=1e-4)


def test_young_or_still_symbols_cannot_be_fitted():
    with pytest.raises(CannotFit, match="young"):
        Caviar.fit(symbol_days(process(499)[0]))
    with pytest.raises(CannotFit, match="no movement"):
        Caviar.fit(symbol_days(np.zeros(600)))
