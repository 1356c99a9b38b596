import numpy as np
import pytest

from levercap.config import PolicyConfig, ProfileConfig
from levercap.policy import (
    Caps,
    cap_columns,
    fallback_cap,
    insolvency_cap,
    long_memory_loss,
    loss_threshold_cap,
    profile_terms,
    tightest,
)

POLICY = PolicyConfig()


def test_loss_caps_by_hand():
    np.testing.assert_allclose(insolvency_cap(np.array([0.25, 0.0, 2.0])), [4.0, np.inf, 0.5])
    caps = loss_threshold_cap(np.array([0.9, 1.0, 0.9]), np.array([0.3, 0.0, 5e-324]))
    np.testing.assert_allclose(caps, [3.0, np.inf, np.inf])
    assert np.isnan(insolvency_cap(np.array([np.nan]))).all()


def test_long_memory_blends_and_is_exact_where_nothing_changes():
    today = np.array([0.1, 0.3, 0.7])
    np.testing.assert_allclose(long_memory_loss(today, np.array([0.2, 0.1, 0.7]), 0.25), [0.125, 0.25, 0.7])
    assert (long_memory_loss(today, today, 0.25) == today).all()


def test_profiles():
    cap, threshold, unknown = profile_terms(["institutional", "retail", "whale", None, float("nan")], POLICY)
    np.testing.assert_array_equal(cap, [100, 25, 25, 25, 25])
    np.testing.assert_array_equal(threshold, [1.0, 0.9, 0.9, 0.9, 0.9])
    np.testing.assert_array_equal(unknown, [False, False, True, True, True])


def test_unknown_segment_takes_the_strictest_of_each_term():
    policy = PolicyConfig(profiles={"a": ProfileConfig(5.0, 0.9), "b": ProfileConfig(9.0, 0.1)})
    cap, threshold, unknown = profile_terms(["c"], policy)
    assert (cap[0], threshold[0], unknown[0]) == (5.0, 0.1, True)


def test_fallback_caps_incomplete_accounts_only():
    np.testing.assert_array_equal(fallback_cap(np.array([True, False]), POLICY), [1.0, np.inf])


def test_tightest_names_the_first_of_a_tie_in_the_documented_order():
    caps = {name: np.full(3, np.inf) for name in cap_columns()}
    caps["cap_profile"] = np.array([2.0, 5.0, 5.0])
    caps["cap_insolvency"] = np.array([2.0, 7.0, 5.0])
    caps["cap_fallback"] = np.array([2.0, 1.0, 6.0])
    limit, binding = tightest(caps)
    np.testing.assert_array_equal(limit, [2, 1, 5])
    assert binding.tolist() == ["insolvency", "fallback", "insolvency"]


def test_a_cap_that_is_nan_is_not_covered_up_by_others():
    limit, binding = tightest({"cap_a": np.array([1.0]), "cap_b": np.array([np.nan])})
    assert np.isnan(limit[0])
    assert binding[0] == "b"


@pytest.mark.parametrize("count", [0, 1])
def test_no_account_or_one(count):
    assert len(profile_terms(["retail"] * count, POLICY)[0]) == count


def test_the_lower_of_two_caps_keeps_its_budget():
    mine = Caps({"cap_a": np.array([1.0, 5.0])}, {"cap_a": np.array(["a:x", "a:x"], dtype=object)})
    other = Caps({"cap_a": np.array([2.0, 4.0])}, {"cap_a": np.array(["a:y", "a:y"], dtype=object)})
    lower = mine.lower(other)
    assert lower.bound["cap_a"].tolist() == [1.0, 4.0]
    assert lower.budget["cap_a"].tolist() == ["a:x", "a:y"]
    assert other.take(np.array([1, 1, 0])).bound["cap_a"].tolist() == [4.0, 4.0, 2.0]
