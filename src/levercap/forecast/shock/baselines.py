"""What a shock model has to beat: climatology, and a logistic regression on the scale alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from levercap.core.names import BARRIERS, BoolArray, FloatArray, Side
from levercap.forecast.shock.model import SMALLEST_PROBABILITY
from levercap.forecast.shock.residual import SMALLEST_EVENTS, column, logit

__all__ = ["Climatology", "LogitOfScale"]


class Climatology(BaseEstimator):  # type: ignore[misc]
    """The frequency of the past, the same for every row: (events + 1/2) / (outcomes + 1), Jeffreys' posterior mean."""

    def fit(self, outcomes: pd.DataFrame, volatility: FloatArray | None = None) -> Self:
        """Fit on outcomes (path_long, path_short); NaN where not known. The volatility is not used."""
        every = np.ones(len(outcomes), dtype=bool)
        self.frequency_ = {name: _frequency(event) for name, _, event in _events(outcomes, every)}
        return self

    def predict(self, volatility: FloatArray) -> pd.DataFrame:
        """(rows, sides x barriers) probabilities; only the number of rows counts."""
        return pd.DataFrame({name: np.full(len(volatility), p) for name, p in self.frequency_.items()})


class LogitOfScale(BaseEstimator):  # type: ignore[misc]
    """Logistic regression of each event on the log volatility forecast, and on nothing else.

    What the ranking by probability owes to knowing the volatility: since its probabilities rise with the forecast, its
    area under the ROC curve is that of the scale itself. Fewer than 50 events, or 50 non-events, give climatology.
    """

    def fit(self, outcomes: pd.DataFrame, volatility: FloatArray) -> Self:
        """Fit on outcomes (path_long, path_short) and the out-of-sample forecasts made before them, per 24 h."""
        self.line_ = {}
        for name, known, event in _events(outcomes, np.isfinite(volatility)):
            self.line_[name] = (float(logit(np.array(_frequency(event)))), 0.0)
            if min(event.sum(), (~event).sum()) >= SMALLEST_EVENTS:
                fit = LogisticRegression(C=1e6).fit(np.log(volatility[known])[:, None], event)
                self.line_[name] = (float(fit.intercept_[0]), float(fit.coef_[0, 0]))
        return self

    def predict(self, volatility: FloatArray) -> pd.DataFrame:
        """(rows, sides x barriers) probabilities, never larger for a larger barrier."""
        table = {}
        for side in Side:
            ceiling = np.full(len(volatility), 1.0 - SMALLEST_PROBABILITY)
            for barrier in BARRIERS:
                intercept, slope = self.line_[column(side, barrier)]
                ceiling = np.minimum(ceiling, expit(intercept + slope * np.log(volatility)))
                table[column(side, barrier)] = np.maximum(ceiling, SMALLEST_PROBABILITY)
        return pd.DataFrame(table)


def _events(outcomes: pd.DataFrame, usable: BoolArray) -> Iterator[tuple[str, BoolArray, BoolArray]]:
    """Name of each probability, the rows where its outcome is known and usable, and what happened there."""
    for side in Side:
        loss = outcomes[f"path_{side}"].to_numpy(dtype=float)
        known = ~np.isnan(loss) & usable
        for barrier in BARRIERS:
            yield column(side, barrier), known, loss[known] >= barrier


def _frequency(event: BoolArray) -> float:
    return (float(event.sum()) + 0.5) / (len(event) + 1.0)
