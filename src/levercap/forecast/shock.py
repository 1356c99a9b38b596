"""Shock: the probability that the price moves at least a barrier against a side at some moment within the horizon."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from levercap.vocabulary import BARRIERS, FloatArray, Side

__all__ = ["ShockModel", "column", "empty_table"]

GRID = np.concatenate([np.linspace(0.0, 0.9, 91), 1.0 - np.geomspace(0.098, 1e-4, 60)])
SMALLEST_PROBABILITY, LARGEST_PROBABILITY = 1e-4, 0.999
SMALLEST_EVENTS = 50
SMALLEST_SLOPE = 0.1
SMALLEST_SCORE, LARGEST_SCORE = (float(np.log(p / (1.0 - p))) for p in (SMALLEST_PROBABILITY, LARGEST_PROBABILITY))


def column(side: str, barrier: float) -> str:
    """Name of the probability's column, for example ``shock_probability_long_10`` for ten percent."""
    return f"shock_probability_{side}_{round(100 * barrier):02d}"


class ShockModel(BaseEstimator):  # type: ignore[misc]
    """Tail-implied barrier probability, calibrated by logistic regression on its logit (Platt 1999).

    The implied probability is P(z >= barrier / volatility) under the pooled distribution of standardised path losses,
    which is what the scenarios imply too. Calibration uses implied probabilities whose distribution was fitted before
    the outcome.
    """

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit the pooled distributions on standardised path losses (columns path_long, path_short)."""
        self.quantiles_ = {str(side): np.quantile(Z[f"path_{side}"].dropna().to_numpy(), GRID) for side in Side}
        self.calibration_ = {column(side, barrier): (0.0, 1.0) for side in Side for barrier in BARRIERS}
        return self

    def implied(self, volatility: FloatArray, side: str, barrier: float) -> FloatArray:
        """(rows,) probability before calibration, for volatility forecasts per 24 h."""
        below = np.interp(barrier / volatility, self.quantiles_[side], GRID, left=0.0, right=1.0)
        return np.asarray(np.clip(1.0 - below, SMALLEST_PROBABILITY, LARGEST_PROBABILITY), dtype=np.float64)

    def calibrate(self, implied: pd.DataFrame, outcomes: pd.DataFrame) -> Self:
        """Fit intercept and slope of each probability on out-of-fold implied probabilities and what then happened.

        Probabilities with fewer than 50 events keep the implied value: too few to learn two numbers from. So do those
        that would hardly rise, or fall, with the implied one: a past that contradicts the scale teaches nothing.
        """
        for side in Side:
            loss = outcomes[f"path_{side}"].to_numpy()
            for barrier in BARRIERS:
                name = column(side, barrier)
                known = ~np.isnan(loss) & implied[name].notna().to_numpy()
                event = (loss >= barrier)[known]
                if min(event.sum(), (~event).sum()) >= SMALLEST_EVENTS:
                    x = logit(implied[name].to_numpy()[known])[:, None]
                    fit = LogisticRegression(C=1e3).fit(x, event)
                    if fit.coef_[0, 0] >= SMALLEST_SLOPE:
                        self.calibration_[name] = (float(fit.intercept_[0]), float(fit.coef_[0, 0]))
        return self

    def predict(self, volatility: FloatArray) -> pd.DataFrame:
        """Calibrated probabilities, one column per side and barrier; never smaller for a smaller barrier's sake."""
        table = {}
        for side in Side:
            ceiling = np.full(len(volatility), LARGEST_PROBABILITY)
            for barrier in BARRIERS:
                a, b = self.calibration_[column(side, barrier)]
                score = np.clip(
                    a + b * logit(self.implied(volatility, str(side), barrier)), SMALLEST_SCORE, LARGEST_SCORE
                )
                ceiling = np.minimum(ceiling, 1.0 / (1.0 + np.exp(-score)))
                table[column(side, barrier)] = ceiling
        return pd.DataFrame(table)

    def implied_table(self, volatility: FloatArray) -> pd.DataFrame:
        """Probabilities before calibration, columns as in `predict`."""
        return pd.DataFrame({column(s, b): self.implied(volatility, str(s), b) for s in Side for b in BARRIERS})


def empty_table() -> pd.DataFrame:
    """No rows of the probability columns."""
    return pd.DataFrame({column(s, b): np.empty(0) for s in Side for b in BARRIERS})


def logit(probability: FloatArray) -> FloatArray:
    """Log odds."""
    return np.asarray(np.log(probability / (1.0 - probability)), dtype=np.float64)
