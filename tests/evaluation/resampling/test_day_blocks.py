import numpy as np
import pytest

from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.resampling.day_blocks import (
    block_length,
    block_starts,
    block_sums,
    day_counts,
    studentized_ratio,
)


@pytest.mark.parametrize("block", [1, 4, 7])
def test_block_sums_wrap_at_the_end(block):
    values = np.random.default_rng(1).normal(size=(11, 2))
    slow = [[values[(start + i) % 11] for i in range(block)] for start in range(11)]
    assert block_sums(values, block) == pytest.approx(np.sum(slow, axis=1))


def test_day_counts_say_what_a_resample_is_made_of():
    starts = np.array([0, 9, 9])
    assert day_counts(starts, 11, 3).tolist() == [3, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2]
    assert block_starts(11, 3, 5).shape == (5, 4)
    assert block_length(11, 20) == 2
    assert block_length(3, 20) == 1


@pytest.mark.parametrize("block_days", [1, 6])
def test_studentized_ratio_is_that_of_blocks_laid_end_to_end(block_days):
    rng = np.random.default_rng(2)
    top, bottom = rng.normal(size=40), rng.random(40)
    ratio, t, resampled = studentized_ratio(top, bottom, block_days, draws=20, seed=4)
    assert ratio == pytest.approx(top.sum() / bottom.sum())
    influence = (top - ratio * bottom) / bottom.mean()
    assert t == pytest.approx(ratio / standard_error(influence, block_days))
    for draw, starts in enumerate(block_starts(40, block_days, 20, seed=4)):
        parts = [[(start + i) % 40 for i in range(block_days)] for start in starts]
        tops = np.array([sum(top[day] for day in part) for part in parts])
        bottoms = np.array([sum(bottom[day] for day in part) for part in parts])
        again = tops.sum() / bottoms.sum()
        error = np.sqrt(((tops - again * bottoms) ** 2).sum()) / bottoms.sum()
        assert resampled[draw] == pytest.approx((again - ratio) / error)


def test_resampled_t_values_of_normal_days_are_about_normal():
    _, _, resampled = studentized_ratio(np.random.default_rng(3).normal(size=1000), np.ones(1000), 1, draws=3000)
    assert np.quantile(resampled, [0.05, 0.95]) == pytest.approx([-1.645, 1.645], abs=0.12)


def test_certainty_is_infinite_and_a_resample_without_denominator_is_missing():
    _, t, resampled = studentized_ratio(np.ones(10), np.ones(10), 1, draws=5)
    assert (t, resampled.tolist()) == (np.inf, [0.0] * 5)
    once = np.zeros(10)
    once[3] = 1.0
    ratio, _, resampled = studentized_ratio(once * 2.0, once, 1, draws=50)
    assert ratio == 2.0
    assert 0 < np.isnan(resampled).sum() < 50
