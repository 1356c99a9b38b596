"""Nodes of a boosted tree: every node reached once, and inner nodes that agree with their leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from levercap.core.names import FloatArray, IntArray

__all__ = ["LARGEST_VALUE", "Tree", "check_tree"]

LARGEST_VALUE: Final = 25.0
"""Largest absolute value of a leaf, in logs or log odds; those in use stay below one."""

NUMERICAL_SPLITS: Final = (0, 2, 4, 6, 8, 10)
"""Decision types of a numerical split: default direction (2) and how missing values are treated (4, 8)."""

MISSING_TYPE, MISSING_IS_NAN = 12, 8
"""Bits of a decision type that say what counts as missing, and their value where NaN does."""

VALUE_TOLERANCE, WEIGHT_TOLERANCE = 2e-5, 1e-4
"""Inner nodes are written with six digits."""


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as LightGBM writes it: ``leaves - 1`` inner nodes; a child below zero is the leaf ``-child - 1``.

    Attributes
    ----------
    leaves, shrinkage : number of leaves, learning rate
    split_feature, split_gain, threshold, decision_type, left_child, right_child : (leaves - 1,)
    leaf_value, leaf_count : (leaves,); leaf_weight : the same, empty in a tree of one leaf
    internal_value, internal_weight, internal_count : (leaves - 1,)
    """

    leaves: int
    shrinkage: float
    split_feature: IntArray
    split_gain: FloatArray
    threshold: FloatArray
    decision_type: IntArray
    left_child: IntArray
    right_child: IntArray
    leaf_value: FloatArray
    leaf_weight: FloatArray
    leaf_count: IntArray
    internal_value: FloatArray
    internal_weight: FloatArray
    internal_count: IntArray


def check_tree(tree: Tree, ranges: FloatArray, penalty: float) -> None:
    """Raise ValueError unless the tree can be walked and agrees with itself.

    Parameters
    ----------
    tree : arrays of consistent lengths
    ranges : (features, 2) smallest and largest value of each feature in training, NaN where it is never split
    penalty : of the squares of leaf values (``lambda_l2``), by which inner values follow from those of leaves
    """
    features = len(ranges)
    if not 0.0 < tree.shrinkage <= 1.0:
        raise ValueError(f"shrinkage {tree.shrinkage}")
    if not (np.abs(tree.leaf_value) <= LARGEST_VALUE).all():
        raise ValueError(f"leaf values beyond {LARGEST_VALUE:g}")
    if (tree.leaf_count < 0).any() or (tree.leaf_weight < 0).any():
        raise ValueError("leaf counts or weights below zero")
    if not ((tree.split_feature >= 0) & (tree.split_feature < features)).all():
        raise ValueError(f"split_feature is not between 0 and {features - 1}")
    if not np.isin(tree.decision_type, NUMERICAL_SPLITS).all():
        raise ValueError("decision_type is no numerical split")
    _check_children(tree)
    low, high = ranges[tree.split_feature].T if tree.leaves > 1 else np.empty((2, 0))
    inside = (tree.threshold >= low) & (tree.threshold <= high)
    inside |= np.isposinf(tree.threshold) & (tree.decision_type & MISSING_TYPE == MISSING_IS_NAN)
    if not (inside | (np.abs(tree.threshold) < 1e-30)).all():  # LightGBM places a bound of its own beside zero
        raise ValueError("thresholds outside the range of their feature")
    if tree.leaves > 1:
        _check_sums(tree, penalty)


def _check_children(tree: Tree) -> None:
    children = np.concatenate([tree.left_child, tree.right_child])
    expected = np.concatenate([np.arange(-tree.leaves, 0) if tree.leaves > 1 else [], np.arange(1, tree.leaves - 1)])
    if not np.array_equal(np.sort(children), expected):
        raise ValueError("not every node and leaf is the child of exactly one node")
    parents = np.tile(np.arange(tree.leaves - 1), 2)
    if (parents[children >= 0] >= children[children >= 0]).any():
        raise ValueError("a node is the child of a later one")


def _check_sums(tree: Tree, penalty: float) -> None:
    """Counts, weights and values of inner nodes against their leaves.

    A value is ``-sum of gradients / (weight + penalty)``, so gradients are recovered from the leaves; a constant that
    was added to the whole tree, as to the first one, is solved for.
    """
    below = _leaves_below(tree)
    if not np.array_equal(below @ tree.leaf_count, tree.internal_count):
        raise ValueError("internal_count is not the sum of the leaf counts")
    weight = below @ tree.leaf_weight
    if not np.allclose(weight, tree.internal_weight, rtol=WEIGHT_TOLERANCE, atol=1e-9):
        raise ValueError("internal_weight is not the sum of the leaf weights")
    regularised = tree.leaf_weight + penalty
    gradient, slope = below @ (tree.leaf_value * regularised), below @ regularised - (weight + penalty)
    left = gradient - tree.internal_value * (weight + penalty)
    added = float(left @ slope / (slope @ slope)) if (slope > 0).any() else 0.0
    scale = max(np.abs(tree.internal_value).max(), np.abs(tree.leaf_value).max(), 1e-12)
    error = np.abs(left - (added if abs(added) > 100 * VALUE_TOLERANCE * scale else 0.0) * slope) / (weight + penalty)
    if not (error <= VALUE_TOLERANCE * scale).all():
        raise ValueError("internal_value does not follow from the leaf values")


def _leaves_below(tree: Tree) -> FloatArray:
    """(inner nodes, leaves) one where the leaf lies below the node, else zero."""
    below = np.zeros((tree.leaves - 1, tree.leaves))
    for node in range(tree.leaves - 2, -1, -1):
        for child in (tree.left_child[node], tree.right_child[node]):
            if child < 0:
                below[node, -child - 1] = 1.0
            else:
                below[node] += below[child]
    return below
