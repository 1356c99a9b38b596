"""The expected shortfall regression backtest: exact relations, size as simulation finds it, and power."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from levercap.evaluation.shortfall.shortfall_regression import RegressionVariant, shortfall_regression

LEVEL, RATE = 0.975, 0.025
VAR = float(student.ppf(LEVEL, 5))
ES = float(student.pdf(VAR, 5) / RATE * (5 + VAR**2) / 4)
STRICT, AUXILIARY, INTERCEPT = RegressionVariant


def sample(rng: np.random.Generator, days: int):
    scale = np.exp(rng.normal(0, 0.5, days))
    return scale * rng.standard_t(5, days), scale * VAR, scale * ES


def panel(rng: np.random.Generator, days: int, symbols: int):
    mixing = np.sqrt(5 / rng.chisquare(5, size=(days, 1)))
    scale = np.exp(rng.normal(0, 0.5, (days, symbols)))
    latent = np.sqrt(0.7) * rng.normal(size=(days, 1)) + np.sqrt(0.3) * rng.normal(size=(days, symbols))
    loss, scale = (scale * mixing * latent).ravel(), scale.ravel()
    return loss, scale * VAR, scale * ES, np.arange(days).repeat(symbols)


def test_statistics_follow_from_coefficients_and_covariance():
    loss, var, es = sample(np.random.default_rng(1), 1000)
    result = shortfall_regression(loss, var, es, LEVEL)
    away = np.array([result.intercept, result.slope - 1])
    assert result.statistic == pytest.approx(away @ np.linalg.inv(result.covariance) @ away)
    assert result.p_value == pytest.approx(chi2.sf(result.statistic, 2))
    assert np.isnan(result.p_value_too_small)
    assert (result.hits, result.rows, result.days) == ((loss > var).sum(), 1000, 1000)
    one = shortfall_regression(loss, var, es, LEVEL, variant=INTERCEPT)
    t = one.intercept / np.sqrt(one.covariance[0, 0])
    assert (one.slope, one.p_value_too_small) == (1.0, pytest.approx(norm.sf(t)))
    assert one.p_value == pytest.approx(2 * norm.sf(abs(t)))


def test_coefficients_are_found():
    loss, var, es = sample(np.random.default_rng(2), 40_000)
    for variant in (STRICT, AUXILIARY):
        result = shortfall_regression(loss, 0.8 * var, 0.8 * es, LEVEL, variant=variant)
        assert (result.intercept, result.slope) == pytest.approx((0, 1.25), abs=0.12)
    shifted = shortfall_regression(loss + 0.5, var, es, LEVEL, variant=INTERCEPT)
    assert shifted.intercept == pytest.approx(0.5, abs=0.08)
    assert shifted.p_value_too_small < 1e-6


def test_the_auxiliary_variant_needs_only_the_shape_of_var():
    loss, var, es = sample(np.random.default_rng(3), 800)
    strict = shortfall_regression(loss, var, es, LEVEL)
    proportional = shortfall_regression(loss, 0.5 * es, es, LEVEL, variant=AUXILIARY)
    assert (proportional.intercept, proportional.slope) == pytest.approx((strict.intercept, strict.slope), abs=1e-3)


def test_units_and_order_do_not_matter():
    loss, var, es = sample(np.random.default_rng(4), 600)
    one = shortfall_regression(loss, var, es, LEVEL)
    two = shortfall_regression(100 * loss, 100 * var, 100 * es, LEVEL)
    assert (two.intercept, two.slope) == pytest.approx((100 * one.intercept, one.slope), rel=1e-2, abs=1e-3)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-2)


def test_copies_of_an_instrument_are_no_new_evidence():
    loss, var, es = sample(np.random.default_rng(5), 500)
    day = np.arange(500)
    one = shortfall_regression(loss, var, es, LEVEL, day, draws=19)
    many = shortfall_regression(*(np.repeat(x, 3) for x in (loss, var, es)), LEVEL, np.repeat(day, 3), draws=19)
    assert many.statistic == pytest.approx(one.statistic, rel=1e-3)
    assert many.p_value == pytest.approx(one.p_value)
    naive = shortfall_regression(*(np.repeat(x, 3) for x in (loss, var, es)), LEVEL)
    assert np.linalg.det(naive.covariance) < 0.2 * np.linalg.det(shortfall_regression(loss, var, es, LEVEL).covariance)


def test_every_day_counts_the_same():
    loss, var, es = sample(np.random.default_rng(6), 500)
    often = np.where(np.arange(500) % 2, 4, 1)
    day = np.arange(500)
    copies = [np.repeat(x, often) for x in (loss, var, es)]
    one = shortfall_regression(loss, var, es, LEVEL, day)
    many = shortfall_regression(*copies, LEVEL, np.repeat(day, often))
    assert (many.intercept, many.slope) == pytest.approx((one.intercept, one.slope), abs=1e-3)


@pytest.mark.parametrize("block_days", [None, 1])
def test_covariance_is_the_spread_of_the_estimates(block_days):
    rng = np.random.default_rng(7)
    results = [
        shortfall_regression(*sample(rng, 3000), LEVEL, variant=INTERCEPT, block_days=block_days) for _ in range(40)
    ]
    claimed = np.sqrt(np.mean([r.covariance[0, 0] for r in results]))
    assert np.std([r.intercept for r in results]) == pytest.approx(claimed, rel=0.35)


def rejections(runs: int, days: int, scale: float = 1.0, seed: int = 0, **options):
    """Shares of p-values of at most 5 %: strict; intercept in both directions; intercept towards too small."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(3)
    for _ in range(runs):
        loss, var, es = sample(rng, days)
        strict = shortfall_regression(loss, scale * var, scale * es, LEVEL, variant=STRICT, **options)
        one = shortfall_regression(loss, scale * var, scale * es, LEVEL, variant=INTERCEPT, **options)
        counts += [strict.p_value <= 0.05, one.p_value <= 0.05, one.p_value_too_small <= 0.05]
    return counts / runs


def test_size_without_resampling_is_right_only_in_one_direction_or_with_many_hits():
    runs = 100
    strict, both, too_small = rejections(runs, 500)
    assert 0.08 < strict < 0.35
    assert both < 0.25
    assert too_small <= binom.ppf(0.999, runs, 0.05) / runs
    later = rejections(40, 5000, seed=1)
    assert (later <= binom.ppf(0.9995, 40, 0.07) / 40).all()


def test_size_with_resampling():
    runs = 40
    assert (rejections(runs, 500, seed=2, draws=19) <= binom.ppf(0.999, runs, 0.06) / runs).all()


def test_power():
    strict, both, too_small = rejections(40, 1000, scale=0.7, seed=3)
    assert min(strict, both, too_small) > 0.8
    assert rejections(20, 1000, scale=1.4, seed=4)[2] == 0
    assert rejections(8, 1500, scale=0.65, seed=5, draws=19)[2] > 0.8


def test_a_panel_keeps_its_size_where_rows_taken_as_independent_do_not():
    rng = np.random.default_rng(8)
    runs = 60
    counts = np.zeros(2)
    for _ in range(runs):
        loss, var, es, day = panel(rng, 400, 8)
        clustered = shortfall_regression(loss, var, es, LEVEL, day, INTERCEPT)
        naive = shortfall_regression(loss, var, es, LEVEL, variant=INTERCEPT)
        counts += [clustered.p_value_too_small <= 0.05, naive.p_value_too_small <= 0.05]
    assert counts[0] / runs <= binom.ppf(0.999, runs, 0.05) / runs
    assert counts[1] > counts[0]


def test_what_cannot_be_tested_is_said():
    loss, var, es = sample(np.random.default_rng(9), 300)
    with pytest.raises(ValueError, match="no slope"):
        shortfall_regression(loss, 0 * var + 2.6, 0 * es + 3.5, LEVEL)
    with pytest.raises(ValueError, match="needs at least 200 days; got 199"):
        shortfall_regression(loss[:199], var[:199], es[:199], LEVEL)
    assert shortfall_regression(loss[:200], var[:200], es[:200], LEVEL).days == 200
    assert (
        shortfall_regression(loss, var, es, LEVEL, draws=9, seed=3).p_value
        == shortfall_regression(loss, var, es, LEVEL, draws=9, seed=3).p_value
    )
