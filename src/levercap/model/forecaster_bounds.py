"""Bounds of a forecaster's content: constants, coefficients and ratios are looked at before anything is made of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import numpy as np
import pandas as pd

from levercap.core.names import BARRIERS, KINDS, LEVELS, FloatArray, Side
from levercap.forecast import RECIPE, ForecastMethod, Recipe
from levercap.forecast.shock.model import GRID, column
from levercap.forecast.tail.historical import POOLED, ROWS, tail_column
from levercap.storage.bounded import Kind

__all__ = ["RATIO_COLUMNS", "check_forecaster", "check_ratios", "check_recipe"]

RATIO_COLUMNS: Final[Mapping[str, Kind]] = {
    "symbol": "text",
    "side": "text",
    "kind": "text",
    "level": "number",
    "var_ratio": "number",
    "es_ratio": "number",
    "outcomes": "whole",
}

LARGEST_NUMBER, LARGEST_LIST = 1e6, 2_000
LARGEST_RATIO: Final = 1e3
"""Loss in units of volatility."""

LARGEST_CONSTANT: Final = 1e6
SCALE_PARAMETERS: Final = ("penalty", "rounds", "leaves", "seed")


def check_recipe(recipe: Recipe) -> None:
    """Raise ValueError naming constants of another type than this version's, or not finite, negative or too large."""
    wrong = []
    for part in dataclasses.fields(Recipe):
        mine, shipped = getattr(recipe, part.name), getattr(RECIPE, part.name)
        for field in dataclasses.fields(shipped):
            value, model = getattr(mine, field.name), getattr(shipped, field.name)
            items = [(value, model)]
            if isinstance(model, tuple):
                listed = isinstance(value, tuple) and 0 < len(value) <= LARGEST_LIST
                items = [(one, model[0]) for one in value] if listed else [(None, model[0])]
            if not all(_same_kind(one, like) for one, like in items):
                wrong.append(f"{part.name}.{field.name}")
    if wrong:
        raise ValueError(f"constants that cannot be: {', '.join(wrong)}")


def check_forecaster(state: Mapping[str, Any], recipe: Recipe) -> None:
    """Raise ValueError unless the content of ``forecaster.json`` is possible: kinds, lengths, magnitudes and order."""
    if state["kind"] not in get_args(ForecastMethod):
        raise ValueError(f"kind {str(state['kind'])[:40]!r} is none of {', '.join(get_args(ForecastMethod))}")
    _number(state["tail_shrinkage"], "tail_shrinkage", 0.0, LARGEST_NUMBER)
    if "conditional_tail" in state:
        _check_conditional(state["conditional_tail"], recipe)
    _check_shock(state["shock"], "shock")
    if state.get("market_shock") is not None:
        _number(state["market_shock"]["share"], "market_shock.share", 1e-6, 1.0)
        _number(state["market_shock"]["instants"], "market_shock.instants", 1, LARGEST_NUMBER)
        _check_shock(state["market_shock"]["model"], "market_shock")
    if "pairs" in state:
        _names(state["scale"], SCALE_PARAMETERS, "scale")
        for name in SCALE_PARAMETERS:
            _number(state["scale"][name], f"scale.{name}", 0.0, 1e9)
        _names(state["pairs"], recipe.scale.target_weights, "pairs")
        for name, pair in state["pairs"].items():
            _columns(pair["columns"], f"pairs.{name}.columns")
            _check_ridge(pair["ridge"], f"pairs.{name}.ridge")
    elif state["kind"] != "b1":
        raise ValueError("its scale models are missing")


def check_ratios(ratios: pd.DataFrame) -> None:
    """Raise ValueError unless VaR and ES ratios are possible, and the pooled ones there for every side, kind, level."""
    var, es = (ratios[name].to_numpy(dtype=float) for name in ("var_ratio", "es_ratio"))
    keys = ["symbol", "side", "kind", "level"]
    if ratios.duplicated(keys).any():
        raise ValueError(f"rows twice: {ratios.loc[ratios.duplicated(keys), 'symbol'].iloc[0]}")
    known = ratios["side"].isin([str(s) for s in Side]) & ratios["kind"].isin(KINDS) & ratios["level"].isin(LEVELS)
    if not known.all():
        raise ValueError("sides, kinds or levels that are unknown")
    if not ((var > 0) & (es >= var) & (es <= LARGEST_RATIO)).all():
        raise ValueError(f"ratios not above 0, with es >= var and at most {LARGEST_RATIO:g}")
    if (ratios["symbol"] == POOLED).sum() != len(ROWS) or len(ratios) % len(ROWS):
        raise ValueError("rows are missing: each symbol and the pool have one for every side, kind and level")


def _check_conditional(state: Mapping[str, Any], recipe: Recipe) -> None:
    features, names = len(recipe.tail.state), [tail_column(*row) for row in ROWS]
    for name in ("shrinkage", "penalty"):
        _number(state[name], name, 0.0, LARGEST_NUMBER)
    _array(state["mean"], "mean", (features,))
    if not (_array(state["deviation"], "deviation", (features,)) > 0).all():
        raise ValueError("deviation is not above zero")
    _names(state["lean"], names, "lean")
    _names(state["factor"], names, "factor")
    bounds = recipe.guard.smallest_factor, recipe.guard.largest_factor
    for name in names:
        _array(state["lean"][name], f"lean.{name}", (2, features))
        _number(state["factor"][name], f"factor.{name}", *bounds)


def _check_shock(state: Mapping[str, Any], where: str) -> None:
    _names(state["quantiles"], [str(side) for side in Side], f"{where}.quantiles")
    for side, values in state["quantiles"].items():
        quantiles = _array(values, f"{where}.quantiles.{side}", (len(GRID),))
        if (np.diff(quantiles) < 0).any():
            raise ValueError(f"{where}.quantiles.{side} fall")
    _names(state["calibration"], [column(str(s), b) for s in Side for b in BARRIERS], f"{where}.calibration")
    for name, line in state["calibration"].items():
        intercept, slope = _array(line, f"{where}.calibration.{name}", (2,))
        if abs(intercept) > 20 or not 0 < slope <= 20:
            raise ValueError(f"{where}.calibration.{name} is no rising line of log odds")
    residual = state.get("residual")
    if residual is not None:
        _columns(residual["columns"], f"{where}.residual.columns")
        if not set(residual["names"]) <= set(state["calibration"]):
            raise ValueError(f"{where}.residual.names are unknown")


def _check_ridge(state: Mapping[str, Any], where: str) -> None:
    names = _columns(state["columns_"], f"{where}.columns_")
    for name in ("penalty", "intercept_"):
        _number(state[name], f"{where}.{name}", -LARGEST_NUMBER, LARGEST_NUMBER)
    for name in ("mean_", "deviation_", "coefficients_"):
        values = _array(state[name], f"{where}.{name}", (len(names),))
        if name == "deviation_" and not (values > 0).all():
            raise ValueError(f"{where}.{name} is not above zero")


def _same_kind(value: object, like: object) -> bool:
    if isinstance(like, str):
        return isinstance(value, str) and value.isprintable() and len(value) <= 200
    if isinstance(value, bool) or not isinstance(value, int if isinstance(like, int) else int | float):
        return False
    return math.isfinite(value) and 0 <= value <= LARGEST_CONSTANT


def _names(found: Mapping[str, Any], expected: Iterable[str], where: str) -> None:
    if not isinstance(found, Mapping) or set(found) != set(expected):
        raise ValueError(f"{where} does not hold {', '.join(expected)}")


def _columns(names: Any, where: str) -> list[str]:
    texts = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not texts or not 0 < len(names) <= LARGEST_LIST or len(set(names)) != len(names):
        raise ValueError(f"{where} is no list of different names")
    return list(names)


def _number(value: Any, where: str, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{where} is {str(value)[:40]}, expected a number from {low:g} to {high:g}")


def _array(values: Any, where: str, shape: tuple[int, ...]) -> FloatArray:
    found = np.asarray(values)
    if found.dtype.kind not in "if" or found.shape != shape or not (np.abs(found) <= LARGEST_NUMBER).all():
        raise ValueError(f"{where} is no array {shape} of numbers up to {LARGEST_NUMBER:g}")
    return found.astype(np.float64)
