"""Forecaster: scale, tail and shock models that belong together, with one `predict`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import DataError
from levercap.core.horizon import DAY, Horizon
from levercap.core.names import FloatArray, Side
from levercap.forecast.history import (
    ForecastMethod,
    Scale,
    Tail,
    fit_scale,
    fit_tail,
    forecast_frame,
    history,
    known_by,
    standardised,
    volatility,
)
from levercap.forecast.recipe import RECIPE, ForecastSpec, Recipe, ShockRecipe
from levercap.forecast.shock.history import fit_shock, implied_columns
from levercap.forecast.shock.market import MarketShock, empty_market
from levercap.forecast.shock.model import ShockModel, column, empty_table

__all__ = ["REPORTED_BARRIER", "Forecast", "Forecaster", "fit_forecaster"]

REPORTED_BARRIER = 0.10
"""The barrier of the columns ``shock_probability_long`` and ``shock_probability_short``."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """`forecasts` (volatility, shock probabilities, and those that volatility alone implies) and `tails` (VaR, ES)."""

    forecasts: pd.DataFrame
    tails: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Fitted models of one forecast method: ``levercap``, or the baseline ``b1`` with the same interface."""

    method: ForecastMethod
    scale: Scale
    tail: Tail
    shock: ShockModel
    market_shock: MarketShock | None = None
    horizon: Horizon = DAY
    recipe: Recipe = RECIPE

    def predict(self, features: pd.DataFrame, multiplier: FloatArray | None = None) -> Forecast:
        """Forecasts for every row of a feature table; rows without even a baseline volatility are left out.

        `multiplier` (rows,) is of volatility; VaR and ES scale alike.
        """
        scale = np.ones(len(features)) if multiplier is None else multiplier
        sigma = volatility(self.scale, features) * scale
        usable = np.isfinite(sigma)
        frame = forecast_frame(features, sigma, self.recipe.tail)
        frame["end_volatility"] *= scale**self.recipe.tail.end_memory
        frame = frame[usable].reset_index(drop=True)
        forecasts = frame[["as_of", "symbol", "volatility"]].copy()
        forecasts.insert(2, "horizon_hours", self.horizon.hours)
        shocks = self.shock.predict(sigma[usable], features[usable].reset_index(drop=True))
        implied = self.shock.implied_table(sigma[usable])
        for side in Side:
            forecasts[f"shock_probability_{side}"] = shocks[column(side, REPORTED_BARRIER)]
        table = pd.concat([forecasts, shocks, implied.set_axis(implied_columns(), axis=1)], axis=1)
        return Forecast(table, self.tail.predict(frame, self.horizon))

    def market(self, forecasts: pd.DataFrame) -> pd.DataFrame:
        """One row per instant of a `forecasts` table: as_of, symbols, and the probabilities that at least a share of
        the symbols is hit together (columns `market_column`). No row where the past never had five symbols at once.
        """
        if self.market_shock is None:
            return empty_market()
        names = list(empty_table().columns)
        implied = forecasts[implied_columns()].set_axis(names, axis=1)
        sigma = forecasts["volatility"].to_numpy(dtype=float)
        return self.market_shock.predict(forecasts["as_of"], sigma, implied, forecasts[names])


def fit_forecaster(
    method: ForecastMethod,
    features: pd.DataFrame,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
    spec: ForecastSpec,
    past: pd.DataFrame | None = None,
) -> Forecaster:
    """Forecaster from what was known at `until`.

    `outcomes` is aligned with `features` (same index, NaN where not known). `past` is the history of the same table, if
    it is at hand; later rows are ignored. Falls back to the baseline when too few out-of-sample outcomes are known.
    """
    past = history(method, features, outcomes, spec) if past is None else past
    recipe, horizon = spec.recipe, spec.horizon
    known = known_by(features, until, horizon)
    z = standardised(past, outcomes, recipe.tail)
    count = int(z["path_long"].notna().to_numpy()[known].sum())
    smallest = recipe.history.smallest_outcomes
    if count < smallest:
        if method == "b1":
            raise DataError(
                f"only {count} outcomes are known by {until}; {smallest} symbol-days are the least "
                "to estimate a tail from: give a longer market history or a later --until"
            )
        return fit_forecaster("b1", features, outcomes, until, spec)
    sigma = past["volatility"].to_numpy()
    return Forecaster(
        method,
        fit_scale(method, features, outcomes, until, spec),
        fit_tail(method, z, past, outcomes, until, spec),
        fit_shock(features if method == "levercap" else None, sigma, outcomes, past, known, recipe.shock),
        _market_shock(outcomes[known], sigma[known], recipe.shock),
        horizon,
        recipe,
    )


def _market_shock(outcomes: pd.DataFrame, sigma: FloatArray, recipe: ShockRecipe) -> MarketShock | None:
    """None where no instant has had five symbols."""
    together = (outcomes["path_long"].notna() & np.isfinite(sigma)).groupby(outcomes["as_of"]).sum()
    if not (together >= recipe.market_smallest_symbols).any():
        return None
    return MarketShock(recipe.market_share, recipe).fit(outcomes, sigma)
