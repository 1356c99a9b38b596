"""Scale: forecasts of volatility over the horizon, relative to the symbol's own slow level, pooled over symbols."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin

from levercap.core.names import FloatArray
from levercap.forecast.recipe import RECIPE, ScaleRecipe

__all__ = [
    "B1Scale",
    "BlendedScale",
    "BoostedScale",
    "PairScale",
    "RidgeScale",
    "feature_columns",
    "targets",
]

NOT_FEATURES = ("as_of", "symbol")

LARGEST_LOG = 10.0
"""Bound of what the trees say: no volatility is e^10 times, or a part in e^10 of, the symbol's slow level."""


def feature_columns(features: pd.DataFrame) -> list[str]:
    """Names of the feature columns, in order."""
    return [c for c in features.columns if c not in NOT_FEATURES]


def targets(features: pd.DataFrame, outcomes: pd.DataFrame, recipe: ScaleRecipe = RECIPE.scale) -> FloatArray:
    """(rows, 3) what the scale models learn, each as a log minus the symbol's slow log volatility.

    volatility: realised over the horizon; range: the larger path loss of the two sides; upside: the path loss of
    shorts plus a small rise, since a coin that can run up can also crash.
    """
    floor = recipe.smallest_volatility
    realised = np.maximum(outcomes["realised_volatility"].to_numpy(dtype=float), floor)
    long, short = (outcomes[name].to_numpy(dtype=float) for name in ("path_long", "path_short"))
    logs = np.log(np.column_stack([realised, np.maximum(np.maximum(long, short), floor), short + recipe.smallest_rise]))
    return np.asarray(logs - features["slow_level"].to_numpy()[:, None], dtype=np.float64)


class B1Scale(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The fit-free baseline B1: geometric mean of EWMAs of absolute daily returns, read from its feature."""

    def fit(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Nothing is learned."""
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """(rows,) log volatility relative to the slow level."""
        return X["b1_volatility"].to_numpy(dtype=float)


class RidgeScale(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Heterogeneous autoregression by ridge on standardised, clipped features (Corsi 2009, pooled over symbols).

    Minimises the weighted mean of (y - b0 - z'b)^2 + penalty / 1000 * |b|^2. A missing feature counts as its mean;
    features missing in too many of the training rows are left out.
    """

    def __init__(self, penalty: float = 10.0, recipe: ScaleRecipe = RECIPE.scale) -> None:
        self.penalty = penalty
        self.recipe = recipe

    def fit(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit on (rows, features) and (rows,)."""
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        weight = weight / weight.sum()
        names = [c for c in feature_columns(X) if X[c].isna().mean() <= self.recipe.largest_missing_share]
        values = X[names].to_numpy(dtype=float)
        self.columns_ = names
        self.mean_ = np.nanmean(values, axis=0)
        self.deviation_ = np.nanstd(values, axis=0) + 1e-9
        z = self._standardise(values)
        centre = weight @ z
        self.intercept_ = float(weight @ y)
        z = z - centre
        gram = (z * weight[:, None]).T @ z + np.eye(len(names)) * self.penalty / 1000.0
        self.coefficients_ = np.linalg.solve(gram, (z * weight[:, None]).T @ (y - self.intercept_))
        self.intercept_ -= float(centre @ self.coefficients_)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """(rows,) log volatility relative to the slow level."""
        z = self._standardise(X.reindex(columns=self.columns_).to_numpy(dtype=float))
        return np.asarray(self.intercept_ + _row_dot(z, self.coefficients_), dtype=np.float64)

    def _standardise(self, values: FloatArray) -> FloatArray:
        clip = self.recipe.clip
        z = np.clip((values - self.mean_) / self.deviation_, -clip, clip)
        return np.asarray(np.nan_to_num(z), dtype=np.float64)

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted estimator, as plain values."""
        arrays = {k: getattr(self, k).tolist() for k in ("mean_", "deviation_", "coefficients_")}
        return {"penalty": self.penalty, "columns_": self.columns_, "intercept_": self.intercept_, **arrays}

    @classmethod
    def from_state(cls, state: dict[str, Any], recipe: ScaleRecipe = RECIPE.scale) -> Self:
        """The fitted estimator from `to_state`."""
        model = cls(state["penalty"], recipe)
        model.columns_, model.intercept_ = state["columns_"], state["intercept_"]
        for k in ("mean_", "deviation_", "coefficients_"):
            setattr(model, k, np.array(state[k]))
        return model


class BoostedScale(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees on the same features: small leaves, strong regularisation."""

    def __init__(self, rounds: int = 250, leaves: int = 15, seed: int = 7, recipe: ScaleRecipe = RECIPE.scale) -> None:
        self.rounds = rounds
        self.leaves = leaves
        self.seed = seed
        self.recipe = recipe

    def fit(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit on (rows, features) and (rows,). Missing features are handled by the trees."""
        self.columns_ = feature_columns(X)
        values = X[self.columns_].to_numpy(dtype=float)
        if np.isinf(values).any():
            raise ValueError("features must be finite or NaN")
        data = lgb.Dataset(values, y, weight=sample_weight, free_raw_data=True)
        self.booster_ = lgb.train(self._parameters(len(y)), data, self.rounds)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """(rows,) log volatility relative to the slow level."""
        values = X.reindex(columns=self.columns_).to_numpy(dtype=float)
        found = np.asarray(self.booster_.predict(values, num_threads=1), dtype=np.float64)
        return np.clip(found, -LARGEST_LOG, LARGEST_LOG)

    def _parameters(self, rows: int) -> dict[str, Any]:
        r = self.recipe
        return {
            "objective": "l2",
            "learning_rate": r.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": int(np.clip(rows // r.training_rows_per_leaf_row, r.smallest_leaf, r.largest_leaf)),
            "feature_fraction": r.feature_share,
            "bagging_fraction": r.row_share,
            "bagging_freq": 1,
            "lambda_l2": r.leaf_penalty,
            "max_bin": r.bins,
            "seed": self.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,  # the trees do not depend on it, and threads that wait for a busy core cost far more
            "verbosity": -1,
        }


class PairScale(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Mean of ridge regression and boosted trees fitted to the same target: a linear and tree average."""

    def __init__(
        self,
        penalty: float = 10.0,
        rounds: int = 250,
        leaves: int = 15,
        seed: int = 7,
        recipe: ScaleRecipe = RECIPE.scale,
    ) -> None:
        self.penalty = penalty
        self.rounds = rounds
        self.leaves = leaves
        self.seed = seed
        self.recipe = recipe

    def fit(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit both learners on (rows, features) and (rows,)."""
        return self.fit_ridge(X, y, sample_weight).fit_trees(X, y, sample_weight)

    def fit_ridge(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit the ridge regression alone."""
        self.ridge_ = RidgeScale(self.penalty, self.recipe).fit(X, y, sample_weight)
        return self

    def fit_trees(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit the boosted trees alone."""
        self.boosted_ = BoostedScale(self.rounds, self.leaves, self.seed, self.recipe).fit(X, y, sample_weight)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """(rows,) mean of the two."""
        return np.asarray(0.5 * (self.ridge_.predict(X) + self.boosted_.predict(X)), dtype=np.float64)


class BlendedScale(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Weighted mean, in logs, of a `PairScale` for each of the `targets`.

    Range and upside are brought to the mean level of volatility, so that the blend is a volatility. They are learned
    without the displacement features, which explain much of volatility and little of extremes. Where the blend is
    not finite, the baseline B1 is taken.
    """

    def __init__(
        self,
        penalty: float = 10.0,
        rounds: int = 250,
        leaves: int = 15,
        seed: int = 7,
        recipe: ScaleRecipe = RECIPE.scale,
    ) -> None:
        self.penalty = penalty
        self.rounds = rounds
        self.leaves = leaves
        self.seed = seed
        self.recipe = recipe

    def fit(self, X: pd.DataFrame, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fit on (rows, features) and (rows, 3), the latter from `targets`; the trees of all targets at once.

        The ridge regressions come one after the other: their sums are left to the threads of the BLAS.
        """
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        level = np.average(y, axis=0, weights=weight)
        extremes = X[[c for c in X.columns if not c.startswith(self.recipe.displacements)]]
        names = list(self.recipe.target_weights)
        features = [X if name == "volatility" else extremes for name in names]
        logs = [y[:, k] - level[k] + level[0] for k in range(len(names))]
        pairs = [
            PairScale(self.penalty, self.rounds, self.leaves, self.seed, self.recipe).fit_ridge(table, log, weight)
            for table, log in zip(features, logs, strict=True)
        ]
        with ThreadPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
            fitted = pool.map(PairScale.fit_trees, pairs, features, logs, repeat(weight))
            self.pairs_ = dict(zip(names, fitted, strict=True))
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """(rows,) log volatility relative to the slow level."""
        baseline = B1Scale().predict(X)
        weights = self.recipe.target_weights
        blend = np.sum([weight * self.pairs_[name].predict(X) for name, weight in weights.items()], axis=0)
        return np.where(np.isfinite(blend), blend, baseline)


def _row_dot(values: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Row-wise dot product whose result for a row does not depend on how many other rows there are.

    The order in which a row is summed follows the memory layout, so it is made the same for every number of rows.
    """
    return np.asarray(np.ascontiguousarray(values * coefficients).sum(axis=1), dtype=np.float64)
