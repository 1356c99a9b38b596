"""Shock residual: log odds to add to those that the volatility forecast implies."""

from __future__ import annotations

from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from levercap.core.names import BARRIERS, BoolArray, FloatArray, Side
from levercap.forecast.recipe import RECIPE, ShockRecipe
from levercap.forecast.tree_text import booster_from_text

__all__ = ["ShockResidual", "column", "logit", "side_features"]

OWN_INPUTS = 3
"""Inputs beside the features: volatility, implied log odds, barrier."""

LARGEST_LOG_ODDS = 10.0
"""Bound of what is added to the implied log odds, whatever the trees say."""


def column(side: str, barrier: float) -> str:
    """Name of the probability's column, for example ``shock_probability_long_10`` for ten percent."""
    return f"shock_probability_{side}_{round(100 * barrier):02d}"


def logit(probability: FloatArray) -> FloatArray:
    """Log odds."""
    return np.asarray(np.log(probability / (1.0 - probability)), dtype=np.float64)


def side_features(features: pd.DataFrame, side: str, recipe: ShockRecipe = RECIPE.shock) -> pd.DataFrame:
    """Features from the point of view of a side, so that one model learns from longs and shorts.

    Returns and shares of downside variance change sign for shorts. ``ahead`` is how far the price stands from the
    side's worst price of the window (for a long: the run-up), ``behind`` how far from its best (the drawdown). Features
    that the table lacks are left out.
    """
    sign = 1.0 if side == Side.LONG else -1.0
    columns = {name: sign * features[name] for name in recipe.directed if name in features}
    columns |= {name: sign * (features[name] - 0.5) for name in recipe.shares if name in features}
    for window in recipe.extension_windows:
        run_up, drawdown = f"run_up_{window}", f"drawdown_{window}"
        if run_up in features and drawdown in features:
            ahead, behind = (features[run_up], -features[drawdown])
            columns[f"ahead_{window}"] = ahead if side == Side.LONG else behind
            columns[f"behind_{window}"] = behind if side == Side.LONG else ahead
    columns |= {name: features[name] for name in recipe.undirected if name in features}
    return pd.DataFrame(columns, index=features.index, dtype=np.float64)


class ShockResidual(BaseEstimator):  # type: ignore[misc]
    """Shallow boosted trees on the log loss, started from the implied log odds (LightGBM's ``init_score``).

    One model for both sides and all barriers: a row is used once per side and barrier, with `side_features`, the
    volatility forecast, the implied log odds and the barrier as inputs. Everything a row is judged by is its own, so a
    prediction does not depend on the rows beside it. Nothing of the rest of the market enters: two thousand days are
    too few to learn from what all coins share.
    """

    def __init__(self, recipe: ShockRecipe = RECIPE.shock) -> None:
        self.recipe = recipe

    def fit(
        self, features: pd.DataFrame, volatility: FloatArray, implied: pd.DataFrame, outcomes: pd.DataFrame
    ) -> Self:
        """Fit on rows whose implied probabilities were made before their outcomes.

        Parameters
        ----------
        features : (rows, ...) feature table
        volatility : (rows,) out-of-sample forecast per 24 h
        implied : (rows, sides x barriers) probabilities that follow from it, columns from `column`; NaN where none
        outcomes : columns path_long and path_short, fractions of the price; NaN where not known

        Probabilities with fewer than 50 events, or 50 non-events, are left as they are implied.
        """
        self.columns_ = list(self._side(features, Side.LONG).columns)
        self.names_: list[str] = []
        self.booster_: lgb.Booster | None = None
        designs, events, offsets = [], [], []
        for side, barrier in self._pairs():
            name, loss = column(side, barrier), outcomes[f"path_{side}"].to_numpy(dtype=float)
            design, usable = self._design(features, volatility, implied, side, barrier)
            known = usable & ~np.isnan(loss)
            event = loss[known] >= barrier
            if min(event.sum(), (~event).sum()) >= self.recipe.smallest_events:
                self.names_.append(name)
                designs.append(design[known])
                events.append(event.astype(np.float64))
                offsets.append(logit(implied[name].to_numpy()[known]))
        if self.names_ and self.columns_:
            data = lgb.Dataset(np.concatenate(designs), np.concatenate(events), init_score=np.concatenate(offsets))
            self.booster_ = lgb.train(self._parameters(), data, self.recipe.rounds)
        return self

    def predict(self, features: pd.DataFrame, volatility: FloatArray, implied: pd.DataFrame) -> pd.DataFrame:
        """(rows, sides x barriers) log odds to add to the implied ones; 0 where a feature is missing."""
        table = {column(side, barrier): np.zeros(len(features)) for side, barrier in self._pairs()}
        if self.booster_ is None or not set(self.columns_) <= set(self._side(features[:0], Side.LONG).columns):
            return pd.DataFrame(table, index=features.index)
        for side, barrier in self._pairs():
            name = column(side, barrier)
            design, usable = self._design(features, volatility, implied, side, barrier)
            if name in self.names_ and usable.any():
                found = self.booster_.predict(design[usable], raw_score=True, num_threads=1)
                table[name][usable] = np.clip(np.asarray(found, dtype=np.float64), -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
        return pd.DataFrame(table, index=features.index)

    def _design(
        self, features: pd.DataFrame, volatility: FloatArray, implied: pd.DataFrame, side: str, barrier: float
    ) -> tuple[FloatArray, BoolArray]:
        own = self._side(features, side)[self.columns_].to_numpy()
        probability = implied[column(side, barrier)].to_numpy(dtype=float)
        rest = [np.log(volatility), logit(probability), np.full(len(features), barrier)]
        design = np.column_stack([own, *rest])
        return design, np.isfinite(design).all(axis=1)

    def _side(self, features: pd.DataFrame, side: str) -> pd.DataFrame:
        return side_features(features, side, self.recipe)

    def _pairs(self) -> list[tuple[str, float]]:
        return [(str(side), barrier) for side in Side for barrier in BARRIERS]

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "binary",
            "boost_from_average": False,  # the start is the implied probability
            "learning_rate": self.recipe.learning_rate,
            "num_leaves": self.recipe.leaves,
            "min_data_in_leaf": self.recipe.smallest_leaf,
            "lambda_l2": self.recipe.leaf_penalty,
            "feature_fraction": self.recipe.feature_share,
            "bagging_fraction": self.recipe.row_share,
            "bagging_freq": 1,
            "max_bin": self.recipe.bins,
            "seed": self.recipe.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted estimator beside the trees, as plain values."""
        r = self.recipe
        fitted = {"columns": self.columns_, "names": self.names_}
        return {"rounds": r.rounds, "leaves": r.leaves, "seed": r.seed, **fitted}

    @classmethod
    def from_state(cls, state: dict[str, Any], trees: str | None, recipe: ShockRecipe = RECIPE.shock) -> Self:
        """The fitted estimator from `to_state` and LightGBM's text; None when nothing was learned.

        Raises ValueError when the text is not one that LightGBM may be given.
        """
        model = cls(recipe)
        model.columns_, model.names_ = state["columns"], state["names"]
        inputs = len(model.columns_) + OWN_INPUTS
        model.booster_ = None if trees is None else booster_from_text(trees, inputs, "binary sigmoid:1")
        return model
