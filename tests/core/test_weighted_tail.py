import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core import weighted_tail
from levercap.core.weighted_tail import expected_shortfall, largest_first, tail_of, tail_weights
from levercap.risk import kernel

weighted = st.lists(st.tuples(st.floats(-5, 50), st.floats(1e-6, 1.0)), min_size=1, max_size=60)
levels = st.one_of(st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.999]), st.floats(1e-14, 1 - 1e-9))


@given(weighted, levels)
def test_the_compiled_walk_gives_the_same_bits(pairs, level):
    losses, weights = np.array(pairs).T
    descending, w = largest_first(losses, weights)
    assert expected_shortfall(losses, weights, level) == kernel.es_sorted(descending, w, len(w), tail_of(level))


@pytest.mark.parametrize("count", [7, 10, 40, 400, 1000, 2500])
def test_the_compiled_walk_gives_the_same_bits_of_many_scenarios(count):
    rng = np.random.default_rng(count)
    losses = rng.standard_t(3, count).astype(np.float32)
    for weights in (np.full(count, 1 / count), rng.uniform(0.1, 2.0, count)):
        for level in (0.9, 0.975, 0.99, 1e-14):
            descending, w = largest_first(losses, weights)
            assert expected_shortfall(losses, weights, level) == kernel.es_sorted(descending, w, count, tail_of(level))


def test_both_walks_have_the_same_tolerance():
    assert weighted_tail.WEIGHT_TOLERANCE == kernel.WEIGHT_TOLERANCE


@given(weighted, levels)
def test_tail_weights_take_the_worst_and_no_more(pairs, level):
    weights = np.array(pairs).T[1]
    weights = weights / weights.sum()
    part = tail_weights(weights, tail_of(level))
    assert part.sum() == pytest.approx(tail_of(level), abs=1e-9)
    assert ((part <= weights + 1e-12) & (part >= -1e-12)).all()
    inside = np.flatnonzero(part > 0)
    np.testing.assert_array_equal(part[: inside[-1]], weights[: inside[-1]])


def test_tail_weights_by_hand():
    np.testing.assert_allclose(tail_weights(np.array([0.5, 0.3, 0.2]), 0.6), [0.5, 0.1, 0.0], rtol=1e-12)
    np.testing.assert_allclose(tail_weights(np.array([0.5, 0.3, 0.2]), 0.8), [0.5, 0.3, 0.0], atol=1e-12)
