"""Forecaster: scale, tail and shock models that belong together, with one `predict`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.config import ForecastConfig
from levercap.errors import DataError
from levercap.forecast.history import Kind, Scale, fit_scale, history, known_by, volatility
from levercap.forecast.shock import ShockModel, column
from levercap.forecast.tail import ShrunkTail, standardise
from levercap.vocabulary import HORIZON_HOURS, Side

__all__ = ["REPORTED_BARRIER", "SMALLEST_HISTORY", "Forecast", "Forecaster", "fit_forecaster"]

REPORTED_BARRIER = 0.10
"""The barrier of the columns ``shock_probability_long`` and ``shock_probability_short``."""

SMALLEST_HISTORY = 500
"""Out-of-sample outcomes needed before the fitted model is trusted over the baseline."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """The two tables of design: `forecasts` (volatility and shock probabilities) and `tails` (VaR and ES)."""

    forecasts: pd.DataFrame
    tails: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Fitted models of one kind: ``levercap``, or the baseline ``b1`` with the same interface."""

    kind: Kind
    scale: Scale
    tail: ShrunkTail
    shock: ShockModel

    def predict(self, features: pd.DataFrame) -> Forecast:
        """Forecasts for every row of a feature table; rows without even a baseline volatility are left out."""
        sigma = volatility(self.scale, features)
        usable = np.isfinite(sigma)
        forecasts = features.loc[usable, ["as_of", "symbol"]].reset_index(drop=True)
        forecasts["horizon_hours"] = HORIZON_HOURS
        forecasts["volatility"] = sigma[usable]
        shocks = self.shock.predict(sigma[usable])
        for side in Side:
            forecasts[f"shock_probability_{side}"] = shocks[column(side, REPORTED_BARRIER)]
        return Forecast(pd.concat([forecasts, shocks], axis=1), self.tail.predict(forecasts))


def fit_forecaster(
    kind: Kind,
    features: pd.DataFrame,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
    config: ForecastConfig,
    past: pd.DataFrame | None = None,
) -> Forecaster:
    """Forecaster from what was known at `until`.

    `outcomes` is aligned with `features` (same index, NaN where not known). `past` is the history of the same table, if
    it is at hand; later rows are ignored. Falls back to the baseline when too few out-of-sample outcomes are known.
    """
    past = history(kind, features, outcomes, config) if past is None else past
    known = known_by(features, until)
    z = standardise(outcomes, past["volatility"].to_numpy())[known]
    count = int(z["path_long"].notna().sum())
    if count < SMALLEST_HISTORY:
        if kind == "b1":
            raise DataError(
                f"only {count} outcomes are known by {until}; {SMALLEST_HISTORY} symbol-days are the least "
                "to estimate a tail from: give a longer market history or a later --until"
            )
        return fit_forecaster("b1", features, outcomes, until, config)
    return Forecaster(
        kind,
        fit_scale(kind, features, outcomes, until, config),
        ShrunkTail(config.tail_shrinkage).fit(z),
        ShockModel().fit(z).calibrate(past[known], outcomes[known]),
    )
