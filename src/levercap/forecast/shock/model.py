"""Shock: the probability that the price moves at least a barrier against a side at some moment within the horizon."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator

from levercap.core.names import BARRIERS, FloatArray, Side
from levercap.forecast.recipe import RECIPE, ShockRecipe
from levercap.forecast.shock.calibration import calibration_line
from levercap.forecast.shock.residual import ShockResidual, column, logit

__all__ = ["ShockModel", "column", "empty_table"]

GRID = np.concatenate([np.linspace(0.0, 0.9, 91), 1.0 - np.geomspace(0.098, 1e-4, 60)])
"""Levels at which the distribution of standardised losses is kept, denser in the tail."""


class ShockModel(BaseEstimator):  # type: ignore[misc]
    """Implied barrier probability, plus a learned residual in log odds, calibrated.

    The implied probability is P(z >= barrier / volatility) under the pooled distribution of standardised path losses,
    which is what the scenarios imply too. The residual (`ShockResidual`) learns from implied probabilities, the
    calibration from uncalibrated ones, that were made before the outcome. Without `learn` and `calibrate` the
    prediction is the implied probability.
    """

    def __init__(self, recipe: ShockRecipe = RECIPE.shock) -> None:
        self.recipe = recipe

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit the pooled distributions on standardised path losses (columns path_long, path_short)."""
        self.quantiles_ = {str(side): np.quantile(Z[f"path_{side}"].dropna().to_numpy(), GRID) for side in Side}
        self.calibration_ = {column(side, barrier): (0.0, 1.0) for side in Side for barrier in BARRIERS}
        self.residual_: ShockResidual | None = None
        return self

    def learn(
        self, features: pd.DataFrame, volatility: FloatArray, implied: pd.DataFrame, outcomes: pd.DataFrame
    ) -> Self:
        """Learn the residual to out-of-sample implied probabilities; arguments as in `ShockResidual.fit`."""
        self.residual_ = ShockResidual(self.recipe).fit(features, volatility, implied, outcomes)
        return self

    def calibrate(self, probabilities: pd.DataFrame, outcomes: pd.DataFrame) -> Self:
        """Fit intercept and slope of each probability on out-of-sample probabilities and what then happened.

        Parameters
        ----------
        probabilities : (rows, sides x barriers) uncalibrated probabilities made before the outcomes, columns from
            `column`; NaN where none
        outcomes : columns as_of, path_long, path_short; NaN where not known

        Probabilities with fewer than 50 events, or 50 non-events, stay as they are: too few to learn from. So do those
        whose calibrated probability would hardly rise, or would fall, with the uncalibrated one.
        """
        for side in Side:
            loss = outcomes[f"path_{side}"].to_numpy()
            day = outcomes["as_of"].to_numpy("datetime64[us]")
            for barrier in BARRIERS:
                name = column(side, barrier)
                known = ~np.isnan(loss) & probabilities[name].notna().to_numpy()
                event = (loss >= barrier)[known]
                if min(event.sum(), (~event).sum()) >= self.recipe.smallest_events:
                    score = logit(self._within(probabilities[name].to_numpy()[known]))
                    line = calibration_line(score, event, day[known], self.recipe)
                    if line[1] >= self.recipe.smallest_slope:
                        self.calibration_[name] = line
        return self

    def predict(self, volatility: FloatArray, features: pd.DataFrame | None = None) -> pd.DataFrame:
        """Calibrated probabilities, one column per side and barrier; never larger for a larger barrier.

        Parameters
        ----------
        volatility : (rows,) forecasts per 24 h
        features : (rows, ...) feature table; without it the residual is left out
        """
        score = self._score(volatility, features)
        for name, (intercept, slope) in self.calibration_.items():
            score[name] = intercept + slope * score[name]
        return self._monotone(score)

    def uncalibrated(self, volatility: FloatArray, features: pd.DataFrame | None = None) -> pd.DataFrame:
        """What `calibrate` learns from when made out of sample: as `predict`, before calibration."""
        return self._monotone(self._score(volatility, features))

    def implied(self, volatility: FloatArray, side: str, barrier: float) -> FloatArray:
        """(rows,) probability implied by the volatility forecasts per 24 h alone."""
        below = np.interp(barrier / volatility, self.quantiles_[side], GRID, left=0.0, right=1.0)
        return self._within(1.0 - below)

    def implied_table(self, volatility: FloatArray) -> pd.DataFrame:
        """Implied probabilities, columns as in `predict`."""
        return pd.DataFrame({column(s, b): self.implied(volatility, str(s), b) for s in Side for b in BARRIERS})

    def _score(self, volatility: FloatArray, features: pd.DataFrame | None) -> dict[str, FloatArray]:
        implied = self.implied_table(volatility)
        score = {name: logit(implied[name].to_numpy()) for name in implied.columns}
        if features is not None and self.residual_ is not None:
            residual = self.residual_.predict(features, volatility, implied)
            score = {name: values + residual[name].to_numpy() for name, values in score.items()}
        return score

    def _within(self, probability: FloatArray) -> FloatArray:
        bounds = self.recipe.smallest_probability, self.recipe.largest_probability
        return np.asarray(np.clip(probability, *bounds), dtype=np.float64)

    def _monotone(self, score: dict[str, FloatArray]) -> pd.DataFrame:
        """Probabilities of bounded log odds, each at most that of the smaller barrier before it."""
        bounds = self.recipe.smallest_probability, self.recipe.largest_probability
        smallest, largest = (float(np.log(p / (1.0 - p))) for p in bounds)
        table: dict[str, FloatArray] = {}
        for side in Side:
            names = [column(side, barrier) for barrier in BARRIERS]
            lowest = np.minimum.accumulate([score[name] for name in names])
            table |= dict(zip(names, expit(np.clip(lowest, smallest, largest)), strict=True))
        return pd.DataFrame(table)

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted model, beside `trees`, as plain values."""
        return {
            "quantiles": {side: values.tolist() for side, values in self.quantiles_.items()},
            "calibration": {name: list(line) for name, line in self.calibration_.items()},
            "residual": None if self.residual_ is None else self.residual_.to_state(),
        }

    @property
    def trees(self) -> str | None:
        """LightGBM's text of the residual; None when nothing was learned."""
        booster = None if self.residual_ is None else self.residual_.booster_
        return None if booster is None else str(booster.model_to_string())

    @classmethod
    def from_state(cls, state: dict[str, Any], trees: str | None = None, recipe: ShockRecipe = RECIPE.shock) -> Self:
        """The fitted model from `to_state` and `trees`."""
        model = cls(recipe)
        model.quantiles_ = {side: np.array(values) for side, values in state["quantiles"].items()}
        model.calibration_ = {name: (line[0], line[1]) for name, line in state["calibration"].items()}
        residual = state.get("residual")
        model.residual_ = None if residual is None else ShockResidual.from_state(residual, trees, recipe)
        return model


def empty_table() -> pd.DataFrame:
    """No rows of the probability columns."""
    return pd.DataFrame({column(s, b): np.empty(0) for s in Side for b in BARRIERS})
