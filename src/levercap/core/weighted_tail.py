"""Expected shortfall of weighted losses, and the weight each loss has in it.

The compiled kernel of `levercap.risk` holds its own copy of this walk, equal to the last bit: numba renews a compiled
function when its own file changes, not when a function it calls does.
"""

from __future__ import annotations

import numpy as np

from levercap.core.names import FloatArray

__all__ = ["WEIGHT_TOLERANCE", "expected_shortfall", "largest_first", "tail_of", "tail_weights"]

WEIGHT_TOLERANCE = 1e-12
"""Cumulative weights closer than this to a tail weight count as equal to it: 10 x 0.001 is the 1 % tail."""


def expected_shortfall(losses: FloatArray, weights: FloatArray, level: float) -> float:
    """Mean loss of the worst ``1 - level`` of the weight; the scenario on the edge counts with the fraction that fits.

    Parameters
    ----------
    losses : (scenarios,) positive = loss
    weights : (scenarios,) positive, normalised here to sum to one
    level : confidence in (0, 1)

    Raises
    ------
    ValueError : shapes differ, an entry is not finite, a weight is not positive, or `level` lies outside (0, 1)

    Notes
    -----
    ``ES = (1 / (1 - level)) * integral of the quantile function over (level, 1)``, Acerbi and Tasche (2002),
    "On the coherence of expected shortfall".
    """
    tail = tail_of(level)
    descending, w = largest_first(losses, weights)
    total = np.cumsum(tail_weights(w, tail) * descending)[-1]  # one after the other, as the kernel adds
    above = np.cumsum(w)[-1]
    return float(total / (tail if above > tail + WEIGHT_TOLERANCE else above))


def tail_weights(weights: FloatArray, tail: float) -> FloatArray:
    """(scenarios,) part of each weight that lies in the worst `tail`; `weights` in descending order of the losses."""
    above = np.cumsum(weights)
    edge = int(np.searchsorted(above, tail + WEIGHT_TOLERANCE, side="right"))
    part = np.where(np.arange(len(weights)) < edge, weights, 0.0)
    if edge < len(weights):
        part[edge] = tail - (above[edge - 1] if edge else 0.0)
    return part


def largest_first(losses: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arrays, largest loss first, equal ones in the order given, weights normalised; raises ValueError."""
    losses, weights = np.asarray(losses, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if losses.ndim != 1 or losses.shape != weights.shape or not len(losses):
        raise ValueError(
            f"losses {losses.shape} and weights {weights.shape} must be two equally long, non-empty vectors"
        )
    if not (np.isfinite(losses).all() and np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("losses must be finite and weights finite and positive")
    order = np.argsort(-losses, kind="stable")
    return losses[order], weights[order] / weights.sum()


def tail_of(level: float) -> float:
    """Weight beyond a confidence level; raises ValueError unless it lies in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    return 1.0 - level
