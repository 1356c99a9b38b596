from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.risk import expected_shortfall, insolvency_margin, value_at_risk

counts = st.lists(st.tuples(st.integers(-50, 200), st.integers(1, 40)), min_size=1, max_size=40)
levels = st.integers(1, 999).map(lambda n: n / 1000)


def split(pairs):
    losses, weights = np.array(pairs, dtype=float).T
    return losses / 100, weights / weights.sum()


def exact_quantile(pairs, level: Fraction) -> Fraction:
    total, below = sum(w for _, w in pairs), 0
    for loss, weight in sorted(pairs):
        below += weight
        if Fraction(below, total) >= level:
            return Fraction(loss, 100)
    raise AssertionError


def exact_shortfall(pairs, level: Fraction) -> Fraction:
    """Integral of the quantile function, piece by piece, in rational arithmetic."""
    total, below, area = sum(w for _, w in pairs), Fraction(0), Fraction(0)
    for loss, weight in sorted(pairs):
        upper = below + Fraction(weight, total)
        area += Fraction(loss, 100) * max(Fraction(0), upper - max(below, level))
        below = upper
    return area / (1 - level)


def expected_debt(losses, weights, margin):
    return float(np.dot(weights, np.maximum(losses - margin, 0)))


def test_hundred_equal_losses():
    losses, weights = np.arange(1.0, 101.0), np.full(100, 0.01)
    assert value_at_risk(losses, weights, 0.99) == 99
    assert value_at_risk(losses, weights, 0.975) == 98
    assert expected_shortfall(losses, weights, 0.99) == pytest.approx(100)
    assert expected_shortfall(losses, weights, 0.975) == pytest.approx((100 + 99 + 0.5 * 98) / 2.5)


@pytest.mark.parametrize("count", [10, 30, 300, 1000, 7000])
def test_equal_weights_hit_round_levels_in_spite_of_rounding(count):
    losses, weights = np.arange(1.0, count + 1), np.full(count, 1 / count)
    assert value_at_risk(losses, weights, 0.9) == count * 9 // 10


def test_uniform_losses_have_the_closed_form():
    n = 4000
    losses, weights = (np.arange(n) + 0.5) / n, np.full(n, 1 / n)
    for level in (0.9, 0.975, 0.99):
        assert expected_shortfall(losses, weights, level) == pytest.approx((1 + level) / 2, abs=1e-12)


def test_exponential_losses_approach_the_closed_form():
    n = 400_000
    losses, weights = -np.log1p(-(np.arange(n) + 0.5) / n), np.full(n, 1 / n)
    assert value_at_risk(losses, weights, 0.975) == pytest.approx(-np.log(0.025), rel=1e-4)
    assert expected_shortfall(losses, weights, 0.975) == pytest.approx(1 - np.log(0.025), rel=1e-4)
    budget = 0.0005  # E[(l - m)+] = exp(-m)
    assert insolvency_margin(losses, weights, budget) == pytest.approx(-np.log(budget), rel=1e-3)


@given(counts, levels)
def test_shortfall_is_the_integral_of_quantiles(pairs, level):
    losses, weights = split(pairs)
    exact = exact_shortfall(pairs, Fraction(level).limit_denominator(1000))
    assert expected_shortfall(losses, weights, level) == pytest.approx(float(exact), abs=1e-9)


@given(counts, levels)
def test_value_at_risk_is_the_smallest_loss_that_covers_the_level(pairs, level):
    losses, weights = split(pairs)
    exact = exact_quantile(pairs, Fraction(level).limit_denominator(1000))
    assert value_at_risk(losses, weights, level) == pytest.approx(float(exact), abs=1e-12)


@given(counts, levels)
def test_shortfall_is_at_least_value_at_risk(pairs, level):
    losses, weights = split(pairs)
    assert expected_shortfall(losses, weights, level) >= value_at_risk(losses, weights, level) - 1e-12


@given(st.integers(0, 10_000), levels)
def test_shortfall_is_subadditive_and_translates(seed, level):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_t(3, (2, 60))
    weights = rng.dirichlet(np.ones(60))
    together = expected_shortfall(a + b, weights, level)
    assert together <= expected_shortfall(a, weights, level) + expected_shortfall(b, weights, level) + 1e-9
    assert expected_shortfall(3 * a + 0.2, weights, level) == pytest.approx(
        3 * expected_shortfall(a, weights, level) + 0.2, abs=1e-9
    )


@given(counts, st.floats(0, 0.5))
def test_insolvency_margin_spends_the_budget_exactly(pairs, budget):
    losses, weights = split(pairs)
    margin = insolvency_margin(losses, weights, budget)
    debt = expected_debt(losses, weights, margin)
    assert margin >= 0
    assert debt <= budget + 1e-12
    assert margin == 0 or debt == pytest.approx(budget, abs=1e-12)


def test_insolvency_margin_by_hand():
    losses, weights = np.array([0.0, 0.1, 0.5]), np.array([0.9, 0.09, 0.01])
    assert insolvency_margin(losses, weights, 0.001) == pytest.approx(0.4)  # 0.01 * (0.5 - m) = 0.001
    assert insolvency_margin(losses, weights, 0.01) == pytest.approx(0.04)  # 0.01 * (0.5 - m) + 0.09 * (0.1 - m)
    assert insolvency_margin(losses, weights, 0.014) == pytest.approx(0)
    assert insolvency_margin(losses, weights, 0.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("losses", "weights", "level"),
    [
        ([0.1, np.nan], [0.5, 0.5], 0.9),
        ([0.1, np.inf], [0.5, 0.5], 0.9),
        ([0.1, 0.2], [1.0, 0.0], 0.9),
        ([0.1, 0.2], [0.5, np.nan], 0.9),
        ([0.1], [0.5, 0.5], 0.9),
        ([], [], 0.9),
        ([0.1, 0.2], [0.5, 0.5], 1.0),
        ([0.1, 0.2], [0.5, 0.5], 0.0),
    ],
)
def test_what_cannot_be_computed_is_an_error(losses, weights, level):
    for measure in (value_at_risk, expected_shortfall):
        with pytest.raises(ValueError, match=r"losses|weights|level"):
            measure(np.array(losses), np.array(weights), level)


@pytest.mark.parametrize("budget", [-0.1, np.nan, np.inf])
def test_a_budget_that_is_no_budget_is_an_error(budget):
    with pytest.raises(ValueError, match="budget"):
        insolvency_margin(np.array([0.1]), np.array([1.0]), budget)
