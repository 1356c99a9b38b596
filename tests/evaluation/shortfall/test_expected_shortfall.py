"""Tests of expected shortfall: formulas in the notation of their sources, published cut-offs, size and power."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, norm
from scipy.stats import t as student

from levercap.evaluation.shortfall.expected_shortfall import (
    ShortfallStatistic,
    exceedance_residuals,
    shortfall_panel_test,
)

LEVEL = 0.975
RATE = 0.025
Z2, RELATIVE = ShortfallStatistic
ALL = list(ShortfallStatistic)


def t_tail(degrees: float, level: float = LEVEL) -> tuple[float, float]:
    q = student.ppf(level, degrees)
    return q, student.pdf(q, degrees) / (1 - level) * (degrees + q**2) / (degrees - 1)


def sources(y: np.ndarray, v: np.ndarray, e: np.ndarray, a: float) -> dict[ShortfallStatistic, float]:
    """The statistics as their authors write them: returns y, and forecasts v and e as the sources sign them."""
    var, es = -v, -e  # Acerbi and Szekely: VaR and ES positive, X the profit
    hit = [y[i] + var[i] < 0 for i in range(len(y))]
    z2 = sum(y[i] * hit[i] / (len(y) * a * es[i]) for i in range(len(y))) + 1
    relative = [(es[i] - var[i] - (1 / a) * max(-(y[i] + var[i]), 0.0)) / es[i] for i in range(len(y))]
    return {Z2: z2, RELATIVE: np.mean(relative)}


def shortfall_statistic(loss, var, es, statistic=Z2, day=None):
    """The statistic of a panel; without `day` every row is a day of its own."""
    days = np.arange(len(loss)) if day is None else day
    return shortfall_panel_test(loss, var, es, days, LEVEL, statistic, draws=1).statistic


def sample(rng: np.random.Generator, days: int, degrees: float = 5.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    var, es = t_tail(degrees)
    scale = np.exp(rng.normal(0, 0.4, days))
    return scale * student.rvs(degrees, size=days, random_state=rng), scale * var, scale * es


@pytest.mark.parametrize("seed", range(5))
def test_statistics_are_those_of_the_sources_in_returns(seed):
    loss, var, es = sample(np.random.default_rng(seed), 400)
    expected = sources(-loss, -var, -es, RATE)
    for statistic in ALL:
        assert shortfall_statistic(loss, var, es, statistic) == pytest.approx(expected[statistic])


@pytest.mark.parametrize("degrees", [3, 5, 100])
def test_expectations_are_zero_at_the_truth_and_negative_below_it(degrees):
    var, es = t_tail(degrees)

    def mean(of, v, e):
        return quad(lambda x: of(x, v, e) * student.pdf(x, degrees), v, np.inf)[0]

    def z2(v, e):
        return 1 - mean(lambda x, v, e: x / e, v, e) / RATE

    def biased(v, e):
        return e - v - mean(lambda x, v, e: x - v, v, e) / RATE

    assert [z2(var, es), biased(var, es)] == pytest.approx([0, 0], abs=1e-6)
    assert max(z2(var, 0.9 * es), biased(var, 0.9 * es)) < -0.05
    # a wrong var moves the minimally biased statistic by a square, and only down; it moves Z2 in proportion
    for shift in (-0.05, 0.05):
        assert -0.03 * es < biased(var * (1 + shift), es) < 0
        assert abs(z2(var * (1 + shift), es)) > 2 * abs(biased(var * (1 + shift), es) / es)


def test_published_cut_offs_of_z2():
    """Acerbi and Szekely (2014): -0.70 at 5 % and -1.8 at 0.01 % for 250 days at 97.5 %, Student tails of 5 to 100."""
    rng = np.random.default_rng(3)
    draws = 100_000
    for degrees, five_percent, one_in_10_000 in ((100, -0.70, -1.8), (10, -0.71, -1.87), (5, -0.74, -2.0)):
        var, es = t_tail(degrees)
        hits = rng.binomial(250, RATE, draws)
        losses = student.isf(RATE * rng.random(hits.sum()), degrees)
        series = np.repeat(np.arange(draws), hits)
        z2 = 1 - np.bincount(series, losses, draws) / (es * RATE * 250)
        assert np.quantile(z2, 0.05) == pytest.approx(five_percent, abs=0.012)
        assert (z2 < -0.70).mean() == pytest.approx(0.05, abs=0.01)
        # ten draws are expected below: within Poisson error
        assert 2 <= (z2 < one_in_10_000).sum() <= 22
        # this module's own arithmetic gives the same numbers
        row = np.zeros(250)
        row[: hits[0]] = losses[: hits[0]]
        assert shortfall_statistic(row, np.full(250, var), np.full(250, es)) == pytest.approx(z2[0])


def panel(rng: np.random.Generator, days: int, symbols: int, scale: float = 1.0):
    """Losses of many coins that fall together: most of the variance is common, and so is the mixing of the tails."""
    var, es = t_tail(5)
    common, own = rng.normal(size=(days, 1)), rng.normal(size=(days, symbols))
    mixing = np.sqrt(5 / rng.chisquare(5, size=(days, 1)))
    volatility = np.exp(rng.normal(0, 0.4, (days, symbols)))
    loss = volatility * mixing * (np.sqrt(0.7) * common + np.sqrt(0.3) * own)
    day = np.arange(days).repeat(symbols)
    return loss.ravel(), (scale * var * volatility).ravel(), (scale * es * volatility).ravel(), day


def test_panel_tests_keep_their_size_where_rows_taken_as_independent_do_not():
    rng = np.random.default_rng(9)
    runs = 120
    clustered, naive = np.zeros(len(ALL)), 0
    for run in range(runs):
        loss, var, es, day = panel(rng, 500, 12)
        for i, statistic in enumerate(ALL):
            clustered[i] += shortfall_panel_test(loss, var, es, day, LEVEL, statistic, 5, 199, run).p_value <= 0.05
        alone = np.arange(len(loss))
        naive += shortfall_panel_test(loss, var, es, alone, LEVEL, Z2, 1, 99, run).p_value <= 0.05
    assert (clustered / runs <= binom.ppf(0.999, runs, 0.05) / runs).all()
    assert naive / runs > 0.15


def test_panel_tests_have_power():
    rng = np.random.default_rng(10)
    found = np.zeros(len(ALL))
    for run in range(40):
        loss, var, es, day = panel(rng, 700, 12, scale=0.75)
        found += [shortfall_panel_test(loss, var, es, day, LEVEL, s, 5, 199, run).p_value <= 0.05 for s in ALL]
    assert (found / 40 > 0.9).all()


def test_panel_counts_days_not_rows():
    loss, var, es = np.array([4.0, 0.0, 0.0, 0.0]), np.full(4, 2.0), np.full(4, 3.0)
    day = ["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-02"]
    assert shortfall_statistic(loss, var, es, Z2, day) == pytest.approx(1 - 4 / 3 / RATE / 2)
    assert shortfall_statistic(loss, var, es, Z2) == pytest.approx(1 - 4 / 3 / RATE / 4)
    # copies of every row are no new evidence, and the order of rows is none at all
    rng = np.random.default_rng(11)
    loss, var, es = sample(rng, 300)
    order = rng.permutation(900)
    copies = [np.repeat(x, 3)[order] for x in (loss, var, es, np.arange(300))]
    for statistic in ALL:
        one = shortfall_panel_test(loss, var, es, np.arange(300), LEVEL, statistic, draws=99)
        many = shortfall_panel_test(*copies, LEVEL, statistic, draws=99)
        assert (one.statistic, one.p_value) == pytest.approx((many.statistic, many.p_value))


@given(st.floats(1e-3, 1e3), st.integers(0, 20))
def test_units_change_nothing(unit, seed):
    day = np.arange(200)
    loss, var, es = sample(np.random.default_rng(seed), 200)
    loss[0] = 2 * var[0]
    for statistic in ALL:
        one = shortfall_panel_test(loss, var, es, day, LEVEL, statistic, draws=19)
        two = shortfall_panel_test(loss * unit, var * unit, es * unit, day, LEVEL, statistic, draws=19)
        assert two.statistic == pytest.approx(one.statistic, abs=1e-9)
        assert two.p_value == pytest.approx(one.p_value)


@given(st.floats(1.0, 3.0), st.integers(0, 20))
def test_a_larger_forecast_never_looks_worse(factor, seed):
    loss, var, es = sample(np.random.default_rng(seed), 200)
    loss[0] = 2 * var[0]
    for statistic in ALL:
        before = shortfall_statistic(loss, var, es, statistic)
        assert shortfall_statistic(loss, var, es * factor, statistic) >= before - 1e-12


def test_exceedance_residuals_by_hand():
    loss = np.array([0.0, 3.0, 0.0, 5.0, 2.5, 0.0, 6.0, 2.2, 0.0])
    var, es, scale = np.full(9, 2.0), np.full(9, 3.0), np.linspace(1, 2, 9)
    residual = ((loss - es) / scale)[loss > var]
    t = residual.mean() / (residual.std() / np.sqrt(5))
    result = exceedance_residuals(loss, var, es, LEVEL, scale, draws=4000)
    assert result.statistic == pytest.approx(-t)
    # all 5^5 resamples
    shifted = np.array(list(product(residual - residual.mean(), repeat=5)))
    spread = shifted.std(axis=1)
    values = np.divide(shifted.mean(axis=1), spread / np.sqrt(5), out=np.sign(shifted[:, 0]) * np.inf, where=spread > 0)
    assert result.p_value == pytest.approx((values >= t).mean(), abs=0.03)


def test_exceedance_residuals_need_five_hits():
    loss, var, es = np.array([3.0] * 4 + [0.0] * 96), np.full(100, 2.0), np.full(100, 3.0)
    with pytest.raises(ValueError, match="at least 5 days; got 4"):
        exceedance_residuals(loss, var, es, LEVEL)
    with pytest.raises(ValueError, match="got 20 on 4 days"):
        exceedance_residuals(np.repeat(loss, 5), np.full(500, 2.0), np.full(500, 3.0), LEVEL, day=np.arange(500) // 5)
    with pytest.raises(ValueError, match="scale > 0"):
        exceedance_residuals(loss, var, es, LEVEL, scale=np.zeros(100))


def test_size_and_power_of_exceedance_residuals():
    rng = np.random.default_rng(12)
    runs, size, power = 250, 0, 0
    for run in range(runs):
        loss, var, es = sample(rng, 800)
        size += exceedance_residuals(loss, var, es, LEVEL, draws=199, seed=run).p_value <= 0.05
        low = var + 0.4 * (es - var)
        power += exceedance_residuals(loss, var, low, LEVEL, draws=199, seed=run).p_value <= 0.05
    assert size / runs <= binom.ppf(0.999, runs, 0.05) / runs
    assert power / runs > 0.75


def test_exceedance_residuals_of_a_panel_keep_their_size():
    rng = np.random.default_rng(13)
    runs, clustered, naive = 150, 0, 0
    for run in range(runs):
        loss, var, es, day = panel(rng, 500, 12)
        clustered += exceedance_residuals(loss, var, es, LEVEL, day=day, draws=199, seed=run).p_value <= 0.05
        naive += exceedance_residuals(loss, var, es, LEVEL, draws=199, seed=run).p_value <= 0.05
    assert clustered / runs <= binom.ppf(0.999, runs, 0.05) / runs
    assert naive > 2 * clustered


def test_seeds_decide_and_what_cannot_be_tested_is_said_at_once():
    loss, var, es = sample(np.random.default_rng(14), 300)
    day = np.arange(300)
    one, two = (shortfall_panel_test(loss, var, es, day, LEVEL, seed=1) for _ in range(2))
    assert one == two
    wrong = es.copy()
    wrong[:2] = np.nan
    with pytest.raises(ValueError, match=r"2 of 300 values of es .* 300 values of var are not positive"):
        shortfall_panel_test(loss, -var, wrong, day, LEVEL)
    with pytest.raises(ValueError, match=r"es is below var in 300 of 300 rows; level"):
        shortfall_panel_test(loss, var, 0.5 * var, day, 0.025)
    with pytest.raises(ValueError, match=r"one common length.*es \(299,\)"):
        shortfall_panel_test(loss, var, es[1:], day, LEVEL)


def test_normal_tail_of_the_source():
    # the closed form that the tails above are checked against once: expected shortfall of a normal at 97.5 %
    assert t_tail(1e7) == pytest.approx((1.959964, norm.pdf(1.959964) / RATE), rel=1e-5)
