"""A forecaster as files: LightGBM text, JSON and Parquet, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from levercap.bundle.paths import read_paths, write_paths
from levercap.columns import write_parquet
from levercap.forecast import Blocks, Forecaster
from levercap.forecast.scale import B1Scale, BlendedScale, BoostedScale, RidgeScale
from levercap.forecast.shock import ShockModel
from levercap.forecast.tail import ShrunkTail

__all__ = ["read_blocks", "read_forecaster", "write_blocks", "write_forecaster"]


def write_forecaster(forecaster: Forecaster, folder: Path) -> None:
    """Write ``forecaster.json``, ``tail.parquet`` and, for a fitted scale, ``boosted.txt``."""
    state: dict[str, Any] = {"kind": forecaster.kind, "tail_shrinkage": forecaster.tail.shrinkage}
    shock = forecaster.shock
    state["shock"] = {
        "quantiles": {side: values.tolist() for side, values in shock.quantiles_.items()},
        "calibration": {name: list(pair) for name, pair in shock.calibration_.items()},
    }
    if isinstance(forecaster.scale, BlendedScale):
        boosted = forecaster.scale.boosted_
        state["ridge"] = forecaster.scale.ridge_.to_state()
        state["boosted"] = {**boosted.get_params(), "columns": boosted.columns_}
        (folder / "boosted.txt").write_text(boosted.booster_.model_to_string(), encoding="utf-8")
    (folder / "forecaster.json").write_text(json.dumps(state, sort_keys=True) + "\n", encoding="utf-8")
    write_parquet(forecaster.tail.ratios_, folder / "tail.parquet")


def read_forecaster(folder: Path) -> Forecaster:
    """Forecaster written by `write_forecaster`."""
    state = json.loads((folder / "forecaster.json").read_text(encoding="utf-8"))
    tail = ShrunkTail(state["tail_shrinkage"])
    tail.ratios_ = pd.read_parquet(folder / "tail.parquet")
    shock = ShockModel()
    shock.quantiles_ = {side: np.array(values) for side, values in state["shock"]["quantiles"].items()}
    shock.calibration_ = {name: (pair[0], pair[1]) for name, pair in state["shock"]["calibration"].items()}
    scale = _read_blend(state, folder) if "ridge" in state else B1Scale()
    return Forecaster(state["kind"], scale, tail, shock)


def _read_blend(state: dict[str, Any], folder: Path) -> BlendedScale:
    columns = state["boosted"].pop("columns")
    boosted = BoostedScale(**state["boosted"])
    boosted.columns_ = columns
    boosted.booster_ = lgb.Booster(model_str=(folder / "boosted.txt").read_text(encoding="utf-8"))
    blend = BlendedScale(state["ridge"]["penalty"], boosted.rounds, boosted.leaves, boosted.seed)
    blend.ridge_, blend.boosted_ = RidgeScale.from_state(state["ridge"]), boosted
    return blend


def write_blocks(blocks: Blocks, path: Path) -> None:
    """Write standardised blocks."""
    write_paths(path, blocks.symbols, blocks.starts, blocks.weights, blocks.low, blocks.high, blocks.end)


def read_blocks(path: Path) -> Blocks:
    """Blocks written by `write_blocks`."""
    return Blocks(*read_paths(path))
