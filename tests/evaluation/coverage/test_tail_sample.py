import numpy as np
import pandas as pd
import pytest

from levercap.evaluation.coverage.tail_sample import day_numbers, tail_sample


def test_days_are_numbered_in_time_order_whatever_they_are():
    stamps = pd.DatetimeIndex(["2024-01-03", "2024-01-01", "2024-01-03", "2024-01-02"], tz="UTC")
    for day in (stamps, stamps.to_numpy(), [3, 1, 3, 2], ["c", "a", "c", "b"], pd.Series([0.3, 0.1, 0.3, 0.2])):
        assert day_numbers(day).tolist() == [2, 0, 2, 1]
    with pytest.raises(ValueError, match="1 of 2 days are missing"):
        day_numbers([pd.Timestamp("2024-01-01"), pd.NaT])


def test_means_and_weights_give_every_day_the_same_say():
    sample = tail_sample([1.0, 5.0, 3.0], [2.0] * 3, [3.0] * 3, 0.975, ["b", "a", "b"])
    assert sample.days == 2
    assert sample.day_means(sample.loss).tolist() == [5.0, 2.0]
    assert sample.day_means(np.column_stack([sample.loss, sample.var])).tolist() == [[5.0, 2.0], [2.0, 2.0]]
    assert sample.row_weights() @ sample.loss == sample.day_means(sample.loss).mean() == 3.5
    assert sample.hits.tolist() == [False, True, True]
    assert sample.excess.tolist() == [0.0, 3.0, 1.0]


def test_without_days_every_row_is_one():
    sample = tail_sample([1.0, 5.0], [2.0, 2.0], [3.0, 3.0], 0.99)
    assert sample.day.tolist() == [0, 1]
    assert sample.rate == pytest.approx(0.01)
    with pytest.raises(ValueError, match="at least 1"):
        tail_sample([], [], [], 0.99)
    with pytest.raises(ValueError, match=r"day \(3,\)"):
        tail_sample([1.0, 5.0], [2.0, 2.0], [3.0, 3.0], 0.99, [1, 2, 3])
