"""Conditional calibration in the source's own notation and with simulated sizes."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from levercap.evaluation.coverage.conditional_calibration import (
    conditional_calibration,
    identification,
    panel_calibration,
    relative_instruments,
    scale_instruments,
)
from levercap.evaluation.shortfall.expected_shortfall import ShortfallStatistic, shortfall_statistic

LEVEL, RATE = 0.975, 0.025
VAR = float(student.ppf(LEVEL, 5))
ES = float(student.pdf(VAR, 5) / RATE * (5 + VAR**2) / 4)


def sample(rng: np.random.Generator, days: int):
    scale = np.exp(rng.normal(0, 0.4, days))
    return scale * rng.standard_t(5, days), scale * VAR, scale * ES, scale


def panel(rng: np.random.Generator, days: int, symbols: int):
    mixing = np.sqrt(5 / rng.chisquare(5, size=(days, 1)))
    scale = np.exp(rng.normal(0, 0.4, (days, symbols)))
    latent = np.sqrt(0.7) * rng.normal(size=(days, 1)) + np.sqrt(0.3) * rng.normal(size=(days, symbols))
    loss, scale = (scale * mixing * latent).ravel(), scale.ravel()
    return loss, scale * VAR, scale * ES, np.arange(days).repeat(symbols)


def two_sided_in_returns(y, q, e, s, a):
    """Simple and general two-sided test as the source writes them: returns, forecasts below zero, row by row."""

    def wald(rows):
        h = np.array(rows)
        mean, second = h.mean(axis=0), sum(np.outer(x, x) for x in h) / len(h)
        return len(h) * mean @ np.linalg.inv(second) @ mean

    simple, general = [], []
    for i in range(len(y)):
        hit = float(y[i] <= q[i])
        v = np.array([a - hit, e[i] - q[i] + hit * (q[i] - y[i]) / a])
        simple.append(v)
        general.append([np.array([(q[i] - e[i]) / (a * s[i]), 1 / s[i]]) @ v])
    return wald(simple), wald(general)


@pytest.mark.parametrize("seed", range(4))
def test_two_sided_statistics_are_those_of_the_source_in_returns(seed):
    loss, var, es, scale = sample(np.random.default_rng(seed), 400)
    simple, general = two_sided_in_returns(-loss, -var, -es, scale, RATE)
    found = conditional_calibration(loss, var, es, LEVEL, one_sided=False)
    assert (found.statistic, found.p_value) == pytest.approx((simple, chi2.sf(simple, 2)))
    weights = scale_instruments(var, es, scale, LEVEL, one_sided=False)
    found = conditional_calibration(loss, var, es, LEVEL, weights, one_sided=False)
    assert (found.statistic, found.p_value) == pytest.approx((general, chi2.sf(general, 1)))


def test_general_two_sided_moment_is_the_size_of_losses_beyond_var():
    # with its weights, hits and shortfall cancel to hit (es - loss) / (a scale): the residuals of McNeil and Frey
    loss, var, es, scale = sample(np.random.default_rng(1), 400)
    weights = scale_instruments(var, es, scale, LEVEL, one_sided=False)
    found = conditional_calibration(loss, var, es, LEVEL, weights, one_sided=False)
    residual = np.where(loss > var, (es - loss) / (RATE * scale), 0.0)
    assert found.moments[0] == pytest.approx(residual.mean())


def test_one_sided_test_by_hand():
    loss, var, es, scale = sample(np.random.default_rng(2), 300)
    hit = (loss > var).astype(float)
    first, second = RATE - hit, es - var - hit * (loss - var) / RATE
    moments = np.column_stack([first, var * first, second, second / scale])
    t = np.sqrt(300) * moments.mean(axis=0) / np.sqrt((moments**2).mean(axis=0))
    p = sorted(norm.cdf(t))
    expected = min(4 * (1 + 1 / 2 + 1 / 3 + 1 / 4) * min(p[0], p[1] / 2, p[2] / 3, p[3] / 4), 1.0)
    found = conditional_calibration(loss, var, es, LEVEL, scale_instruments(var, es, scale, LEVEL))
    assert found.t_values == pytest.approx(t)
    assert (found.statistic, found.p_value) == pytest.approx((min(t), expected))
    assert (found.hits, found.rows, found.days) == (int(hit.sum()), 300, 300)


def test_identification_is_zero_at_the_truth_and_negative_below_it():
    def mean(v, e):
        def integrand(x, part):
            return identification([x], [v], [e], LEVEL)[0, part] * student.pdf(x, 5)

        return [quad(integrand, -60, 400, args=(part,), points=[v], limit=400)[0] for part in (0, 1)]

    assert mean(VAR, ES) == pytest.approx([0, 0], abs=1e-4)
    assert max(mean(0.9 * VAR, 0.9 * ES)) < -0.005
    assert min(mean(1.1 * VAR, 1.1 * ES)) > 0.002
    loss, var, es, _ = sample(np.random.default_rng(3), 200)
    biased = shortfall_statistic(loss, var, es, LEVEL, ShortfallStatistic.MINIMALLY_BIASED)
    assert identification(loss, var, es, LEVEL)[:, 1].mean() == pytest.approx(biased)


def rejections(runs, days, scale=1.0, seed=0):
    """Shares of p-values of at most 5 %: simple one-sided, simple two-sided, general one-sided, general two-sided."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(4)
    for _ in range(runs):
        loss, var, es, s = sample(rng, days)
        v, e = scale * var, scale * es
        for i, one_sided in enumerate((True, False)):
            weights = scale_instruments(v, e, s, LEVEL, one_sided)
            counts[i] += conditional_calibration(loss, v, e, LEVEL, one_sided=one_sided).p_value <= 0.05
            counts[2 + i] += conditional_calibration(loss, v, e, LEVEL, weights, one_sided).p_value <= 0.05
    return counts / runs


def test_size_of_the_two_sided_test_is_wrong_in_a_year_and_of_the_one_sided_is_not():
    """The two-sided test is known to reject about a quarter of right forecasts at 250 days."""
    runs = 800
    simple, simple_both, general, general_both = rejections(runs, 250)
    assert 0.2 < simple_both < 0.36
    assert 0.05 < general_both < 0.15
    assert max(simple, general) <= binom.ppf(0.999, runs, 0.05) / runs
    later = rejections(400, 2000, seed=1)
    assert later[1] < 0.14
    assert max(later[0], later[2]) <= binom.ppf(0.999, 400, 0.05) / 400


def test_power():
    simple, simple_both, general, _ = rejections(100, 750, scale=0.75)
    assert min(simple, simple_both) > 0.8
    assert general > 0.7
    too_large = rejections(100, 750, scale=1.4)
    assert max(too_large[0], too_large[2]) <= 0.01
    assert too_large[1] > 0.8


def test_panel_of_one_row_a_day_and_of_copies():
    loss, var, es, _ = sample(np.random.default_rng(4), 500)
    one = conditional_calibration(loss, var, es, LEVEL, relative_instruments(es))
    alone = panel_calibration(loss, var, es, np.arange(500), LEVEL, block_days=None, lags=0)
    assert alone.moments == pytest.approx(one.moments)
    # the one difference is the mean that is taken off
    shrink = [1 / np.sqrt(1 + t**2 / 500) for t in alone.t_values]
    assert one.t_values == pytest.approx([t * s for t, s in zip(alone.t_values, shrink, strict=True)])
    copies = [np.repeat(x, 4) for x in (loss, var, es, np.arange(500))]
    assert panel_calibration(*copies, LEVEL, block_days=None, lags=0).t_values == pytest.approx(alone.t_values)


def test_panel_keeps_its_size_where_rows_taken_as_independent_do_not():
    rng = np.random.default_rng(5)
    runs = 150
    counts = np.zeros(4)
    for run in range(runs):
        loss, var, es, day = panel(rng, 500, 12)
        counts[0] += panel_calibration(loss, var, es, day, LEVEL).p_value <= 0.05
        counts[1] += panel_calibration(loss, var, es, day, LEVEL, block_days=None).p_value <= 0.05
        counts[2] += panel_calibration(loss, var, es, day, LEVEL, draws=199, seed=run).p_value <= 0.05
        counts[3] += conditional_calibration(loss, var, es, LEVEL, relative_instruments(es)).p_value <= 0.05
    size = counts / runs
    assert max(size[:3]) <= binom.ppf(0.999, runs, 0.05) / runs
    assert size[3] > 0.1
    assert size[2] >= size[0]  # the normal approximation errs towards silence


def test_panel_has_power_most_of_all_with_resampled_p_values():
    rng = np.random.default_rng(6)
    counts = np.zeros(3)
    for run in range(50):
        loss, var, es, day = panel(rng, 500, 12)
        var, es = 0.85 * var, 0.85 * es
        counts[0] += panel_calibration(loss, var, es, day, LEVEL).p_value <= 0.05
        counts[1] += panel_calibration(loss, var, es, day, LEVEL, block_days=None).p_value <= 0.05
        counts[2] += panel_calibration(loss, var, es, day, LEVEL, draws=199, seed=run).p_value <= 0.05
    assert counts[2] >= counts[0]
    assert counts[2] / 50 > 0.8
    assert min(counts[:2]) / 50 > 0.5


def test_odd_instruments_are_refused():
    loss, var, es, scale = sample(np.random.default_rng(7), 100)
    with pytest.raises(ValueError, match=r"instruments >= 0"):
        conditional_calibration(loss, var, es, LEVEL, scale_instruments(var, es, scale, LEVEL, one_sided=False))
    with pytest.raises(ValueError, match=r"shaped \(rows = 100, moments, 2\)"):
        conditional_calibration(loss, var, es, LEVEL, np.ones((100, 2)))
    with pytest.raises(ValueError, match="volatility"):
        scale_instruments(var, es, scale * 0, LEVEL)
    with pytest.raises(ValueError, match="2 of 2 moments do not vary"):
        panel_calibration(0 * var, 1 + 0 * var, 2 + 0 * es, np.arange(100), LEVEL, one_sided=False)
    quiet = panel_calibration(0 * var, var, es, np.arange(100), LEVEL)
    assert (quiet.p_value, quiet.hits) == (1.0, 0)  # without a hit nothing was too small
    with pytest.raises(ValueError, match="block_days"):
        panel_calibration(loss, var, es, np.arange(100), LEVEL, block_days=None, draws=9)
