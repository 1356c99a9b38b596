"""Calibration of probabilities: reliability table, Brier decomposition and Cox calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from levercap.core.names import FloatArray

__all__ = ["BrierParts", "brier_decomposition", "cox_calibration", "reliability_table", "wilson_interval"]

SMALLEST_PROBABILITY = 1e-6
"""Probabilities nearer to 0 or 1 than this are moved here before a logit is taken."""


@dataclass(frozen=True)
class BrierParts:
    """CORP decomposition of the Brier score: ``brier = miscalibration - discrimination + uncertainty``.

    Attributes
    ----------
    brier : mean squared error of the probabilities
    miscalibration : what recalibration would save; 0 is perfect
    discrimination : what the recalibrated forecast saves over always saying the base rate; larger is better
    uncertainty : score of always saying the base rate
    """

    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def wilson_interval(events: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Score interval of a proportion (Wilson, 1927); arguments broadcast and need not be whole numbers."""
    x, n = np.asarray(events, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    z = float(norm.ppf(0.5 + confidence / 2.0))
    p = x / n
    centre = (p + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * np.sqrt(p * (1.0 - p) / n + z**2 / (4.0 * n**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def reliability_table(
    event: ArrayLike, probability: ArrayLike, bins: int = 10, day: ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Predicted against observed frequency in bins of equal counts.

    Parameters
    ----------
    event : (rows,) 0 or 1; rows with a missing value are left out
    probability : (rows,) forecasts
    bins : number of bins; equal probabilities are never split, so there may be fewer
    day : (rows,) day of each row. When given, the intervals know that events of one day come together: the count is
        replaced by the number of independent trials as precise (Korn and Graubard, 1998)
    confidence : of the Wilson intervals

    Returns
    -------
    DataFrame
        count, events, predicted (mean probability), observed (frequency), low, high, effective_count; ordered by
        probability
    """
    y, p, keep = _known(event, probability)
    group = _equal_count_bins(p, bins)
    days = None if day is None else np.asarray(day)[keep]
    lines = []
    for code in np.unique(group):
        inside = group == code
        count, events = int(inside.sum()), float(y[inside].sum())
        effective = float(count) if days is None else _effective_count(y[inside], days[inside])
        low, high = wilson_interval(events / count * effective, effective, confidence)
        lines.append((count, int(events), float(p[inside].mean()), events / count, float(low), float(high), effective))
    columns = ["count", "events", "predicted", "observed", "low", "high", "effective_count"]
    return pd.DataFrame(lines, columns=columns)


def brier_decomposition(event: ArrayLike, probability: ArrayLike) -> BrierParts:
    """Miscalibration, discrimination and uncertainty of the Brier score by isotonic recalibration.

    Notes
    -----
    CORP (Dimitriadis, Gneiting and Jordan, PNAS 2021): the recalibrated probability is the pool-adjacent-violators fit
    of the events on the forecasts, so no bins have to be chosen; all three parts are non-negative.
    """
    y, p, _ = _known(event, probability)
    recalibrated = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y).predict(p)
    score = float(np.mean((p - y) ** 2))
    recalibrated_score = float(np.mean((recalibrated - y) ** 2))
    base = float(np.mean((y.mean() - y) ** 2))
    return BrierParts(score, max(score - recalibrated_score, 0.0), max(base - recalibrated_score, 0.0), base)


def cox_calibration(event: ArrayLike, probability: ArrayLike) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of the event on the logit of its probability (Cox, 1958).

    0 and 1 are perfect. A slope below 1 means that forecasts are too extreme; an intercept above 0, at slope 1, that
    they are too low. NaN when all or none of the events happened or all probabilities are equal: the line is not
    identified.
    """
    y, p, _ = _known(event, probability)
    x = logit(np.clip(p, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY))
    if y.min() == y.max() or np.ptp(x) == 0:
        return float("nan"), float("nan")
    design = np.column_stack([np.ones_like(x), x])
    beta = np.array([0.0, 1.0])
    for _ in range(100):
        mean = expit(design @ beta)
        information = (design * (mean * (1.0 - mean))[:, None]).T @ design
        step = np.linalg.solve(information + 1e-12 * np.eye(2), design.T @ (y - mean))
        step *= min(
            1.0, 5.0 / max(float(np.abs(step).max()), 1e-300)
        )  # Newton may overshoot where fits are near 0 or 1
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(beta[1])


def _known(
    event: ArrayLike, probability: ArrayLike
) -> tuple[FloatArray, FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    y, p = np.asarray(event, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    keep = ~(np.isnan(y) | np.isnan(p))
    if not keep.any():
        raise ValueError("no row has both a known event and a probability")
    if ((p[keep] < 0) | (p[keep] > 1)).any() or not np.isin(y[keep], (0.0, 1.0)).all():
        raise ValueError("events must be 0 or 1 and probabilities lie in [0, 1]")
    return y[keep], p[keep], keep


def _equal_count_bins(p: FloatArray, bins: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    last = np.maximum(np.arange(1, bins) * len(p) // bins - 1, 0)
    edges = np.unique(np.sort(p)[last])
    return np.searchsorted(edges, p, side="left")


def _effective_count(y: FloatArray, day: np.ndarray[tuple[int], np.dtype[np.generic]]) -> float:
    """Independent trials that would know the event rate as precisely as these rows, clustered by day."""
    _, index = np.unique(day, return_inverse=True)
    rate, count = float(y.mean()), len(y)
    days = int(index.max()) + 1
    if rate in (0.0, 1.0) or days < 2:
        return float(days)
    residual = np.bincount(index, y - rate)  # ratio estimator: days may hold different numbers of rows
    error = float(np.sqrt((residual**2).sum() * days / (days - 1))) / count
    return float(np.clip(rate * (1.0 - rate) / error**2, 1.0, count)) if error > 0 else float(count)
