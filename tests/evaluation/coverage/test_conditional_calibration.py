"""Conditional calibration by hand, at the truth, and with simulated size and power."""

import numpy as np
import pytest
from scipy.stats import binom

from levercap.evaluation.coverage.conditional_calibration import panel_calibration
from levercap.evaluation.shortfall.expected_shortfall import ShortfallStatistic, shortfall_panel_test
from support.student_panels import LEVEL, RATE, student_days, student_panel


def test_moments_and_t_values_by_hand():
    loss, var, es = student_days(np.random.default_rng(2), 300)
    hit = (loss > var).astype(float)
    moments = np.column_stack([RATE - hit, (es - var - hit * (loss - var) / RATE) / es])
    t = np.sqrt(300) * moments.mean(axis=0) / moments.std(axis=0)
    found = panel_calibration(loss, var, es, np.arange(300), LEVEL, block_days=1, draws=9)
    assert found.moments == pytest.approx(moments.mean(axis=0))
    assert found.t_values == pytest.approx(t)
    assert found.statistic == pytest.approx(min(t))
    assert (found.hits, found.rows, found.days) == (int(hit.sum()), 300, 300)


def test_the_shortfall_moment_is_the_minimally_biased_statistic():
    loss, var, es = student_days(np.random.default_rng(3), 200)
    day = np.arange(200)
    statistic = ShortfallStatistic.MINIMALLY_BIASED_RELATIVE
    biased = shortfall_panel_test(loss, var, es, day, LEVEL, statistic, draws=1).statistic
    assert panel_calibration(loss, var, es, day, LEVEL, draws=1).moments[1] == pytest.approx(biased)


def test_moments_are_zero_at_the_truth_and_negative_below_it():
    loss, var, es = student_days(np.random.default_rng(4), 400_000)
    day = np.arange(400_000) // 100  # rows of one scale are independent: only the mean counts here
    at_truth, below, above = (panel_calibration(loss, f * var, f * es, day, LEVEL, draws=1) for f in (1.0, 0.9, 1.1))
    assert np.abs(at_truth.t_values).max() < 4
    assert max(below.moments) < -0.005
    assert min(above.moments) > 0.002


def test_copies_of_an_instrument_are_no_new_evidence():
    loss, var, es = student_days(np.random.default_rng(4), 500)
    alone = panel_calibration(loss, var, es, np.arange(500), LEVEL)
    copies = [np.repeat(x, 4) for x in (loss, var, es, np.arange(500))]
    again = panel_calibration(*copies, LEVEL)
    assert again.t_values == pytest.approx(alone.t_values)
    assert again.p_value == pytest.approx(alone.p_value)


def test_panel_keeps_its_size_where_rows_taken_as_independent_do_not():
    rng = np.random.default_rng(5)
    runs = 150
    counts = np.zeros(2)
    for run in range(runs):
        loss, var, es, day = student_panel(rng, 500, 12)
        counts[0] += panel_calibration(loss, var, es, day, LEVEL, draws=199, seed=run).p_value <= 0.05
        rows = np.arange(len(loss))
        counts[1] += panel_calibration(loss, var, es, rows, LEVEL, 1, draws=99, seed=run).p_value <= 0.05
    size = counts / runs
    assert size[0] <= binom.ppf(0.999, runs, 0.05) / runs
    assert size[1] > 0.1


def test_panel_has_power_and_forgives_what_is_too_large():
    rng = np.random.default_rng(6)
    found = forgiven = 0
    for run in range(50):
        loss, var, es, day = student_panel(rng, 500, 12)
        found += panel_calibration(loss, 0.85 * var, 0.85 * es, day, LEVEL, draws=199, seed=run).p_value <= 0.05
        forgiven += panel_calibration(loss, 1.4 * var, 1.4 * es, day, LEVEL, draws=199, seed=run).p_value > 0.05
    assert found / 50 > 0.8
    assert forgiven == 50


def test_without_a_hit_nothing_was_too_small():
    _, var, es = student_days(np.random.default_rng(7), 100)
    quiet = panel_calibration(0 * var, var, es, np.arange(100), LEVEL)
    assert (quiet.p_value, quiet.hits) == (1.0, 0)
