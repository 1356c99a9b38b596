"""Exact risk measures on weighted scenarios: value at risk, expected shortfall, insolvency margin.

Every measure walks the losses from the largest down and stops as soon as its answer is fixed, so the kernel can hand it
the sorted tail of an account only; the public functions sort everything and call the same walk.
"""

from __future__ import annotations

import math

import numpy as np

from levercap.core.names import FloatArray
from levercap.risk.kernel import es_sorted, margin_sorted, var_sorted

__all__ = ["expected_shortfall", "insolvency_margin", "value_at_risk"]


def value_at_risk(losses: FloatArray, weights: FloatArray, level: float) -> float:
    """Smallest loss x with P(loss <= x) >= level.

    Parameters
    ----------
    losses : (scenarios,) positive = loss
    weights : (scenarios,) positive, normalised here to sum to one
    level : confidence in (0, 1)

    Raises
    ------
    ValueError : shapes differ, an entry is not finite, a weight is not positive, or `level` lies outside (0, 1)
    """
    descending, w = _descending(losses, weights)
    return float(var_sorted(descending, w, len(w), _tail(level)))


def expected_shortfall(losses: FloatArray, weights: FloatArray, level: float) -> float:
    """Mean loss of the worst ``1 - level`` of the weight; the scenario on the edge counts with the fraction that fits.

    Parameters and errors as in `value_at_risk`.

    Notes
    -----
    ``ES = (1 / (1 - level)) * integral of the quantile function over (level, 1)``, Acerbi and Tasche (2002),
    "On the coherence of expected shortfall".
    """
    descending, w = _descending(losses, weights)
    return float(es_sorted(descending, w, len(w), _tail(level)))


def insolvency_margin(losses: FloatArray, weights: FloatArray, budget: float) -> float:
    """Smallest margin m >= 0 whose expected bad debt ``E[(loss - m)+]`` is at most `budget`.

    Parameters
    ----------
    losses, weights : as in `value_at_risk`; closing costs are part of the loss
    budget : expected bad debt allowed, in the unit of the losses; at least zero

    Notes
    -----
    The expected bad debt is piecewise linear and decreasing in m with kinks at the losses. With the i largest losses
    above m it equals ``sum w_j l_j - m sum w_j``; the first i whose solution does not fall below the next loss is the
    exact answer.
    """
    if not (math.isfinite(budget) and budget >= 0):
        raise ValueError(f"budget must be finite and at least zero, got {budget}")
    descending, w = _descending(losses, weights)
    return float(margin_sorted(descending, w, len(w), budget))


def _descending(losses: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arrays, largest loss first, weights normalised."""
    losses, weights = np.asarray(losses, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if losses.ndim != 1 or losses.shape != weights.shape or not len(losses):
        raise ValueError(
            f"losses {losses.shape} and weights {weights.shape} must be two equally long, non-empty vectors"
        )
    if not (np.isfinite(losses).all() and np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("losses must be finite and weights finite and positive")
    order = np.argsort(-losses, kind="stable")
    return losses[order], weights[order] / weights.sum()


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    return 1.0 - level
