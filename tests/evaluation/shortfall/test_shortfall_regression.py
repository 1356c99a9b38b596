"""The expected shortfall regression backtest: exact relations, size as simulation finds it, and power."""

import numpy as np
import pytest
from scipy.stats import binom

from levercap.evaluation.shortfall.shortfall_regression import shortfall_regression
from support.student_panels import LEVEL, student_days, student_panel


def regress(loss, var, es, day=None, draws=1, **options):
    """Regression of a panel; without `day` every row is a day of its own."""
    return shortfall_regression(
        loss, var, es, LEVEL, np.arange(len(loss)) if day is None else day, draws=draws, **options
    )


def test_a_shift_of_the_losses_is_found():
    loss, var, es = student_days(np.random.default_rng(2), 40_000, spread=0.5)
    shifted = regress(loss + 0.5, var, es, draws=19)
    assert shifted.intercept == pytest.approx(0.5, abs=0.08)
    assert shifted.intercept > 5 * shifted.standard_error
    assert shifted.p_value == 1 / 20  # no resample is as far from the estimate as zero is
    assert (shifted.hits, shifted.rows, shifted.days) == ((loss + 0.5 > var).sum(), 40_000, 40_000)


def test_units_do_not_matter():
    loss, var, es = student_days(np.random.default_rng(4), 600, spread=0.5)
    one, two = regress(loss, var, es, draws=19), regress(100 * loss, 100 * var, 100 * es, draws=19)
    assert two.intercept == pytest.approx(100 * one.intercept, rel=1e-2, abs=1e-3)
    assert two.standard_error == pytest.approx(100 * one.standard_error, rel=1e-2)
    assert two.p_value == pytest.approx(one.p_value, abs=0.06)


def test_copies_of_an_instrument_are_no_new_evidence():
    loss, var, es = student_days(np.random.default_rng(5), 500, spread=0.5)
    day = np.arange(500)
    one = regress(loss, var, es, day, draws=19)
    copies = [np.repeat(x, 3) for x in (loss, var, es)]
    many = regress(*copies, np.repeat(day, 3), draws=19)
    assert many.standard_error == pytest.approx(one.standard_error, rel=1e-3)
    assert many.p_value == pytest.approx(one.p_value)
    assert regress(*copies, block_days=1).standard_error < 0.8 * one.standard_error


def test_every_day_counts_the_same():
    loss, var, es = student_days(np.random.default_rng(6), 500, spread=0.5)
    often = np.where(np.arange(500) % 2, 4, 1)
    one = regress(loss, var, es)
    many = regress(*(np.repeat(x, often) for x in (loss, var, es)), np.repeat(np.arange(500), often))
    assert many.intercept == pytest.approx(one.intercept, abs=1e-3)


@pytest.mark.parametrize("block_days", [1, 20])
def test_standard_error_is_the_spread_of_the_estimates(block_days):
    rng = np.random.default_rng(7)
    results = [regress(*student_days(rng, 3000, spread=0.5), block_days=block_days) for _ in range(40)]
    claimed = np.sqrt(np.mean([r.standard_error**2 for r in results]))
    assert np.std([r.intercept for r in results]) == pytest.approx(claimed, rel=0.35)


def rejections(runs: int, days: int, scale: float = 1.0, seed: int = 0) -> float:
    """Share of p-values of at most 5 %."""
    rng = np.random.default_rng(seed)
    counts = 0
    for _ in range(runs):
        loss, var, es = student_days(rng, days, spread=0.5)
        counts += regress(loss, scale * var, scale * es, draws=19, block_days=1).p_value <= 0.05
    return counts / runs


def test_size():
    runs = 60
    assert rejections(runs, 500, seed=2) <= binom.ppf(0.999, runs, 0.06) / runs


def test_power():
    assert rejections(20, 1000, scale=0.65, seed=5) > 0.8
    assert rejections(20, 1000, scale=1.4, seed=4) == 0


def test_a_panel_keeps_its_size_where_rows_taken_as_independent_do_not():
    rng = np.random.default_rng(8)
    runs = 60
    counts = np.zeros(2)
    for run in range(runs):
        loss, var, es, day = student_panel(rng, 400, 8, spread=0.5)
        clustered = regress(loss, var, es, day, draws=19, seed=run)
        naive = regress(loss, var, es, draws=19, block_days=1, seed=run)
        counts += [clustered.p_value <= 0.05, naive.p_value <= 0.05]
    assert counts[0] / runs <= binom.ppf(0.999, runs, 0.05) / runs
    assert counts[1] > counts[0]


def test_what_cannot_be_tested_is_stated():
    loss, var, es = student_days(np.random.default_rng(9), 300, spread=0.5)
    with pytest.raises(ValueError, match="no slope"):
        regress(loss, 0 * var + 2.6, 0 * es + 3.5)
    with pytest.raises(ValueError, match="needs at least 200 days; got 199"):
        regress(loss[:199], var[:199], es[:199])
    assert regress(loss[:200], var[:200], es[:200]).days == 200
    assert regress(loss, var, es, draws=9, seed=3) == regress(loss, var, es, draws=9, seed=3)
