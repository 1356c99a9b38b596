import numpy as np
import pytest

from levercap.instruments.perpetual import adverse_moves, position_losses, simple_return


def test_a_long_loses_at_the_low_and_a_short_at_the_high():
    entry, low, high = np.array([100.0]), np.array([90.0, 99.0]), np.array([101.0, 130.0])
    long, short = adverse_moves(simple_return(low, entry), simple_return(high, entry))
    np.testing.assert_allclose(long, [0.10, 0.01])
    np.testing.assert_allclose(short, [0.01, 0.30])


def test_losses_are_linear_in_notional_and_in_price():
    rng = np.random.default_rng(0)
    entry, low, high = 50.0, rng.uniform(20, 50, (3, 4, 5)), rng.uniform(50, 80, (3, 4, 5))
    notional = np.array([200.0, -300.0, 0.0])
    losses = position_losses(notional, simple_return(low, entry), simple_return(high, entry))
    units = notional / entry
    np.testing.assert_allclose(losses[0], units[0] * (entry - low[0]))
    np.testing.assert_allclose(losses[1], -units[1] * (high[1] - entry))
    assert (losses[2] == 0).all()
    doubled = position_losses(2 * notional, simple_return(low, entry), simple_return(high, entry))
    np.testing.assert_array_equal(doubled, 2 * losses)


@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 3, 4)])
def test_losses_have_the_shape_of_the_paths_and_double_precision(shape):
    low, high = -np.ones(shape, np.float32), np.ones(shape, np.float32)
    losses = position_losses(np.array([0.7, -0.3]), low, high)
    assert losses.shape == shape
    assert losses.dtype == np.float64
    assert losses[0].max() == 0.7
    assert losses[1].max() == 0.3
