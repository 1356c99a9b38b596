"""Absence factors: how much milder forecasts could have been at any time without a part of what they are made of."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import LEVELS, BoolArray, FloatArray, Side
from levercap.core.weighted_tail import expected_shortfall
from levercap.forecast import Blocks, Forecaster
from levercap.forecast.history import forecast_frame, volatility
from levercap.forecast.scenarios.blocks import match_tail_es
from levercap.model.series import SERIES, series_columns
from levercap.model.snapshots import path_es_ratios

__all__ = ["state_factors", "table_factors", "unseen_factor"]

SUBSTITUTES: Final = 16
"""Symbols without history that are drawn to measure the scenarios of one."""

EXTREME_LEVEL: Final = 0.999
"""Level of the expected shortfall that the scenarios of symbols are compared by: that of the insolvency budget."""


def table_factors(forecaster: Forecaster, features: pd.DataFrame, sigma: FloatArray) -> dict[str, float]:
    """Largest ratio, at least one, over the rows of `features`, of the volatility forecast with an optional table,
    which is `sigma`, to that with its columns missing, by table.
    """
    factors = {}
    for series in SERIES:
        names = [name for name in series_columns(series.table) if name in features]
        without = volatility(forecaster.scale, features.assign(**dict.fromkeys(names, np.nan))) if names else sigma
        factors[series.table] = _largest(sigma / without, features[names].notna().any(axis=1).to_numpy())
    return factors


def state_factors(forecaster: Forecaster, features: pd.DataFrame, sigma: FloatArray) -> dict[str, float]:
    """Largest ratio, at least one, over the rows of `features` and every side and level, of the path VaR and ES to
    those without one feature of the state of the tail, by feature; the volatility forecast, with it `sigma`, is made
    without it, too.
    """
    complete = _path_tails(forecaster, features, sigma)
    factors = {}
    for name in forecaster.recipe.tail.state:
        without = features.assign(**{name: np.nan})
        ratio = complete / _path_tails(forecaster, without, volatility(forecaster.scale, without))
        there = features[name].notna().to_numpy() if name in features else np.zeros(len(features), dtype=bool)
        factors[name] = _largest(ratio, there)
    return factors


def _largest(ratio: FloatArray, there: BoolArray) -> float:
    """Largest of the finite ratios (rows, ...) of the rows where the part was there, at least one."""
    found = ratio[there]
    found = found[np.isfinite(found)]
    return max(1.0, float(found.max())) if len(found) else 1.0


def _path_tails(forecaster: Forecaster, features: pd.DataFrame, sigma: FloatArray) -> FloatArray:
    """(rows, sides x levels x 2) path VaR and ES."""
    frame = forecast_frame(features, sigma, forecaster.recipe.tail)
    parts = [forecaster.tail.row_ratios(frame, side, "path", level) for side in Side for level in LEVELS]
    return np.column_stack([sigma * ratio for pair in parts for ratio in pair])


def unseen_factor(forecaster: Forecaster, blocks: Blocks, seed: int) -> float:
    """How much heavier the most extreme symbol's scenarios are than those that a symbol without history is given.

    Expected shortfall at 99.9 % of the standardised paths, of the worse side; the median of the drawn substitutes
    stands for the symbol without history. At least one.
    """
    names = tuple(f"\x00{k}" for k in range(SUBSTITUTES))
    every = blocks.with_unseen(names, seed)
    substitutes = pd.Series(names, dtype="str")
    every = match_tail_es(every, path_es_ratios(forecaster, substitutes), forecaster.recipe.blocks)
    losses = (np.maximum(-every.low.min(axis=2), 0.0), np.maximum(every.high.max(axis=2), 0.0))
    extreme = np.array([[expected_shortfall(z, every.weights, EXTREME_LEVEL) for z in side] for side in losses])
    known, drawn = extreme[:, : len(blocks.symbols)], extreme[:, len(blocks.symbols) :]
    ratio = known.max(axis=1) / np.median(drawn, axis=1)
    return max(1.0, float(ratio.max()))
