"""What LightGBM writes is read and predicts the same; a damaged text is refused before LightGBM sees it."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.forecast.tree_text import booster_from_text, check_tree_text
from support.properties import examples
from support.tree_texts import COLUMNS, damaged, table, tree_text

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])}
BINARY = "binary sigmoid:1"
SUBPROCESS = """
import json, sys
import numpy as np
from levercap.forecast.tree_text import booster_from_text
from support.tree_texts import COLUMNS, table
for text in json.load(sys.stdin):
    try:
        booster = booster_from_text(text, COLUMNS, "regression")
    except ValueError:
        print("= refused", flush=True)
    else:
        found = booster.predict(table(), num_threads=1)
        print("= finite" if np.isfinite(found).all() else "= not finite", flush=True)
"""


@pytest.mark.parametrize("objective", ["regression", BINARY])
def test_what_lightgbm_writes_is_read_and_predicts_the_same(objective):
    text = tree_text(objective)
    again = booster_from_text(text, COLUMNS, objective)
    np.testing.assert_array_equal(again.predict(table()), lgb.Booster(model_str=text).predict(table()))
    assert again.model_to_string() == text


def missing_split():
    """Text and data of trees that separate missing values from all others: a threshold of infinity."""
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 1))
    x[random.random(400) < 0.3] = np.nan
    y = np.isnan(x[:, 0]).astype(float)
    settings = {"objective": "regression", "num_leaves": 4, "verbosity": -1, "num_threads": 1, "lambda_l2": 1.0}
    return lgb.train(settings, lgb.Dataset(x, y), 2).model_to_string(), x


def test_a_split_of_missing_values_is_read_and_predicts_the_same():
    text, x = missing_split()
    assert "threshold=inf" in text
    found = booster_from_text(text, 1, "regression").predict(x)
    np.testing.assert_array_equal(found, lgb.Booster(model_str=text).predict(x))


@pytest.mark.parametrize("threshold", ["-inf", "nan", "infinity", "1e999"])
def test_no_other_threshold_without_end_is_read(threshold):
    text, _ = missing_split()
    with pytest.raises(ValueError, match="tree 0"):
        check_tree_text(text.replace("threshold=inf", f"threshold={threshold}", 1), 1, "regression")


def test_an_infinite_threshold_needs_missing_values():
    text, _ = missing_split()
    assert "decision_type=8" in text
    with pytest.raises(ValueError, match="thresholds outside"):
        check_tree_text(text.replace("decision_type=8", "decision_type=0", 1), 1, "regression")


def test_a_tree_of_one_leaf_is_read():
    booster = booster_from_text(tree_text(constant=True), COLUMNS, "regression")
    np.testing.assert_array_equal(booster.predict(table()), np.zeros(len(table())))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("version=v4", "version=v3", "version"),
        ("num_class=1", "num_class=2", "num_class"),
        ("max_feature_idx=5", "max_feature_idx=4", "max_feature_idx"),
        ("objective=regression", "objective=regression sqrt", "objective"),
        ("label_index=0\n", "label_index=0\naverage_output\n", "header has the lines"),
        ("feature_names=Column_0", "feature_names=Column_1", "feature_names"),
        ("feature_infos=[", "feature_infos=[9", "feature_infos"),
        ("Tree=1\n", "Tree=2\n", "tree 1: Tree=2, expected 1"),
        ("num_cat=0", "num_cat=1", "num_cat"),
        ("is_linear=0", "is_linear=1", "is_linear"),
        ("Column_0=", "Column_0=1", "add up to their importances"),
        ("[learning_rate: 0.1]", "[learning_rate: 0.1", "parameters"),
        ("end of trees", "end of tree", "the header states"),
        ("pandas_categorical:null", "pandas_categorical:[[1]]", "do not follow"),
    ],
)
def test_a_fault_is_named(old, new, what):
    text = tree_text()
    assert old in text
    with pytest.raises(ValueError, match=what):
        check_tree_text(text.replace(old, new, 1), COLUMNS, "regression")


def test_other_features_objectives_and_no_ascii_are_refused():
    for text, features, objective, what in (
        (tree_text(), COLUMNS + 1, "regression", "max_feature_idx"),
        (tree_text(), COLUMNS, BINARY, "objective"),
        (tree_text(), COLUMNS, "multiclass", "multiclass"),
        (tree_text() + "\u00e9", COLUMNS, "regression", "ASCII"),
        ("", COLUMNS, "regression", "no trees"),
    ):
        with pytest.raises(ValueError, match=what):
            check_tree_text(text, features, objective)


def test_any_other_leaf_value_is_noticed():
    """Every leaf is stated twice: an altered one contradicts the value of the node above."""
    text = tree_text()
    start = text.index("leaf_value=") + len("leaf_value=")
    first = text[start : text.index(" ", start)]
    other = first[:-13] + str(9 - int(first[-13])) + first[-12:]
    with pytest.raises(ValueError, match="does not follow"):
        check_tree_text(text.replace(first, other, 1), COLUMNS, "regression")


@examples(100)
@given(st.integers(0, 2**32 - 1))
def test_no_damage_raises_anything_else(seed):
    with contextlib.suppress(ValueError):
        check_tree_text(damaged(tree_text(), np.random.default_rng(seed)), COLUMNS, "regression")


@examples(3)
@given(st.integers(0, 2**32 - 1))
def test_no_damage_ends_the_process_or_gives_a_number_that_is_not_finite(seed):
    """In a process of its own, which LightGBM would end."""
    random = np.random.default_rng(seed)
    texts = [damaged(tree_text(), random) for _ in range(20)]
    run = subprocess.run(
        [sys.executable, "-c", SUBPROCESS], input=json.dumps(texts), capture_output=True, text=True, timeout=120,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    results = [line for line in run.stdout.split("\n") if line.startswith("= ")]  # LightGBM warns on the same stream
    assert len(results) == len(texts)
    assert set(results) <= {"= refused", "= finite"}
