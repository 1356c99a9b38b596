"""Constants, coefficients and ratios of a forecaster that cannot be are refused, and the file is named."""

import copy
import dataclasses
import json
import shutil

import pandas as pd
import pytest

from levercap.core.errors import BundleError
from levercap.forecast import RECIPE
from levercap.model.forecaster_bounds import check_forecaster, check_recipe
from levercap.model.forecaster_files import read_forecaster


@pytest.fixture(scope="module")
def state(fitted):
    return json.loads((fitted.folder / "models" / "forecaster.json").read_text())


def test_what_training_writes_passes(state):
    check_forecaster(state, RECIPE)
    check_recipe(RECIPE)


def put(content, keys, value):
    changed = copy.deepcopy(content)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return changed


RIDGE = ("pairs", "range", "ridge")


@pytest.mark.parametrize(
    ("keys", "value", "what"),
    [
        (("kind",), "other", "kind"),
        (("tail_shrinkage",), -1.0, "tail_shrinkage"),
        (("tail_shrinkage",), True, "tail_shrinkage"),
        (("conditional_tail", "mean"), [0.0], "mean"),
        (("conditional_tail", "deviation", 0), 0.0, "deviation"),
        (("conditional_tail", "factor", "long_975"), 0.5, "factor.long_975"),
        (("conditional_tail", "lean", "long_975", 0), ["a"] * 4, "lean.long_975"),
        (("conditional_tail", "lean", "long_975"), {}, "lean.long_975"),
        (("shock", "quantiles", "long", 0), 1e5, "fall"),
        (("shock", "quantiles"), {}, "quantiles"),
        (("shock", "calibration", "shock_probability_long_05"), [0.0, -1.0], "no rising line"),
        (("market_shock", "share"), 2.0, "share"),
        (("scale", "rounds"), "many", "rounds"),
        (("scale", "more"), 1, "scale"),
        (("pairs", "../range"), {}, "pairs"),
        ((*RIDGE, "deviation_", 0), 0.0, "deviation_"),
        ((*RIDGE, "coefficients_"), [1.0], "coefficients_"),
        ((*RIDGE, "intercept_"), 1e9, "intercept_"),
        ((*RIDGE, "columns_"), ["a", "a"], "columns_"),
        (("pairs", "range", "columns"), [], "columns"),
    ],
)
def test_a_fault_is_named(state, keys, value, what):
    with pytest.raises(ValueError, match=what):
        check_forecaster(put(state, keys, value), RECIPE)


@pytest.mark.parametrize(("part", "field", "value"), [
    ("scale", "clip", "4"), ("scale", "clip", float("nan")), ("tail", "largest_effect", -2.0),
    ("tail", "state", ()), ("tail", "state", (3,)), ("shock", "rounds", 1.5), ("guard", "days", 10**9),
])  # fmt: skip
def test_constants_are_of_their_kind(part, field, value):
    changed = dataclasses.replace(getattr(RECIPE, part), **{field: value})
    with pytest.raises(ValueError, match=f"{part}.{field}"):
        check_recipe(dataclasses.replace(RECIPE, **{part: changed}))


def zero_var(ratios):
    return ratios.assign(var_ratio=0.0)


def crossed(ratios):
    return ratios.assign(es_ratio=ratios["var_ratio"] - 0.1)


def no_pool(ratios):
    return ratios[ratios["symbol"] != ""]


def twice(ratios):
    return pd.concat([ratios, ratios[:1]])


def other_kind(ratios):
    return ratios.assign(kind=ratios["kind"] + "s")


@pytest.mark.parametrize(("change", "what"), [
    (zero_var, "not above 0"), (crossed, "es >= var"), (no_pool, "rows are missing"), (twice, "twice"),
    (other_kind, "unknown"),
])  # fmt: skip
def test_ratios_that_cannot_be_are_refused_with_their_file(fitted, tmp_path, change, what):
    models = shutil.copytree(fitted.folder / "models", tmp_path / "models")
    path = models / "tail.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    with pytest.raises(BundleError, match=what) as error:
        read_forecaster(models)
    assert "tail.parquet" in str(error.value)


def test_a_damaged_tree_is_refused_with_its_file(fitted, tmp_path):
    models = shutil.copytree(fitted.folder / "models", tmp_path / "models")
    path = models / "scale_upside.txt"
    path.write_text(path.read_text().replace("left_child=1", "left_child=0", 1))
    with pytest.raises(BundleError, match=r"scale_upside\.txt.*tree"):
        read_forecaster(models)
