import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.policy import held_limits, hold_weight
from support.properties import examples


def test_the_hold_is_full_for_its_hours_and_decays_over_as_many():
    hours = np.array([0.0, 6.0, 24.0, 30.0, 36.0, 48.0, 100.0, np.inf, np.nan])
    np.testing.assert_allclose(hold_weight(hours, 24.0), [1, 1, 1, 0.75, 0.5, 0, 0, 0, 0])
    np.testing.assert_allclose(hold_weight(np.array([0.0, 1.0]), 0.0), [1, 0])


def held(conservative, last, previous, resume, weight):
    return float(held_limits(*(np.array([x]) for x in (conservative, last, previous, resume, weight)))[0])


def test_the_smaller_of_the_earlier_and_the_last_computed_limit_is_held():
    assert held(0.9, 7.0, 5.0, 5.0, 1.0) == 5.0
    assert held(0.9, 4.0, 5.0, 5.0, 1.0) == 4.0
    assert held(0.9, 7.0, 5.0, 5.0, 0.5) == pytest.approx(0.9 + 0.5 * 4.1)
    assert held(0.9, 7.0, 5.0, 5.0, 0.0) == 0.9
    assert held(0.9, 7.0, 0.5, 0.5, 1.0) == 0.5
    assert held(0.9, 7.0, 0.5, 0.5, 0.5) == 0.5


def test_decay_is_measured_from_the_limit_before_the_outage():
    """However often accounts were scored on the way, the limit at an hour is the same."""
    once = held(1.0, 9.0, 5.0, 5.0, 0.5)
    twice = held(1.0, 9.0, held(1.0, 9.0, 5.0, 5.0, 0.75), 5.0, 0.5)
    assert once == twice == 3.0


@examples(25)
@given(st.integers(0, 2**32 - 1))
def test_invariants(seed):
    rng = np.random.default_rng(seed)
    conservative, last, previous, resume = 10 ** rng.uniform(-2, 2, (4, 5000))
    weight = np.clip(rng.uniform(-0.5, 1.5, 5000), 0, 1)
    limit = held_limits(conservative, last, previous, resume, weight)
    assert (limit <= previous).all()
    assert (limit <= last).all()
    assert (limit <= np.maximum(resume, conservative) * (1 + 1e-12)).all()
    assert (limit >= np.minimum.reduce([conservative, last, previous, resume])).all()
    full = weight == 1
    assert (limit[full] == np.minimum.reduce([previous, resume, last])[full]).all()
    more = np.clip(weight + 0.1, 0, 1)
    assert (held_limits(conservative, last, previous, resume, more) >= limit * (1 - 1e-12)).all()
