"""Cumulative violations: against loops and moments of the uniform distribution, and by simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, chi2, norm
from scipy.stats import t as student

from levercap.evaluation.coverage.cumulative import cumulative_test, cumulative_violations, pooled_cumulative


def test_a_violation_averages_all_hits_beyond_the_level():
    rng = np.random.default_rng(0)
    pit = rng.random(50)
    values = cumulative_violations(pit, 0.9)
    for u, value in zip(pit, values, strict=True):
        assert value == pytest.approx(
            quad(lambda p, u=u: float(u > p), 0.9, 1.0, points=[max(u, 0.9)])[0] / 0.1, abs=1e-6
        )
    assert cumulative_violations([0.2, 1.0, 0.95], 0.9) == pytest.approx([0.0, 1.0, 0.5])
    with pytest.raises(ValueError, match="1 of 2 values"):
        cumulative_violations([0.5, 1.1], 0.9)
    with pytest.raises(ValueError, match="confidence"):
        cumulative_violations([0.5], 0.1)


def test_statistics_by_a_plain_loop_and_the_moments_of_the_uniform_distribution():
    pit = np.random.default_rng(1).random(300) ** 0.7
    level, a = 0.9, 0.1
    h = [max(u - level, 0.0) / a for u in pit]
    mean = quad(lambda u: (u - level) / a, level, 1)[0]
    variance = quad(lambda u: ((u - level) / a) ** 2, level, 1)[0] - mean**2
    result = cumulative_test(pit, level, lags=3, draws=9)
    assert result.expected == pytest.approx(mean)
    assert result.mean == pytest.approx(np.mean(h))
    assert result.too_thin.statistic == pytest.approx((np.mean(h) - mean) / np.sqrt(variance / 300))
    gamma = [sum((h[t] - mean) * (h[t - j] - mean) for t in range(j, 300)) / (300 - j) for j in range(4)]
    assert result.conditional.statistic == pytest.approx(300 * sum((g / gamma[0]) ** 2 for g in gamma[1:]))


def test_many_days_agree_with_the_normal_and_chi_squared_distributions():
    rng = np.random.default_rng(2)
    for _ in range(3):
        result = cumulative_test(rng.random(3000), 0.9, draws=999)
        z = result.too_thin.statistic
        assert result.too_thin.p_value == pytest.approx(norm.sf(z), abs=0.04)
        assert result.unconditional.p_value == pytest.approx(2 * norm.sf(abs(z)), abs=0.06)
        assert result.conditional.p_value == pytest.approx(chi2.sf(result.conditional.statistic, 5), abs=0.05)


def test_size_is_kept_with_few_violations():
    rng = np.random.default_rng(3)
    runs = 300
    rejected = []
    for i in range(runs):
        result = cumulative_test(rng.random(250), 0.975, draws=199, seed=i)
        rejected.append([t.p_value <= 0.05 for t in (result.unconditional, result.too_thin, result.conditional)])
    share = np.mean(rejected, axis=0)
    assert (share <= binom.ppf(0.999, runs, 0.05) / runs).all()
    assert (share > 0.01).all()


def test_a_tail_that_is_too_thin_is_found_where_the_number_of_hits_is_right():
    # losses are t with three degrees; the forecast has their 97.5 % value at risk and a normal tail beyond it
    rng = np.random.default_rng(4)
    scale = student.ppf(0.975, 3) / norm.ppf(0.975)
    too_thin, too_wide = [], []
    for i in range(40):
        pit = norm.cdf(rng.standard_t(3, size=4000) / scale)
        result = cumulative_test(pit, 0.975, draws=99, seed=i)
        too_thin.append([result.too_thin.p_value <= 0.05, result.mean > result.expected])
        wide = cumulative_test(student.cdf(rng.normal(size=1500), 3), 0.975, draws=99, seed=i)
        too_wide.append([wide.unconditional.p_value <= 0.05, wide.too_thin.p_value <= 0.05])
    found, larger = np.mean(too_thin, axis=0)
    assert found > 0.5
    assert larger > 0.9
    assert np.mean(too_wide, axis=0)[0] > 0.9
    assert np.mean(too_wide, axis=0)[1] == 0  # caution is not what the one-sided test is against


def test_violations_that_follow_each_other_are_found():
    rng = np.random.default_rng(5)
    found = []
    for i in range(40):
        z = rng.normal(size=800)
        for day in range(1, 800):
            z[day] = 0.6 * z[day - 1] + 0.8 * z[day]
        found.append(cumulative_test(norm.cdf(z), 0.95, draws=199, seed=i).conditional.p_value <= 0.05)
    assert np.mean(found) > 0.9


def test_nothing_violated_is_no_dependence_and_input_is_one_series():
    quiet = cumulative_test(np.full(100, 0.5), 0.99)
    assert (quiet.mean, quiet.conditional.statistic, quiet.conditional.p_value) == (0.0, 0.0, 1.0)
    assert quiet.unconditional.p_value > 0.5  # a hundred days without a hit at 99 % prove nothing
    assert cumulative_test(np.full(1000, 0.5), 0.99).unconditional.p_value < 0.01
    with pytest.raises(ValueError, match="no NaN"):
        cumulative_test([0.5, np.nan] * 10, 0.99)
    with pytest.raises(ValueError, match="at least lags"):
        cumulative_test([0.5] * 4, 0.99)


def panel(rng: np.random.Generator, correlation: float, stretch: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    z = np.sqrt(correlation) * rng.normal(size=(300, 1)) + np.sqrt(1 - correlation) * rng.normal(size=(300, 10))
    return norm.cdf(stretch * z).ravel(), np.arange(300).repeat(10)


def test_pooled_keeps_its_size_where_independent_rows_do_not():
    rng = np.random.default_rng(6)
    runs = 300
    pooled, naive = [], []
    for _ in range(runs):
        pit, day = panel(rng, 0.8)
        result = pooled_cumulative(pit, day, 0.975)
        pooled.append(result.p_value <= 0.05)
        z = (result.mean - 0.0125) / np.sqrt(0.025 * (1 / 3 - 0.025 / 4) / len(pit))
        naive.append(2 * norm.sf(abs(z)) <= 0.05)
    assert np.mean(pooled) < 0.10  # the precision is estimated, as in pooled_coverage
    assert np.mean(naive) > 0.2


def test_pooled_has_power_and_its_interval_agrees_with_its_p_value():
    rng = np.random.default_rng(7)
    found = []
    for i in range(30):
        result = pooled_cumulative(*panel(rng, 0.3, 1.3 if i % 2 else 1.0), 0.975)
        assert result.low < result.mean < result.high
        assert (result.p_value > 0.05) == (result.low < result.expected < result.high)
        if i % 2:
            found.append(result.p_value <= 0.05)
    assert np.mean(found) > 0.8


def test_pooled_distribution_is_that_of_simulated_sums():
    rng = np.random.default_rng(8)
    pit = rng.random(400)
    result = pooled_cumulative(pit, np.arange(400), 0.975, block_days=1)
    null = cumulative_violations(rng.random((20_000, result.effective_rows)), 0.975).mean(axis=1)
    simulated = 2 * min((null >= result.mean).mean(), (null <= result.mean).mean())
    assert result.p_value == pytest.approx(min(simulated, 1.0), abs=0.02)


def test_pooled_without_a_hit_counts_days_and_refuses_missing_values():
    quiet = pooled_cumulative(np.full(600, 0.3), np.arange(30).repeat(20), 0.99)
    assert (quiet.mean, quiet.low, quiet.days, quiet.rows, quiet.effective_rows) == (0.0, 0.0, 30, 600, 30)
    assert quiet.high == pytest.approx((1 - 0.025 ** (1 / 30)) / 2)
    assert quiet.p_value == 1.0
    with pytest.raises(ValueError, match="no missing PIT"):
        pooled_cumulative([0.5, np.nan], [0, 1], 0.99)
