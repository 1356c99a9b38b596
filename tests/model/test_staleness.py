"""Age of a market by the ages of its symbols."""

import numpy as np
import pytest

from levercap.model.staleness import market_age


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ([0.0] * 10, 0.0),
        ([0.0] * 6 + [24.0] * 4, 0.0),
        ([0.0] * 5 + [24.0] * 5, 24.0),
        ([5.0] * 10, 5.0),
        ([0.0, 0.0, 30.0, 30.0], 0.0),
        ([0.0, 30.0], 0.0),
        ([7.0], 7.0),
        ([0.0, 0.0, 0.0, 5000.0, 5000.0, 5000.0, np.inf], 0.0),
        ([200.0, 500.0, np.inf], 200.0),
        ([np.inf], np.inf),
    ],
)
def test_a_market_is_as_old_as_most_of_what_traded_within_a_week(ages, expected):
    assert market_age(np.array(ages)) == expected


def test_half_of_the_coins_late_is_a_late_market_of_any_size():
    for count in range(6, 80, 2):
        ages = np.repeat([0.0, 24.0], count // 2)
        assert market_age(ages) == 24.0
        assert market_age(np.append(ages, np.zeros(count))) == 0.0
