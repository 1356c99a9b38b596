"""Feature attributions of the volatility forecast: SHAP values and ridge coefficients of the last refit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.evidence.columns import Learner, frame

__all__ = ["attributions"]

MOST_ROWS = 5000


def attributions(scale: Any, features: pd.DataFrame) -> pd.DataFrame:
    """Mean size of every feature's part in the forecast, by learner; empty for a scale that learns nothing.

    Parameters
    ----------
    scale : the fitted scale of a forecaster
    features : rows of the feature table that it was asked about

    Notes
    -----
    For the trees the mean absolute SHAP value (Lundberg and Lee, 2017), which LightGBM computes exactly; for the ridge
    regression coefficient times the deviation of the feature, whose coefficients are of standardised features already.
    Both in units of log volatility. Features that move together share their attribution in no fixed way.
    """
    parts = _parts(scale, features.iloc[:: max(1, len(features) // MOST_ROWS)])
    lines = []
    for learner, contribution in parts.items():
        ordered = contribution.sort_values(ascending=False, kind="stable")
        total = float(ordered.sum())
        lines += [
            {"learner": str(learner), "feature": name, "contribution": value,
             "share": value / total if total else np.nan, "rank": rank}
            for rank, (name, value) in enumerate(ordered.items(), start=1)
        ]  # fmt: skip
    return frame("attributions", lines)


def _parts(scale: Any, features: pd.DataFrame) -> dict[str, pd.Series]:
    """Learner -> contribution by feature; what several targets make of a feature is added up before its size counts."""
    shap: dict[str, FloatArray] = {}
    slope: dict[str, float] = {}
    for weight, pair in _pairs(scale) if len(features) else ():
        values = features.reindex(columns=pair.boosted_.columns_).to_numpy(dtype=float)
        parts = np.asarray(pair.boosted_.booster_.predict(values, pred_contrib=True, num_threads=1))[:, :-1]
        for name, part in zip(pair.boosted_.columns_, parts.T, strict=True):
            shap[name] = shap.get(name, 0.0) + weight * part
        for name, coefficient in zip(pair.ridge_.columns_, pair.ridge_.coefficients_, strict=True):
            slope[name] = slope.get(name, 0.0) + weight * float(coefficient)
    learners = {
        Learner.BOOSTED: pd.Series({name: float(np.abs(part).mean()) for name, part in shap.items()}, dtype=float),
        Learner.RIDGE: pd.Series({name: abs(part) for name, part in slope.items()}, dtype=float),
    }
    return {name: parts for name, parts in learners.items() if len(parts)}


def _pairs(scale: Any) -> list[tuple[float, Any]]:
    """Pairs of trees and ridge regression with their weights: all that is known here of how a scale is built."""
    pairs = getattr(scale, "pairs_", {})
    return [(scale.recipe.target_weights[target], pair) for target, pair in pairs.items()]
