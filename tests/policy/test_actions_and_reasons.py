import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import PolicyConfig
from levercap.policy import account_actions, join_reasons, rejected_actions
from levercap.policy.actions import LADDER
from support.properties import examples

POLICY = PolicyConfig()
SEVERITY = {action.value: k for k, action in enumerate(LADDER)}


@pytest.mark.parametrize(
    ("leverage", "limit", "probability", "incomplete", "action"),
    [
        (0.0, 5.0, 0.0, False, "none"),
        (4.5, 5.0, 0.0, False, "none"),
        (4.6, 5.0, 0.0, False, "warn"),
        (5.0, 5.0, 0.009, False, "warn"),
        (5.1, 5.0, 0.01, False, "no_new_risk"),
        (6.0, 5.0, 0.02, False, "reduce_only"),
        (6.0, 5.0, 0.05, False, "reduce_only"),
        (9.0, 5.0, 0.06, False, "reduce"),
        (9.0, 5.0, 1.0, True, "reduce_only"),
        (np.inf, 5.0, 1.0, False, "reduce"),
        (0.0, 0.0, 0.0, False, "none"),
    ],
)
def test_ladder(leverage, limit, probability, incomplete, action):
    actions = account_actions(
        np.array([leverage]), np.array([limit]), np.array([probability]), np.array([incomplete]), POLICY
    )
    assert actions.tolist() == [action]


def test_the_multiple_that_asks_for_reduction_is_configured():
    row = np.array([9.0]), np.array([5.0]), np.array([0.025]), np.array([False])
    assert account_actions(*row, PolicyConfig(reduce_multiple=2.5)).tolist() == ["reduce_only"]
    assert account_actions(*row, PolicyConfig(reduce_multiple=2.4)).tolist() == ["reduce"]


def test_rejected_accounts_may_only_reduce_what_they_hold():
    assert rejected_actions(np.array([0.0, 5.0, np.nan])).tolist() == ["no_new_risk", "reduce_only", "reduce_only"]


@examples(25)
@given(st.integers(0, 2**32 - 1))
def test_more_leverage_is_never_met_more_mildly(seed):
    rng = np.random.default_rng(seed)
    size = 5000
    limit = 10 ** rng.uniform(-1, 2, size)
    leverage = np.sort(limit * 10 ** rng.uniform(-1, 1, (2, size)), axis=0)
    probability = np.sort(rng.uniform(0, 0.1, (2, size)), axis=0)  # rises with leverage
    incomplete = rng.random(size) < 0.5
    low, high = (
        [SEVERITY[name] for name in account_actions(leverage[k], limit, probability[k], incomplete, POLICY)]
        for k in (0, 1)
    )
    assert (np.array(low) <= np.array(high)).all()


def test_reasons_keep_their_order():
    flags = {
        "first": np.array([True, False, True, False]),
        "second": np.array([False, False, True, True]),
        "third": np.array([True, False, True, False]),
    }
    assert join_reasons(flags).tolist() == ["first;third", "", "first;second;third", "second"]
    assert join_reasons({"first": np.zeros(0, dtype=bool)}).tolist() == []
