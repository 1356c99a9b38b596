"""A forecaster as files: LightGBM text, JSON and Parquet, no pickle.

Bundles written before a key was known load with the value that held then: no recipe is `RECIPE`, no horizon is one day.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.core.horizon import DAY, Horizon
from levercap.forecast import RECIPE, Blocks, Forecaster, Recipe
from levercap.forecast.recipe import ScaleRecipe, recipe_from_dict
from levercap.forecast.scale import B1Scale, BlendedScale, BoostedScale, PairScale, RidgeScale
from levercap.forecast.shock.market import MarketShock
from levercap.forecast.shock.model import ShockModel
from levercap.forecast.tail.conditional import ConditionalTail
from levercap.forecast.tail.historical import ShrunkTail
from levercap.forecast.tree_text import booster_from_text
from levercap.model.forecaster_bounds import (
    RATIO_COLUMNS,
    SCALE_PARAMETERS,
    check_forecaster,
    check_ratios,
    check_recipe,
)
from levercap.storage.bounded import read_json, read_table, read_text, reading
from levercap.storage.path_files import read_paths, write_paths
from levercap.storage.snapshot_bounds import check_paths
from levercap.storage.tables import write_parquet

__all__ = ["read_blocks", "read_forecaster", "write_blocks", "write_forecaster"]

SHOCK_TREES = "shock.txt"
RECIPE_FILE = "recipe.json"


def write_forecaster(forecaster: Forecaster, folder: Path) -> None:
    """Write ``forecaster.json``, ``recipe.json``, ``tail.parquet``, and the trees: one ``scale_*.txt`` per learned
    target and ``shock.txt``.
    """
    tail = forecaster.tail
    historical = tail.tail_ if isinstance(tail, ConditionalTail) else tail
    state: dict[str, Any] = {"kind": forecaster.method, "tail_shrinkage": historical.shrinkage}
    state["horizon_hours"] = forecaster.horizon.hours
    if isinstance(tail, ConditionalTail):
        state["conditional_tail"] = tail.to_state()
    state["shock"] = forecaster.shock.to_state()
    if forecaster.shock.trees is not None:
        (folder / SHOCK_TREES).write_text(forecaster.shock.trees, encoding="utf-8")
    if forecaster.market_shock is not None:
        state["market_shock"] = forecaster.market_shock.to_state()
    if isinstance(forecaster.scale, BlendedScale):
        state["scale"] = {name: forecaster.scale.get_params()[name] for name in SCALE_PARAMETERS}
        state["pairs"] = {}
        for name, pair in forecaster.scale.pairs_.items():
            state["pairs"][name] = {"ridge": pair.ridge_.to_state(), "columns": pair.boosted_.columns_}
            (folder / f"scale_{name}.txt").write_text(pair.boosted_.booster_.model_to_string(), encoding="utf-8")
    _write_json(state, folder / "forecaster.json")
    _write_json(forecaster.recipe.as_dict(), folder / RECIPE_FILE)
    write_parquet(historical.ratios_, folder / "tail.parquet")


def read_forecaster(folder: Path) -> Forecaster:
    """Forecaster written by `write_forecaster`; raises BundleError naming a file whose content cannot be."""
    path = folder / "forecaster.json"
    recipe, state = _read_recipe(folder), read_json(path)
    with reading(path):
        check_forecaster(state, recipe)
        historical = ShrunkTail(state["tail_shrinkage"], recipe.tail.smallest_own_sample)
        historical.ratios_ = _read_ratios(folder / "tail.parquet")
        conditional = state.get("conditional_tail")
        tail = historical if conditional is None else ConditionalTail.from_state(conditional, historical, recipe.tail)
        market = state.get("market_shock")
        market_shock = None if market is None else MarketShock.from_state(market, recipe.shock)
        horizon = Horizon(state.get("horizon_hours", DAY.hours))
    trees = folder / SHOCK_TREES
    text = read_text(trees) if trees.exists() else None
    with reading(trees):
        shock = ShockModel.from_state(state["shock"], text, recipe.shock)
    scale = _read_blend(state, folder, recipe.scale) if "pairs" in state else B1Scale()
    return Forecaster(state["kind"], scale, tail, shock, market_shock, horizon, recipe)


def _read_recipe(folder: Path) -> Recipe:
    path = folder / RECIPE_FILE
    if not path.exists():
        return RECIPE
    content = read_json(path)
    with reading(path):
        recipe = recipe_from_dict(content)
        check_recipe(recipe)
    return recipe


def _read_ratios(path: Path) -> pd.DataFrame:
    ratios = read_table(path, RATIO_COLUMNS)
    with reading(path):
        check_ratios(ratios)
    return ratios


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def _read_blend(state: dict[str, Any], folder: Path, recipe: ScaleRecipe) -> BlendedScale:
    blend = BlendedScale(**state["scale"], recipe=recipe)
    blend.pairs_ = {}
    for name, content in state["pairs"].items():
        pair = PairScale(**state["scale"], recipe=recipe)
        pair.ridge_ = RidgeScale.from_state(content["ridge"], recipe)
        pair.boosted_ = BoostedScale(blend.rounds, blend.leaves, blend.seed, recipe)
        pair.boosted_.columns_ = content["columns"]
        path = folder / f"scale_{name}.txt"
        text = read_text(path)
        with reading(path):
            pair.boosted_.booster_ = booster_from_text(text, len(content["columns"]), "regression")
        blend.pairs_[name] = pair
    return blend


def write_blocks(blocks: Blocks, path: Path) -> None:
    """Write standardised blocks."""
    write_paths(path, blocks.symbols, blocks.starts, blocks.weights, blocks.low, blocks.high, blocks.end)


def read_blocks(path: Path) -> Blocks:
    """Blocks written by `write_blocks`; raises BundleError naming the file when its content cannot be."""
    blocks = Blocks(*read_paths(path))
    with reading(path):
        check_paths(blocks.weights, blocks.starts, blocks.low, blocks.high, blocks.end)
    return blocks
