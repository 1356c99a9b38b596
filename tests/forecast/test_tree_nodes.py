"""A tree that can be walked and agrees with itself passes; every way of not doing so is named."""

import dataclasses

import numpy as np
import pytest

from levercap.forecast.tree_nodes import LARGEST_VALUE, Tree, check_tree

RANGES = np.array([[-1.0, 1.0], [0.0, 5.0], [np.nan, np.nan]])
PENALTY = 3.0
WEIGHTS, VALUES = np.array([10.0, 20.0, 30.0]), np.array([0.3, -0.1, 0.2])


def tree(added: float = 0.0) -> Tree:
    """Node 0 splits leaf 0 from node 1, which splits leaves 1 and 2; values by hand: shrunk means of the leaves."""
    gradient = VALUES * (WEIGHTS + PENALTY)
    values = [gradient.sum() / (60.0 + PENALTY), gradient[1:].sum() / (50.0 + PENALTY)]
    return Tree(
        leaves=3,
        shrinkage=0.1,
        split_feature=np.array([0, 1]),
        split_gain=np.array([1.0, 0.5]),
        threshold=np.array([0.5, 2.0]),
        decision_type=np.array([10, 2]),
        left_child=np.array([-1, -2]),
        right_child=np.array([1, -3]),
        leaf_value=VALUES + added,
        leaf_weight=WEIGHTS,
        leaf_count=np.array([10, 20, 30]),
        internal_value=np.array(values) + added,
        internal_weight=np.array([60.0, 50.0]),
        internal_count=np.array([60, 50]),
    )


@pytest.mark.parametrize("added", [0.0, 0.4])
def test_a_sound_tree_passes_with_and_without_an_added_constant(added):
    check_tree(tree(added), RANGES, PENALTY)


@pytest.mark.parametrize(
    ("field", "at", "value", "what"),
    [
        ("split_feature", 0, 3, "split_feature"),
        ("split_feature", 0, -1, "split_feature"),
        ("split_feature", 0, 2, "range of their feature"),
        ("threshold", 1, 5.1, "range of their feature"),
        ("decision_type", 0, 1, "decision_type"),
        ("left_child", 0, 1, "child of exactly one"),
        ("right_child", 0, 0, "child of exactly one"),
        ("right_child", 1, -4, "child of exactly one"),
        ("leaf_value", 2, 2 * LARGEST_VALUE, "beyond"),
        ("leaf_value", 2, np.nan, "beyond"),
        ("leaf_value", 2, 0.2001, "does not follow"),
        ("internal_value", 0, 0.09, "does not follow"),
        ("leaf_count", 0, 11, "internal_count"),
        ("leaf_count", 0, -10, "below zero"),
        ("leaf_weight", 0, 11.0, "internal_weight"),
    ],
)
def test_a_fault_is_named(field, at, value, what):
    sound = tree()
    values = getattr(sound, field).copy()
    values[at] = value
    with pytest.raises(ValueError, match=what):
        check_tree(dataclasses.replace(sound, **{field: values}), RANGES, PENALTY)


def test_a_circle_that_reaches_every_leaf_is_refused():
    """Two nodes that are each other's child: every number occurs once, and walking it never ends."""
    circle = dataclasses.replace(
        tree(),
        leaves=4,
        split_feature=np.array([0, 1, 1]),
        split_gain=np.ones(3),
        threshold=np.array([0.5, 2.0, 3.0]),
        decision_type=np.array([2, 2, 2]),
        left_child=np.array([-1, 2, 1]),
        right_child=np.array([-2, -3, -4]),
        leaf_value=np.zeros(4),
        leaf_weight=np.ones(4),
        leaf_count=np.ones(4, dtype=int),
        internal_value=np.zeros(3),
        internal_weight=np.ones(3),
        internal_count=np.ones(3, dtype=int),
    )
    with pytest.raises(ValueError, match="later one"):
        check_tree(circle, RANGES, PENALTY)


def test_shrinkage_is_a_share():
    for value in (0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="shrinkage"):
            check_tree(dataclasses.replace(tree(), shrinkage=value), RANGES, PENALTY)
