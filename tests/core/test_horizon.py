"""Horizon: a positive whole number of hours."""

import pandas as pd
import pytest

from levercap.core.horizon import DAY, Horizon


@pytest.mark.parametrize("hours", [0, -1, 1.5, True, "24"])
def test_a_horizon_is_a_positive_whole_number_of_hours(hours):
    with pytest.raises(ValueError, match="whole number"):
        Horizon(hours)


def test_a_day_has_24_hours():
    assert DAY.duration == pd.Timedelta(days=1)
    assert str(DAY) == "24 hours"
    assert Horizon(4) < DAY
