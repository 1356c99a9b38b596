"""Joint scenarios: what reduced gains do to the paths."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.horizon import Horizon
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from support.properties import examples


@given(st.integers(0, 10**6), st.floats(0.0, 1.0))
@examples(50)
def test_reduced_gains_leave_every_loss_and_no_position_better(seed, share):
    rng = np.random.default_rng(seed)
    end = rng.normal(0.0, 0.1, (2, 5)).astype(np.float32)
    low = (end[:, :, None] - np.abs(rng.normal(0.0, 0.05, (2, 5, 3)))).astype(np.float32)
    high = (end[:, :, None] + np.abs(rng.normal(0.0, 0.05, (2, 5, 3)))).astype(np.float32)
    starts = np.arange(5).astype("datetime64[us]")
    given_set = ScenarioSet(perpetuals(("A", "B")), np.full(5, 0.2), low, high, end, starts, Horizon(3))
    found = given_set.with_reduced_gains(np.array([share, 1.0]))
    assert (found.low <= low).all()
    assert (found.high >= high).all()
    assert (np.minimum(found.low, 0.0) == np.minimum(low, 0.0)).all()
    assert (np.maximum(found.high, 0.0) == np.maximum(high, 0.0)).all()
    np.testing.assert_allclose(found.low[0][low[0] > 0], low[0][low[0] > 0] * np.float32(share))
    np.testing.assert_array_equal(found.low[1], low[1])
    np.testing.assert_array_equal(found.high[1], high[1])
    assert found.low.dtype == found.high.dtype == np.float32
