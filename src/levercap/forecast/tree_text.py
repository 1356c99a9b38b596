"""Boosted trees as text: LightGBM's model format, checked in full before LightGBM reads it.

LightGBM trusts its text: a damaged one ends the process or never returns. What is read here is what LightGBM writes
for the two objectives in use, and nothing else. The text states most things twice, and both statements must agree:
counts, weights and values of inner nodes follow from the leaves, the splits of each feature add up to its importance,
thresholds lie within the range of their feature, and every tree is as long as the header says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from levercap.core.names import FloatArray, IntArray
from levercap.forecast.tree_nodes import Tree, check_tree

__all__ = ["LARGEST_TEXT", "booster_from_text", "check_tree_text"]

LARGEST_TEXT: Final = 32_000_000
"""Characters; the longest text in use has half a million."""

LARGEST_TREES, LARGEST_LEAVES, LARGEST_FEATURES = 5_000, 1_024, 2_000
OBJECTIVES: Final = ("regression", "binary sigmoid:1")

HEADER: Final = (
    "tree",
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
)
HEADER_LISTS: Final = ("feature_names", "feature_infos", "tree_sizes")
TREE: Final = (
    "Tree", "num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child",
    "right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count",
    "is_linear", "shrinkage",
)  # fmt: skip
INTEGER, NUMBER = r"-?\d{1,15}", r"-?\d{1,25}(?:\.\d{1,25})?(?:e[+-]\d{1,3})?"
INTEGERS, NUMBERS = (re.compile(f"{one}(?: {one})*") for one in (INTEGER, NUMBER))
PARAMETER: Final = re.compile(r"\[([a-z0-9_]{1,60}): ([ -Z^-~]{0,200})\]")
THRESHOLDS: Final = re.compile(f"(?:{NUMBER}|inf)(?: (?:{NUMBER}|inf))*")
IMPORTANCE: Final = re.compile(r"Column_(\d{1,6})=(\d{1,9})")
RANGE: Final = re.compile(r"\[([^:\]]+):([^:\]]+)\]")


@dataclass(frozen=True)
class _Header:
    """Number of features, their ranges (features, 2), NaN where a feature is never split, and length of each tree."""

    features: int
    ranges: FloatArray
    sizes: IntArray


def booster_from_text(text: str, features: int, objective: str) -> lgb.Booster:
    """LightGBM's model of a text that passes `check_tree_text`; arguments and errors as there."""
    check_tree_text(text, features, objective)
    try:
        return lgb.Booster(model_str=text)
    except Exception as error:
        raise ValueError(f"LightGBM refuses the text: {error}") from None


def check_tree_text(text: str, features: int, objective: str) -> None:
    """Check a model text of LightGBM.

    Parameters
    ----------
    text : as `lgb.Booster.model_to_string` writes it
    features : number of columns that the model will be given
    objective : as LightGBM writes it: ``regression`` or ``binary sigmoid:1``

    Raises
    ------
    ValueError
        naming the first part that is not as LightGBM writes it, contradicts another part, or is beyond the bounds
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective {objective!r} is none of {', '.join(OBJECTIVES)}")
    if len(text) > LARGEST_TEXT or not text.isascii():
        raise ValueError(f"the text is longer than {LARGEST_TEXT:,} characters or not ASCII")
    head, *blocks = text.split("\nTree=")
    if not blocks:
        raise ValueError("it has no trees")
    header = _header(head, features, objective)
    last, end, rest = blocks[-1].partition("end of trees\n\n")
    blocks = [f"Tree={block}\n" for block in blocks[:-1]] + [f"Tree={last}"]
    if not end or len(blocks) != len(header.sizes):
        raise ValueError(f"{len(blocks)} trees end with {end[:12]!r}; the header states {len(header.sizes)} trees")
    importances, parameters = _tail(rest, header.features)
    penalty = _number(parameters.get("lambda_l2", ""), "lambda_l2")
    used = np.zeros(header.features, dtype=np.int64)
    for index, (block, size) in enumerate(zip(blocks, header.sizes, strict=True)):
        if len(block) != size:
            raise ValueError(f"tree {index} has {len(block)} characters, the header states {size}")
        try:
            tree = _tree(block, index)
            check_tree(tree, header.ranges, penalty)
        except ValueError as error:
            raise ValueError(f"tree {index}: {error}") from None
        used += np.bincount(tree.split_feature, minlength=header.features)
    if not np.array_equal(used, importances):
        raise ValueError("the splits of the features do not add up to their importances")


def _header(text: str, features: int, objective: str) -> _Header:
    lines = text.split("\n")
    names = [line.partition("=")[0] for line in lines]
    if names != [*HEADER, *HEADER_LISTS, ""]:
        raise ValueError(f"the header has the lines {', '.join(names)[:300]!r}")
    values = [line.partition("=")[2] for line in lines]
    stated = dict(zip(names, values, strict=True))
    fixed = {"tree": "", "version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0"}
    fixed |= {"max_feature_idx": str(features - 1), "objective": objective}
    wrong = [f"{name}={stated[name][:60]}, expected {value}" for name, value in fixed.items() if stated[name] != value]
    if wrong or not 0 < features <= LARGEST_FEATURES:
        raise ValueError(f"the header states {'; '.join(wrong) or f'{features} features'}")
    if stated["feature_names"] != " ".join(f"Column_{i}" for i in range(features)):
        raise ValueError(f"feature_names are not Column_0 to Column_{features - 1}")
    infos = stated["feature_infos"].split(" ")
    sizes = _integers(stated["tree_sizes"], "tree_sizes")
    if len(infos) != features or not 0 < len(sizes) <= LARGEST_TREES:
        raise ValueError(f"{len(infos)} feature_infos for {features} features, {len(sizes)} trees")
    return _Header(features, np.array([_range(info) for info in infos]), sizes)


def _range(info: str) -> tuple[float, float]:
    if info == "none":
        return float("nan"), float("nan")
    found = RANGE.fullmatch(info)
    if found is None:
        raise ValueError(f"feature_infos holds {info[:60]!r}")
    low, high = (_number(part, "feature_infos") for part in found.groups())
    if low > high:
        raise ValueError(f"feature_infos holds the range {info[:60]!r}")
    return low, high


def _tree(block: str, index: int) -> Tree:
    lines = block.removesuffix("\n\n\n").split("\n")
    names, values = [line.partition("=")[0] for line in lines], [line.partition("=")[2] for line in lines]
    if names != list(TREE) or not block.endswith("\n\n\n"):
        raise ValueError(f"it has the lines {', '.join(names)[:300]!r}")
    stated = dict(zip(names, values, strict=True))
    fixed = {"Tree": str(index), "num_cat": "0", "is_linear": "0"}
    wrong = [f"{name}={stated[name][:60]}, expected {value}" for name, value in fixed.items() if stated[name] != value]
    if wrong:
        raise ValueError("; ".join(wrong))
    (leaves,) = _integers(stated["num_leaves"], "num_leaves", 1)
    if not 1 <= leaves <= LARGEST_LEAVES:
        raise ValueError(f"num_leaves={leaves}")
    lengths: dict[str, Any] = dict.fromkeys(TREE[3:15], leaves - 1) | {"leaf_value": leaves, "leaf_count": leaves}
    lengths["leaf_weight"] = leaves if leaves > 1 else 0
    whole = ("split_feature", "decision_type", "left_child", "right_child", "leaf_count", "internal_count")
    arrays: dict[str, Any] = {
        name: _integers(stated[name], name, n) if name in whole else _numbers(stated[name], name, n)
        for name, n in lengths.items()
        if name != "threshold"
    }
    # an infinite threshold separates missing values from all others; `check_tree` says where it may stand
    arrays["threshold"] = np.array(_tokens(stated["threshold"], "threshold", leaves - 1, THRESHOLDS), dtype=np.float64)
    return Tree(leaves=leaves, shrinkage=_number(stated["shrinkage"], "shrinkage"), **arrays)


def _tail(text: str, features: int) -> tuple[IntArray, Mapping[str, str]]:
    """Number of splits by feature, and the parameters of the training, from what follows the trees."""
    importance, start, rest = text.partition("\nparameters:\n")
    listed, end, after = rest.partition("\nend of parameters\n")
    name, _, lines = importance.partition("\n")
    if name != "feature_importances:" or not start or not end or after.strip("\n") != "pandas_categorical:null":
        raise ValueError("feature importances and parameters do not follow the trees")
    used = np.zeros(features, dtype=np.int64)
    for line in lines.split("\n")[:-1]:
        found = IMPORTANCE.fullmatch(line)
        if found is None or int(found[1]) >= features or used[int(found[1])]:
            raise ValueError(f"feature_importances holds {line[:60]!r}")
        used[int(found[1])] = int(found[2])
    matches = [PARAMETER.fullmatch(line) for line in listed.rstrip("\n").split("\n")]
    parameters = {found[1]: found[2] for found in matches if found is not None}
    if len(parameters) != len(matches) or len(matches) > 400:
        raise ValueError("the parameters are not one [name: value] per line")
    return used, parameters


def _integers(text: str, name: str, count: int | None = None) -> IntArray:
    return np.array(_tokens(text, name, count, INTEGERS), dtype=np.int64)


def _numbers(text: str, name: str, count: int) -> FloatArray:
    values = np.array(_tokens(text, name, count, NUMBERS), dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a number that is not finite")
    return values


def _tokens(text: str, name: str, count: int | None, form: re.Pattern[str]) -> list[str]:
    tokens = text.split(" ") if text else []
    if count is not None and len(tokens) != count:
        raise ValueError(f"{name} has {len(tokens)} values, expected {count}")
    if tokens and form.fullmatch(text) is None:
        raise ValueError(f"{name} holds what is no number")
    return tokens


def _number(text: str, name: str) -> float:
    return float(_numbers(text, name, 1)[0])
