"""Bound of the training: the least that is assumed of what has no forecast."""

import dataclasses

import numpy as np
import pytest

from levercap.model.training_bound import training_bound, with_bound
from levercap.risk import adverse_paths
from support.snapshots import make_snapshot

TRAINED = make_snapshot(np.random.default_rng(3))


def test_the_bound_is_that_of_the_scenarios_at_the_end_of_the_training():
    paths = adverse_paths(TRAINED.scenarios, TRAINED.stressed_factor)
    assert training_bound(TRAINED) == (paths.bound, paths.stressed_bound)
    assert min(training_bound(TRAINED)) >= 1.0


@pytest.mark.parametrize(("own", "stressed"), [(np.nan, np.nan), (0.5, 1e4), (1e4, 0.5)])
def test_the_larger_bound_holds(own, stressed):
    snapshot = dataclasses.replace(TRAINED, bound=own, stressed_bound=stressed)
    bounded = with_bound(snapshot, (2.0, 3.0))
    assert (bounded.bound, bounded.stressed_bound) == (np.fmax(own, 2.0), np.fmax(stressed, 3.0))
    assert bounded.scenarios is TRAINED.scenarios
