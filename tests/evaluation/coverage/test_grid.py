import numpy as np
import pytest

from levercap.evaluation.coverage.grid import day_grid


def test_rows_land_on_their_day_and_instrument():
    grid = day_grid([1.0, 2.0, 3.0], ["2024-01-02", "2024-01-01", "2024-01-02"], ["B", "A", "A"])
    assert grid == pytest.approx(np.array([[2.0, np.nan], [3.0, 1.0]]), nan_ok=True)


def test_repeated_rows_are_refused():
    with pytest.raises(ValueError, match="1 of 3 rows repeat"):
        day_grid([1.0, 2.0, 3.0], [1, 1, 2], ["A", "A", "A"])
