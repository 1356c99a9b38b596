import numpy as np
import pytest

from levercap.evaluation.resampling.bootstrap import bootstrap_means, interval, standard_error


@pytest.mark.parametrize(("days", "block"), [(147, 20), (47, 20), (7, 20), (4, 20), (30, 1)])
def test_means_are_those_of_blocks_laid_end_to_end(days, block):
    values = np.random.default_rng(1).normal(size=(days, 2))
    got = bootstrap_means(values, block, draws=25, seed=3)
    size = max(1, min(block, days // 5))
    blocks = -(-days // size)
    starts = np.random.default_rng(3).integers(0, days, (25, blocks))
    for draw in range(25):
        resampled = [values[(start + i) % days] for start in starts[draw] for i in range(size)][:days]
        assert got[draw] == pytest.approx(np.mean(resampled, axis=0))


def test_one_column_agrees_with_the_same_column_among_others():
    values = np.random.default_rng(1).normal(size=(60, 3))
    assert bootstrap_means(values, 20)[:, 1] == pytest.approx(bootstrap_means(values[:, 1], 20))


def test_standard_error_is_the_spread_of_very_many_draws():
    rng = np.random.default_rng(2)
    series = np.convolve(rng.normal(size=420), np.ones(10) / 10, mode="valid")[:400]
    many = bootstrap_means(series, 20, draws=20_000, seed=1).std()
    assert standard_error(series, 20) == pytest.approx(many, rel=0.02)
    assert standard_error(series, 20) > 2 * series.std() / np.sqrt(len(series))  # the clustering is seen


def test_interval_is_seeded_contains_the_mean_and_widens_with_clustering():
    rng = np.random.default_rng(4)
    independent = rng.normal(size=400)
    clustered = np.repeat(rng.normal(size=40), 10)
    assert interval(independent, seed=5) == interval(independent, seed=5)
    assert interval(independent, seed=5) != interval(independent, seed=6)
    low, high = interval(independent)
    assert low < independent.mean() < high
    wide = np.diff(interval(clustered)) / clustered.std()
    assert wide > 1.5 * np.diff(interval(independent)) / independent.std()


def test_interval_of_a_constant_is_that_constant():
    assert interval(np.full(50, 0.25)) == pytest.approx((0.25, 0.25))
    assert standard_error(np.full(50, 0.25)) == pytest.approx(0.0)


def test_missing_days_are_refused():
    with pytest.raises(ValueError, match="missing"):
        interval(np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="at least one day"):
        standard_error(np.array([]))
