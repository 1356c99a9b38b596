"""Scores of whole distributions given as weighted ensembles (scenarios), with the weight on the tail that matters.

Losses are positive, so the tail is the upper one. Every function gives one score per row in the units of the loss,
lower is better, minimal in expectation at the truth. A row with a missing loss or member has a missing score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = ["crps", "quantile_weighted_crps", "threshold_weighted_crps"]

ELEMENTS_AT_ONCE = 2**17
"""Rows times members worked on together, which bounds the memory."""


def crps(loss: ArrayLike, members: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Continuous ranked probability score of an ensemble.

    Parameters
    ----------
    loss : (rows,) what happened
    members : (rows, members), or (members,) when all rows share one ensemble
    weights : members' probabilities, (members,) or (rows, members), not negative, not all zero; scaled to sum to one.
        Equal when None

    Returns
    -------
    FloatArray
        (rows,)

    Notes
    -----
    ``integral of (F(z) - 1{loss <= z})^2 dz = E|X - loss| - E|X - X'| / 2`` (Gneiting and Raftery, 2007), computed as
    ``2 * integral of pinball over all levels``, which for sorted members is one sum.
    """
    return quantile_weighted_crps(loss, members, 0.0, weights)


def threshold_weighted_crps(
    loss: ArrayLike, members: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> FloatArray:
    """CRPS that looks only at losses above `threshold`.

    Parameters
    ----------
    threshold : loss above which the forecast matters, the same for every model compared, and chosen before the losses
        are seen: scoring only the days on which something large happened rewards crying wolf
    loss, members, weights : as for `crps`

    Notes
    -----
    ``integral over z >= threshold of (F(z) - 1{loss <= z})^2 dz`` (Gneiting and Ranjan, 2011), which is the CRPS after
    everything below the threshold is moved up to it (Allen, Ginsbourger and Ziegel, 2023). Zero where neither the
    forecast nor the loss reaches the threshold.
    """
    if not np.isfinite(threshold):
        raise ValueError(f"threshold is a loss, in the units of the forecasts; got {threshold}")
    clipped = np.maximum(np.asarray(members, dtype=np.float64), threshold)
    return crps(np.maximum(np.asarray(loss, dtype=np.float64), threshold), clipped, weights)


def quantile_weighted_crps(
    loss: ArrayLike, members: ArrayLike, level: float, weights: ArrayLike | None = None
) -> FloatArray:
    """CRPS that looks only at the forecast's quantiles above `level`: a pinball score of the whole tail.

    Parameters
    ----------
    level : confidence from which the tail is scored, e.g. 0.95; 0 scores the whole distribution
    loss, members, weights : as for `crps`

    Notes
    -----
    ``2 * integral over u >= level of pinball_u(loss, q(u)) du``, q the ensemble's quantile function (Gneiting and
    Ranjan, 2011). Needs no threshold in the units of the loss, so calm and stormy days both count.
    """
    if not 0.0 <= level < 1.0:
        raise ValueError(f"level is a confidence from 0 to below 1, for example 0.95; got {level}")
    y, x, w = _aligned(loss, members, weights)
    step = max(1, ELEMENTS_AT_ONCE // x.shape[1])
    parts = [slice(i, i + step) for i in range(0, len(y), step)]
    return np.concatenate([_tail_score(y[part], x[part], w[part], level) for part in parts] or [np.empty(0)])


def _tail_score(y: FloatArray, members: FloatArray, weights: FloatArray, level: float) -> FloatArray:
    """(rows,) integral over the levels above `level`; `members` and `weights` are (rows, members)."""
    order = np.argsort(members, axis=1)  # NaN last
    x = np.take_along_axis(members, order, axis=1)
    upper = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    upper /= upper[:, -1:]
    np.maximum(upper, level, out=upper)
    width = np.diff(upper, axis=1, prepend=level)
    middle = upper - 0.5 * width
    # Over each width the quantile is x: the integral of 2 (1{y < x} - u) (x - y) du.
    gap = x - y[:, None]
    return np.asarray(2.0 * (gap * width * ((gap > 0) - middle)).sum(axis=1))


def _aligned(
    loss: ArrayLike, members: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(rows,) losses, (rows, members) members and weights; the latter two may be views of one row."""
    y = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    x = np.atleast_2d(np.asarray(members, dtype=np.float64))
    if y.ndim != 1 or x.ndim != 2 or x.shape[1] == 0 or len(x) not in (1, len(y)):
        raise ValueError(
            f"expected loss of shape (rows,) and members of shape (rows, members) or (members,); got {y.shape} and "
            f"{np.shape(members)}"
        )
    shape = (len(y), x.shape[1])
    w = np.ones((1, x.shape[1])) if weights is None else np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if w.shape[1] != x.shape[1] or len(w) not in (1, len(y)):
        raise ValueError(f"expected one weight per member, {x.shape[1]}; got weights of shape {w.shape}")
    if not (np.isfinite(w).all() and (w >= 0).all() and (w.sum(axis=1) > 0).all()):
        raise ValueError("weights are probabilities: finite, not negative, and not all zero")
    return y, np.broadcast_to(x, shape), np.broadcast_to(w, shape)
