"""Exact risk measures on weighted scenarios: value at risk, expected shortfall, insolvency margin.

Every measure walks the losses from the largest down and stops as soon as its answer is fixed, so the kernel needs the
sorted tail of an account only; value at risk and insolvency margin call the kernel's walk on all losses sorted.
"""

from __future__ import annotations

import math

from levercap.core.names import FloatArray
from levercap.core.weighted_tail import expected_shortfall, largest_first, tail_of
from levercap.risk.kernel import margin_sorted, var_sorted

__all__ = ["expected_shortfall", "insolvency_margin", "value_at_risk"]


def value_at_risk(losses: FloatArray, weights: FloatArray, level: float) -> float:
    """Smallest loss x with P(loss <= x) >= level.

    Parameters
    ----------
    losses, weights, level : as in `expected_shortfall`

    Raises
    ------
    ValueError : as `expected_shortfall`
    """
    descending, w = largest_first(losses, weights)
    return float(var_sorted(descending, w, len(w), tail_of(level)))


def insolvency_margin(losses: FloatArray, weights: FloatArray, budget: float) -> float:
    """Smallest margin m >= 0 whose expected bad debt ``E[(loss - m)+]`` is at most `budget`.

    Parameters
    ----------
    losses, weights : as in `expected_shortfall`; closing costs are part of the loss
    budget : expected bad debt allowed, in the unit of the losses; at least zero

    Notes
    -----
    The expected bad debt is piecewise linear and decreasing in m with kinks at the losses. With the i largest losses
    above m it equals ``sum w_j l_j - m sum w_j``; the first i whose solution does not fall below the next loss is the
    exact answer.
    """
    if not (math.isfinite(budget) and budget >= 0):
        raise ValueError(f"budget must be finite and at least zero, got {budget}")
    descending, w = largest_first(losses, weights)
    return float(margin_sorted(descending, w, len(w), budget))
