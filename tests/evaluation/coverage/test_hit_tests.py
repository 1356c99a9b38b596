"""Size and power of the backtests, by enumeration where that is possible and by simulation where not."""

from math import comb, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from levercap.evaluation import (
    Light,
    kupiec,
    light_thresholds,
    pooled_coverage,
    traffic_light,
)


def slow_kupiec(hits: int, days: int, rate: float) -> tuple[float, float]:
    def ratio(x: int) -> float:
        alternative = sum(n * log(n / days) for n in (x, days - x) if n)
        return 2 * (alternative - x * log(rate) - (days - x) * log(1 - rate))

    observed = ratio(hits)
    p = sum(comb(days, x) * rate**x * (1 - rate) ** (days - x) for x in range(days + 1) if ratio(x) >= observed - 1e-9)
    return observed, p


@given(days=st.integers(1, 120), share=st.floats(0, 1), level=st.sampled_from([0.95, 0.975, 0.99]))
def test_kupiec_agrees_with_plain_enumeration(days, share, level):
    hits = round(share * days)
    statistic, p_value = slow_kupiec(hits, days, 1 - level)
    result = kupiec(hits, days, level)
    assert result.statistic == pytest.approx(statistic, abs=1e-9)
    assert result.p_value == pytest.approx(p_value, abs=1e-9)


@pytest.mark.parametrize(("days", "level"), [(250, 0.99), (365, 0.99), (365, 0.975), (1000, 0.99)])
def test_kupiec_keeps_its_size_exactly_and_has_power(days, level):
    counts = np.arange(days + 1)
    rejected = np.array([kupiec(int(x), days, level).p_value <= 0.05 for x in counts])
    size = binom.pmf(counts, days, 1 - level)[rejected].sum()
    power = binom.pmf(counts, days, 3 * (1 - level))[rejected].sum()
    assert size <= 0.05
    assert size > 0.01  # not asleep
    assert power > 0.6  # 250 days at 99 % can do no better


def test_kupiec_sees_no_hit_at_all_as_evidence_only_when_there_are_many_days():
    assert kupiec(0, 100, 0.99).p_value > 0.2
    assert kupiec(0, 1000, 0.99).p_value < 0.001
    with pytest.raises(ValueError, match="hits"):
        kupiec(5, 4, 0.99)


def test_traffic_light_of_the_regulator_and_of_a_year_of_365_days():
    assert light_thresholds(250, 0.99) == (5, 10)
    assert light_thresholds(365, 0.99) == (7, 13)
    assert [traffic_light(n) for n in (0, 6, 7, 12, 13, 365)] == [
        Light.GREEN, Light.GREEN, Light.YELLOW, Light.YELLOW, Light.RED, Light.RED,
    ]  # fmt: skip
    assert traffic_light(4, 250) is Light.GREEN
    with pytest.raises(ValueError, match="hits"):
        traffic_light(-1)


@pytest.mark.parametrize(("days", "level"), [(250, 0.99), (365, 0.99), (365, 0.975)])
def test_light_thresholds_are_the_smallest_counts_that_reach_their_probability(days, level):
    yellow, red = light_thresholds(days, level)
    assert binom.cdf(yellow, days, 1 - level) >= 0.95 > binom.cdf(yellow - 1, days, 1 - level)
    assert binom.cdf(red, days, 1 - level) >= 0.9999 > binom.cdf(red - 1, days, 1 - level)


def panel(rng: np.random.Generator, rate: float, correlation: float, days: int = 400, symbols: int = 20):
    from scipy.stats import norm

    latent = np.sqrt(correlation) * rng.normal(size=(days, 1))
    latent = latent + np.sqrt(1 - correlation) * rng.normal(size=(days, symbols))
    return (latent > norm.ppf(1 - rate)).ravel(), np.arange(days).repeat(symbols)


def test_pooled_coverage_keeps_its_size_where_counting_coin_days_does_not():
    rng = np.random.default_rng(5)
    clustered, naive = [], []
    for _ in range(300):
        hits, day = panel(rng, 0.025, 0.6)
        clustered.append(pooled_coverage(hits, day, 0.975).p_value <= 0.05)
        naive.append(kupiec(int(hits.sum()), len(hits), 0.975).p_value <= 0.05)
    assert np.mean(clustered) < 0.10
    assert np.mean(naive) > 0.3


def test_pooled_coverage_has_power_and_its_interval_agrees_with_its_p_value():
    rng = np.random.default_rng(6)
    found = []
    for _ in range(40):
        coverage = pooled_coverage(*panel(rng, 0.06, 0.3), 0.975)
        found.append(coverage.p_value <= 0.05)
        assert (coverage.p_value > 0.05) == (coverage.low < 0.025 < coverage.high)
        assert coverage.low < coverage.hit_rate < coverage.high
    assert np.mean(found) > 0.9


def test_pooled_coverage_counts_independent_rows_as_they_are_and_days_when_nothing_was_hit():
    hits, day = panel(np.random.default_rng(7), 0.025, 0.0, days=2000)
    coverage = pooled_coverage(hits, day, 0.975)
    assert coverage.rows == 40_000
    assert coverage.effective_rows > 0.6 * coverage.rows
    none = pooled_coverage(np.zeros(600, dtype=bool), np.arange(30).repeat(20), 0.99)
    exact = binomtest(0, 30, 0.01).proportion_ci()
    assert (none.hit_rate, none.low, none.high) == pytest.approx((0.0, 0.0, exact.high))
    assert none.p_value > 0.5  # a month without a hit proves nothing
    every = pooled_coverage(np.ones(600, dtype=bool), np.arange(30).repeat(20), 0.99)
    assert every.high == 1.0
    assert every.p_value < 1e-9


def test_pooled_coverage_gives_every_day_the_same_weight():
    hits = np.array([True, False, False, False, False])
    day = np.array([0, 1, 1, 1, 1])
    assert pooled_coverage(hits, day, 0.975).hit_rate == 0.5
    with pytest.raises(ValueError, match="at least one row"):
        pooled_coverage([], [], 0.99)
