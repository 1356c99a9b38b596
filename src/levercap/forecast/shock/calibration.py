"""Calibration of shock probabilities: a line on the log odds, drawn towards the identity by a prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from levercap.core.names import BoolArray, FloatArray
from levercap.forecast.recipe import RECIPE, ShockRecipe

__all__ = ["calibration_line", "day_clustering"]

ITERATIONS, TOLERANCE, LARGEST_STEP = 100, 1e-10, 1.0


def calibration_line(
    score: FloatArray, event: BoolArray, day: NDArray[np.generic], recipe: ShockRecipe = RECIPE.shock
) -> tuple[float, float]:
    """Intercept and slope that turn a log-odds `score` (rows,) into calibrated log odds.

    Notes
    -----
    Logistic regression of the event on the score (Cox 1958; Platt 1999), maximum a posteriori under independent normal
    priors centred on the identity. The prior of the intercept is at the centre of the informative scores, so that it
    refers to the general level. Events of one day come together, so every row counts 1 / `day_clustering` (the design
    effect; Kish 1965): thirty coins that fall on one day are one observation rather than thirty.

    Without the prior the intercept follows the last regime and scores worse than no calibration; isotonic regression,
    and beta calibration (Kull, Silva Filho and Flach 2017), which has one more number to learn, do not do better.
    """
    probability = expit(score)
    event = event.astype(np.float64)
    information = probability * (1.0 - probability)
    centre = float(np.average(score, weights=information))
    weight = 1.0 / day_clustering(event - probability, day)
    design = np.column_stack([np.ones_like(score), score - centre])
    precision = np.array([recipe.intercept_deviation, recipe.slope_deviation]) ** -2
    change = np.zeros(2)
    for _ in range(ITERATIONS):
        fitted = expit(score + design @ change)
        gradient = weight * (design.T @ (event - fitted)) - precision * change
        hessian = weight * ((design * (fitted * (1.0 - fitted))[:, None]).T @ design) + np.diag(precision)
        step = np.clip(np.linalg.solve(hessian, gradient), -LARGEST_STEP, LARGEST_STEP)
        change = change + step
        if np.abs(step).max() < TOLERANCE:
            break
    return float(change[0] - change[1] * centre), float(1.0 + change[1])


def day_clustering(residual: FloatArray, day: NDArray[np.generic]) -> float:
    """Design effect of days, at least 1: sum of squared daily sums over sum of squares."""
    _, index = np.unique(day, return_inverse=True)
    daily = np.bincount(index, residual)
    total = float((residual**2).sum())
    return max(1.0, float((daily**2).sum()) / total) if total > 0 else 1.0
