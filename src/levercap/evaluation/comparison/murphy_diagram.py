"""Murphy diagrams: comparison of two models by every consistent score of value at risk or expected shortfall.

Every score that is minimal at the true value at risk is a mixture of elementary scores, one per threshold, and so is
every one for expected shortfall. A model whose elementary scores are lower at all thresholds is better by every such
score. Losses are positive, `level` is the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray
from levercap.core.verdicts import REFERENCE, Dominance
from levercap.evaluation.comparison.leaderboard import Row
from levercap.evaluation.resampling.bootstrap import bootstrap_means
from levercap.evaluation.resampling.day_blocks import studentized_ratio

__all__ = ["Dominance", "MurphyDiagram", "elementary_quantile", "elementary_shortfall", "murphy_diagram"]

JUDGED_DAYS = 20.0
"""Thresholds at which the difference rests on fewer days than this are drawn but not judged."""


@dataclass(frozen=True, eq=False)
class MurphyDiagram:
    """Elementary scores of a model and a reference.

    Attributes
    ----------
    curve : one row per threshold, in order: threshold (a loss), score and reference (mean over days of the
        cross-sectional mean), difference (below zero the model is better), low, high (pointwise interval of it)
    p_never_worse : p-value of the hypothesis that the model is at no threshold worse than the reference
    p_never_better : p-value of the hypothesis that it is at no threshold better
    verdict : dominates when only the second is rejected, dominated when only the first is, crosses when both are,
        undecided when neither
    """

    curve: pd.DataFrame = field(repr=False)
    p_never_worse: float
    p_never_better: float
    verdict: Dominance


def elementary_quantile(loss: ArrayLike, var: ArrayLike, threshold: ArrayLike, level: float) -> FloatArray:
    """Elementary score of a value at risk; arguments broadcast.

    ``1 - level`` where loss <= threshold < var, ``level`` where var <= threshold < loss, else 0: what acting on the
    forecast costs someone who insures against losses above `threshold` when the forecast is above it.

    Notes
    -----
    Ehm, Gneiting, Jordan and Krüger (JRSS B, 2016), eq. 9. Its integral over all thresholds is `pinball`.
    """
    y, x, t = (np.asarray(a, dtype=np.float64) for a in (loss, var, threshold))
    needless, missed = (y <= t) & (t < x), (x <= t) & (t < y)
    score = np.where(needless, 1.0 - level, np.where(missed, level, 0.0))
    return np.where(np.isnan(y) | np.isnan(x), np.nan, score)


def elementary_shortfall(
    loss: ArrayLike, var: ArrayLike, es: ArrayLike, threshold: ArrayLike, level: float
) -> FloatArray:
    """Elementary score of expected shortfall, given with the value at risk; arguments broadcast.

    Notes
    -----
    ``1{es <= t} ((loss - var)+ / (1 - level) + var - t) + (t - loss)+``: the second family of Ziegel, Krüger, Jordan
    and Fasciati (Journal of Financial Econometrics 2020, prop. 2.1), written for positive losses. Not negative, in the
    units of the loss. Differences of `fz0` are the integral over t > 0 of those of this score, weighted by ``1 / t^2``.
    """
    y, v, e, t = (np.asarray(a, dtype=np.float64) for a in (loss, var, es, threshold))
    acted = np.maximum(y - v, 0.0) / (1.0 - level) + v - t
    score = np.where(e <= t, acted, 0.0) + np.maximum(t - y, 0.0)
    return np.where(np.isnan(e), np.nan, score)


def murphy_diagram(
    row: Row,
    model: str,
    reference: str = REFERENCE,
    forecast: Literal["var", "es"] = "var",
    points: int = 50,
    block_days: int = 20,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> MurphyDiagram:
    """Compare two models by every score that is consistent for value at risk, or for expected shortfall.

    Parameters
    ----------
    row : forecasts of both models for one side, kind and level, and what happened
    model, reference : their names
    forecast : ``var`` for the scores of value at risk; ``es`` for those of expected shortfall
    points : thresholds, evenly spread over the forecasts of both models, beyond which the difference does not change
    block_days, draws, seed : of the bootstrap, by blocks of days, the same days for all thresholds
    confidence : of the pointwise interval, and of the verdict

    Raises
    ------
    ValueError
        when a model is not in the row, or the row is empty

    Notes
    -----
    The two hypotheses are tested by the largest t value over the thresholds, studentised also in the resamples, against
    its distribution when the models are equal at all thresholds; so the chance of a false verdict is bounded over all
    thresholds together, while the pointwise interval holds for one at a time.
    """
    _check(row, model, reference)
    thresholds = _thresholds(row, (model, reference), forecast, points)
    mine = _daily_scores(row, model, forecast, thresholds)
    theirs = _daily_scores(row, reference, forecast, thresholds)
    difference = mine - theirs
    means = bootstrap_means(difference, block_days, draws, seed)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    p_never_worse, p_never_better = _largest_t(difference, block_days, draws, seed)
    curve = pd.DataFrame(
        {
            "threshold": thresholds,
            "score": mine.mean(axis=0),
            "reference": theirs.mean(axis=0),
            "difference": difference.mean(axis=0),
            "low": low,
            "high": high,
        }
    )
    verdict = _verdict(p_never_worse <= 1.0 - confidence, p_never_better <= 1.0 - confidence)
    return MurphyDiagram(curve, p_never_worse, p_never_better, verdict)


def _thresholds(row: Row, models: tuple[str, str], forecast: str, points: int) -> FloatArray:
    forecasts = row.var if forecast == "var" else row.es
    pooled = np.concatenate([forecasts[m] for m in models])
    share = (np.arange(points) + 0.5) / points
    if forecast == "es":
        share[-1] = 1.0  # from the largest forecast on, the difference stays what it is
    return np.unique(np.quantile(pooled, share))


def _daily_scores(row: Row, model: str, forecast: str, thresholds: FloatArray) -> FloatArray:
    """(days, thresholds) elementary scores averaged over the instruments of each day."""
    codes, days = pd.factorize(row.day, sort=True)
    count = np.bincount(codes)
    daily = np.empty((len(days), len(thresholds)))
    for i, threshold in enumerate(thresholds):
        if forecast == "var":
            score = elementary_quantile(row.loss, row.var[model], threshold, row.level)
        else:
            score = elementary_shortfall(row.loss, row.var[model], row.es[model], threshold, row.level)
        daily[:, i] = np.bincount(codes, score) / count
    return daily


def _largest_t(difference: FloatArray, block_days: int, draws: int, seed: int) -> tuple[float, float]:
    """P-values of `difference`, (days, thresholds), being nowhere above zero, and nowhere below."""
    total, squares = np.abs(difference).sum(axis=0), np.square(difference).sum(axis=0)
    judged = (squares > 0) & (total**2 >= JUDGED_DAYS * squares)  # n equal days and zeros elsewhere count as n
    if not judged.any():
        return 1.0, 1.0
    ones = np.ones(len(difference))
    parts = [studentized_ratio(column, ones, block_days, draws, seed) for column in difference[:, judged].T]
    t, resampled = np.array([part[1] for part in parts]), np.column_stack([part[2] for part in parts])
    above = int((resampled.max(axis=1) >= t.max()).sum())
    below = int((resampled.min(axis=1) <= t.min()).sum())
    return (1 + above) / (1 + draws), (1 + below) / (1 + draws)


def _verdict(worse_somewhere: bool, better_somewhere: bool) -> Dominance:
    if worse_somewhere:
        return Dominance.CROSSES if better_somewhere else Dominance.DOMINATED
    return Dominance.DOMINATES if better_somewhere else Dominance.UNDECIDED


def _check(row: Row, model: str, reference: str) -> None:
    absent = [name for name in (model, reference) if name not in row.var]
    if absent:
        raise ValueError(f"no forecasts of {', '.join(absent)}; the models are {', '.join(row.var)}")
    if len(row.loss) == 0:
        raise ValueError(f"{row.side} {row.kind} {row.level}: no forecast with a known outcome in common")
