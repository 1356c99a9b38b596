"""Shock history: out-of-sample probabilities of shock models refitted on fixed dates, and the model fitted on them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray
from levercap.forecast.recipe import RECIPE, ShockRecipe
from levercap.forecast.shock.model import ShockModel, empty_table

__all__ = ["fit_shock", "implied_columns", "out_of_sample_shocks"]

PATHS = ["path_long", "path_short"]


def implied_columns() -> list[str]:
    """Names of the implied probabilities, for example ``implied_probability_long_10``, in the order of the others."""
    return [name.replace("shock", "implied", 1) for name in empty_table().columns]


def out_of_sample_shocks(
    features: pd.DataFrame | None,
    volatility: FloatArray,
    outcomes: pd.DataFrame,
    segments: Iterable[tuple[BoolArray, BoolArray]],
    recipe: ShockRecipe = RECIPE.shock,
) -> pd.DataFrame:
    """Implied and uncalibrated probabilities of every row, by the model of the refit before it.

    Parameters
    ----------
    features : (rows, ...) feature table; None: nothing is learned beyond the implied probability
    volatility : (rows,) out-of-sample forecasts per 24 h; NaN where none
    outcomes : (rows, ...) with path_long and path_short, aligned; NaN where not known
    segments : in time order, for each refit the rows it forecasts and the rows whose outcome is known

    Returns
    -------
    DataFrame
        `implied_columns`, then the probabilities (columns from `shock.column`), index of `outcomes`; NaN before the
        first refit. A residual learns from implied probabilities of earlier refits alone.
    """
    names = list(empty_table().columns)
    implied, probability = (pd.DataFrame(np.nan, index=outcomes.index, columns=names) for _ in range(2))
    for now, known in segments:
        model = _fit(features, volatility, outcomes, implied, known, recipe)
        implied.loc[now] = model.implied_table(volatility[now]).to_numpy()
        rows = None if features is None else features[now]
        probability.loc[now] = model.uncalibrated(volatility[now], rows).to_numpy()
    return pd.concat([implied.set_axis(implied_columns(), axis=1), probability], axis=1)


def fit_shock(
    features: pd.DataFrame | None,
    volatility: FloatArray,
    outcomes: pd.DataFrame,
    past: pd.DataFrame,
    known: BoolArray,
    recipe: ShockRecipe = RECIPE.shock,
) -> ShockModel:
    """Shock model from the rows whose outcome is `known`; `past` holds the columns of `out_of_sample_shocks`.

    `outcomes` has as_of beside the losses: the calibration counts days.
    """
    implied = past[implied_columns()].set_axis(empty_table().columns, axis=1)
    model = _fit(features, volatility, outcomes, implied, known, recipe)
    return model.calibrate(past.loc[known, list(empty_table().columns)], outcomes[known])


def _fit(
    features: pd.DataFrame | None,
    volatility: FloatArray,
    outcomes: pd.DataFrame,
    implied: pd.DataFrame,
    known: BoolArray,
    recipe: ShockRecipe,
) -> ShockModel:
    model = ShockModel(recipe).fit(outcomes.loc[known, PATHS].div(volatility[known], axis=0))
    if features is None:
        return model
    train_mask = known & implied.notna().to_numpy().all(axis=1)
    return model.learn(features[train_mask], volatility[train_mask], implied[train_mask], outcomes[train_mask])
