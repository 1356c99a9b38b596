"""Conditional tail: the shrunk historical tail, leaning with the state of the market, and guarded for coverage."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator

from levercap.core.names import FloatArray, Side
from levercap.forecast.tail.guard import coverage_factor
from levercap.forecast.tail.historical import LOSSES, ROWS, ShrunkTail, row_name, tails_table

__all__ = ["STATE", "ConditionalTail", "lean"]

STATE = ("market_return_7d", "downside_share_7d", "run_up_30d", "common_share_7d")
"""Features the tail leans on: which way the market went, where its variance sits, how high the symbol stands, and how
much of the moves is shared. The scale models forecast how much prices move; these say in which direction and manner."""

CLIP = 3.0
LARGEST_LEAN = 2.0
SMALLEST_DAYS = 365
EXCESS_PENALTY = 10.0
ITERATIONS = 200


class ConditionalTail(BaseEstimator):  # type: ignore[misc]
    """VaR and ES ratios ``r exp(a'x)`` around those of `ShrunkTail`, x being the standardised state.

    Parameters
    ----------
    shrinkage : of `ShrunkTail`
    penalty : ridge penalty on the coefficients; that on the ones of the excess of ES over VaR is ten times it

    Notes
    -----
    For each side, kind and level, ``var = r_var exp(a'x)`` and ``es - var = (r_es - r_var) exp(a'x + b'x)`` minimise
    the mean over days of the cross-sectional mean of FZ0 (Patton, Ziegel and Chen 2019) plus
    ``penalty |a|^2 + 10 penalty |b|^2``. With less than a year of outcomes nothing leans. `guard` multiplies on top.
    """

    def __init__(self, shrinkage: float = 1000.0, penalty: float = 1.0) -> None:
        self.shrinkage = shrinkage
        self.penalty = penalty

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit on standardised losses (columns of `standardise`) beside as_of and the columns of `STATE`."""
        self.tail_ = ShrunkTail(self.shrinkage).fit(Z)
        state = Z[list(STATE)].to_numpy(dtype=float)
        known = ~np.isnan(state)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean_ = np.where(known, state, 0.0).sum(axis=0) / count
        self.deviation_ = np.sqrt(np.where(known, (state - self.mean_) ** 2, 0.0).sum(axis=0) / count) + 1e-9
        self.lean_ = {row: np.zeros((2, len(STATE))) for row in ROWS}
        self.factor_ = dict.fromkeys(ROWS, 1.0)
        day = Z["as_of"].to_numpy()
        x = self._standardised(Z)
        for side, kind, level in ROWS:
            z = Z[LOSSES[side, kind]].to_numpy(dtype=float)
            seen = ~np.isnan(z)
            days, which = np.unique(day[seen], return_inverse=True)
            if len(days) >= SMALLEST_DAYS:
                var, es = (r[seen] for r in self.tail_.ratios(Z["symbol"], side, kind, level))
                weight = 1.0 / (len(days) * np.bincount(which)[which])
                self.lean_[side, kind, level] = lean(z[seen], var, es, x[seen], level, weight, self.penalty)
        return self

    def guard(self, losses: pd.DataFrame, var: pd.DataFrame) -> Self:
        """Set the coverage factors.

        `losses` holds as_of and what happened, `var` the out-of-sample value at risk forecasts of it without a guard
        (columns `row_name`); aligned.
        """
        day = losses["as_of"].to_numpy()
        for row in ROWS:
            loss = losses[LOSSES[row[0], row[1]]].to_numpy(dtype=float)
            self.factor_[row] = coverage_factor(loss, var[row_name(*row)].to_numpy(dtype=float), day, row[2])
        return self

    def ratios(self, symbols: pd.Series[str], side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of each symbol at an average state."""
        var, es = self.tail_.ratios(symbols, side, kind, level)
        factor = self.factor_[side, kind, level]
        return var * factor, es * factor

    def row_ratios(self, forecasts: pd.DataFrame, side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of the rows of `forecasts`, whose columns are symbol and those of `STATE`."""
        x = self._standardised(forecasts)
        var, es = self.ratios(forecasts["symbol"], side, kind, level)
        a, b = self.lean_[side, kind, level]
        leaning = np.exp(_lean(x, a))
        return var * leaning, var * leaning + (es - var) * leaning * np.exp(_lean(x, b))

    def predict(self, forecasts: pd.DataFrame) -> pd.DataFrame:
        """Tails table from volatility forecasts beside the columns of `STATE`, as `tails_table` makes it."""
        return tails_table(self, forecasts)

    def _standardised(self, table: pd.DataFrame) -> FloatArray:
        z = (table[list(STATE)].to_numpy(dtype=float) - self.mean_) / self.deviation_
        return np.asarray(np.nan_to_num(np.clip(z, -CLIP, CLIP)), dtype=np.float64)

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted estimator beside its `tail_`, as plain values."""
        return {
            "shrinkage": self.shrinkage,
            "penalty": self.penalty,
            "mean": self.mean_.tolist(),
            "deviation": self.deviation_.tolist(),
            "lean": {row_name(*row): values.tolist() for row, values in self.lean_.items()},
            "factor": {row_name(*row): value for row, value in self.factor_.items()},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], tail: ShrunkTail) -> Self:
        """The fitted estimator from `to_state` and its historical tail."""
        model = cls(state["shrinkage"], state["penalty"])
        model.tail_, model.mean_, model.deviation_ = tail, np.array(state["mean"]), np.array(state["deviation"])
        model.lean_ = {row: np.array(state["lean"][row_name(*row)]) for row in ROWS}
        model.factor_ = {row: state["factor"][row_name(*row)] for row in ROWS}
        return model


def lean(
    z: FloatArray, var: FloatArray, es: FloatArray, x: FloatArray, level: float, weight: FloatArray, penalty: float
) -> FloatArray:
    """(2, features) coefficients a and b that minimise the penalised FZ0 of `ConditionalTail`.

    Parameters
    ----------
    z, var, es : (rows,) standardised losses, and ratios that the coefficients lean
    x : (rows, features) standardised state
    weight : (rows,) sums to one
    """
    features = x.shape[1]

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        a, b = parameters[:features], parameters[features:]
        leaning = np.exp(_lean(x, a))
        v = var * leaning
        excess = (es - var) * leaning * np.exp(_lean(x, b))
        e = v + excess
        beyond = np.maximum(z - v, 0.0) / (1.0 - level)
        score = weight @ (beyond / e + v / e + np.log(e))
        by_var = (1.0 - (z > v) / (1.0 - level)) / e
        by_es = (1.0 - (beyond + v) / e) / e
        slope = np.concatenate([x.T @ (weight * (by_var * v + by_es * e)), x.T @ (weight * by_es * excess)])
        strength = penalty * np.repeat([1.0, EXCESS_PENALTY], features)
        return float(score + strength @ parameters**2), slope + 2.0 * strength * parameters

    found = minimize(loss, np.zeros(2 * features), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
    return np.asarray(found.x.reshape(2, features), dtype=np.float64)


def _lean(x: FloatArray, coefficients: FloatArray) -> FloatArray:
    """(rows,) bounded log lean; a row's result does not depend on how many other rows there are."""
    total = np.ascontiguousarray(x * coefficients).sum(axis=1)
    return np.asarray(np.clip(total, -LARGEST_LEAN, LARGEST_LEAN), dtype=np.float64)
