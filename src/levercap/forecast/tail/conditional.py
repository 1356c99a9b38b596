"""Conditional tail: historical tail ratios, shrunk to the panel, that depend on the state of the market."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator

from levercap.core.horizon import DAY, Horizon
from levercap.core.names import FloatArray, Side
from levercap.core.outcomes import loss_column
from levercap.forecast.recipe import RECIPE, GuardRecipe, TailRecipe
from levercap.forecast.tail.guard import coverage_factor
from levercap.forecast.tail.historical import ROWS, ShrunkTail, tail_column, tails_table

__all__ = ["ConditionalTail", "fit_state_coefficients"]

ITERATIONS = 200


class ConditionalTail(BaseEstimator):  # type: ignore[misc]
    """State-dependent tail: VaR and ES ratios ``r exp(a'x)``, r those of `ShrunkTail`, x the standardised state.

    Parameters
    ----------
    shrinkage : of `ShrunkTail`
    penalty : ridge penalty on the coefficients of the state; that on the ones of the excess of ES over VaR is ten times
        it
    recipe : features of the state and bounds

    Notes
    -----
    For each side, kind and level, ``var = r_var exp(a'x)`` and ``es - var = (r_es - r_var) exp(a'x + b'x)`` minimise
    the mean over days of the cross-sectional mean of FZ0 (Patton, Ziegel and Chen 2019) plus
    ``penalty |a|^2 + 10 penalty |b|^2``. With less than a year of outcomes nothing depends on the state. `guard`
    multiplies on top.
    """

    def __init__(self, shrinkage: float = 1000.0, penalty: float = 1.0, recipe: TailRecipe = RECIPE.tail) -> None:
        self.shrinkage = shrinkage
        self.penalty = penalty
        self.recipe = recipe

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit on standardised losses (columns of `standardise`) beside as_of and the features of the state."""
        self.tail_ = ShrunkTail(self.shrinkage, self.recipe.smallest_own_sample).fit(Z)
        names = list(self.recipe.state)
        state = Z[names].to_numpy(dtype=float)
        known = ~np.isnan(state)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean_ = np.where(known, state, 0.0).sum(axis=0) / count
        self.deviation_ = np.sqrt(np.where(known, (state - self.mean_) ** 2, 0.0).sum(axis=0) / count) + 1e-9
        self.state_coefficients_ = {row: np.zeros((2, len(names))) for row in ROWS}
        self.factor_ = dict.fromkeys(ROWS, 1.0)
        day = Z["as_of"].to_numpy("datetime64[us]")
        x = self._standardised(Z)
        for side, kind, level in ROWS:
            z = Z[loss_column(side, kind)].to_numpy(dtype=float)
            seen = ~np.isnan(z)
            days, which = np.unique(day[seen], return_inverse=True)
            if len(days) >= self.recipe.smallest_days:
                var, es = (r[seen] for r in self.tail_.ratios(Z["symbol"], side, kind, level))
                weight = 1.0 / (len(days) * np.bincount(which)[which])
                self.state_coefficients_[side, kind, level] = fit_state_coefficients(
                    z[seen], var, es, x[seen], level, weight, self.penalty, self.recipe
                )
        return self

    def guard(self, losses: pd.DataFrame, var: pd.DataFrame, recipe: GuardRecipe = RECIPE.guard) -> Self:
        """Set the coverage factors.

        `losses` holds as_of and what happened, `var` the out-of-sample value at risk forecasts of it without a guard
        (columns `tail_column`); aligned.
        """
        day = losses["as_of"].to_numpy("datetime64[us]")
        for row in ROWS:
            loss = losses[loss_column(row[0], row[1])].to_numpy(dtype=float)
            self.factor_[row] = coverage_factor(loss, var[tail_column(*row)].to_numpy(dtype=float), day, row[2], recipe)
        return self

    def ratios(self, symbols: pd.Series[str], side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of each symbol at an average state."""
        var, es = self.tail_.ratios(symbols, side, kind, level)
        factor = self.factor_[side, kind, level]
        return var * factor, es * factor

    def row_ratios(self, forecasts: pd.DataFrame, side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of the rows of `forecasts`, whose columns are symbol and those of the state."""
        x = self._standardised(forecasts)
        var, es = self.ratios(forecasts["symbol"], side, kind, level)
        a, b = self.state_coefficients_[side, kind, level]
        bound = self.recipe.largest_effect
        factor = np.exp(_log_effect(x, a, bound))
        return var * factor, var * factor + (es - var) * factor * np.exp(_log_effect(x, b, bound))

    def predict(self, forecasts: pd.DataFrame, horizon: Horizon = DAY) -> pd.DataFrame:
        """Tails table from volatility forecasts beside the features of the state, as `tails_table` makes it."""
        return tails_table(self, forecasts, horizon)

    def _standardised(self, table: pd.DataFrame) -> FloatArray:
        z = (table[list(self.recipe.state)].to_numpy(dtype=float) - self.mean_) / self.deviation_
        clip = self.recipe.clip
        return np.asarray(np.nan_to_num(np.clip(z, -clip, clip)), dtype=np.float64)

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted estimator beside its `tail_`, as plain values.

        The coefficients of the state keep the key that they had in earlier bundles, ``lean``.
        """
        return {
            "shrinkage": self.shrinkage,
            "penalty": self.penalty,
            "mean": self.mean_.tolist(),
            "deviation": self.deviation_.tolist(),
            "lean": {tail_column(*row): values.tolist() for row, values in self.state_coefficients_.items()},
            "factor": {tail_column(*row): value for row, value in self.factor_.items()},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], tail: ShrunkTail, recipe: TailRecipe = RECIPE.tail) -> Self:
        """The fitted estimator from `to_state` and its historical tail."""
        model = cls(state["shrinkage"], state["penalty"], recipe)
        model.tail_, model.mean_, model.deviation_ = tail, np.array(state["mean"]), np.array(state["deviation"])
        model.state_coefficients_ = {row: np.array(state["lean"][tail_column(*row)]) for row in ROWS}
        model.factor_ = {row: state["factor"][tail_column(*row)] for row in ROWS}
        return model


def fit_state_coefficients(
    z: FloatArray,
    var: FloatArray,
    es: FloatArray,
    x: FloatArray,
    level: float,
    weight: FloatArray,
    penalty: float,
    recipe: TailRecipe = RECIPE.tail,
) -> FloatArray:
    """(2, features) coefficients a and b that minimise the penalised FZ0 of `ConditionalTail`.

    Parameters
    ----------
    z, var, es : (rows,) standardised losses, and the ratios that the state acts on
    x : (rows, features) standardised state
    weight : (rows,) sums to one
    """
    features = x.shape[1]
    bound = recipe.largest_effect

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        a, b = parameters[:features], parameters[features:]
        factor = np.exp(_log_effect(x, a, bound))
        v = var * factor
        excess = (es - var) * factor * np.exp(_log_effect(x, b, bound))
        e = v + excess
        beyond = np.maximum(z - v, 0.0) / (1.0 - level)
        score = weight @ (beyond / e + v / e + np.log(e))
        by_var = (1.0 - (z > v) / (1.0 - level)) / e
        by_es = (1.0 - (beyond + v) / e) / e
        slope = np.concatenate([x.T @ (weight * (by_var * v + by_es * e)), x.T @ (weight * by_es * excess)])
        strength = penalty * np.repeat([1.0, recipe.excess_penalty], features)
        return float(score + strength @ parameters**2), slope + 2.0 * strength * parameters

    found = minimize(loss, np.zeros(2 * features), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
    return np.asarray(found.x.reshape(2, features), dtype=np.float64)


def _log_effect(x: FloatArray, coefficients: FloatArray, bound: float) -> FloatArray:
    """(rows,) bounded log effect of the state; a row's result does not depend on how many other rows there are."""
    total = np.ascontiguousarray(x * coefficients).sum(axis=1)
    return np.asarray(np.clip(total, -bound, bound), dtype=np.float64)
