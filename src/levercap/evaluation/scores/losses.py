"""Scoring rules: every function gives one loss per row, lower is better, and is minimal in expectation at the truth.

Losses of a position are positive (``loss > 0`` is money lost), and so are `var` and `es`; `level` is the confidence, so
that P(loss > var) = 1 - level for a correct forecast. A missing value anywhere in a row gives a missing score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = [
    "fz0",
    "log_loss",
    "pinball",
]


def pinball(loss: ArrayLike, var: ArrayLike, level: float) -> FloatArray:
    """Quantile loss of a value at risk, in the units of `loss`; minimal in expectation at the `level` quantile.

    Notes
    -----
    ``level * (loss - var)`` where the loss exceeds the forecast, ``(1 - level) * (var - loss)`` elsewhere
    (Koenker and Bassett, 1978).
    """
    _check_level(level)
    excess = _floats(loss) - _floats(var)
    return np.where(excess > 0, level * excess, (level - 1.0) * excess)


def fz0(loss: ArrayLike, var: ArrayLike, es: ArrayLike, level: float) -> FloatArray:
    """Joint loss of a pair (value at risk, expected shortfall), dimensionless.

    Compare models by difference only: a change of units adds a constant, so ratios mean nothing.

    Parameters
    ----------
    loss, var, es : positive losses, same units, broadcastable
    level : confidence, e.g. 0.99

    Raises
    ------
    ValueError
        when an `es` is zero or negative: the score is not defined there, and must not look like a good one

    Notes
    -----
    With a = 1 - level, ``(loss - var)+ / (a es) + var / es + log(es) - 1``: the zero-homogeneous member of the
    Fissler-Ziegel family (Patton, Ziegel and Chen, Journal of Econometrics 2019, eq. 6), written for positive losses.
    """
    _check_level(level)
    v, e = _floats(var), _floats(es)
    if (e <= 0).any():
        raise ValueError(f"fz0 needs es > 0; {int((e <= 0).sum())} of {e.size} values are not")
    excess = np.maximum(_floats(loss) - v, 0.0)
    return np.asarray(excess / ((1.0 - level) * e) + v / e + np.log(e) - 1.0)


def log_loss(event: ArrayLike, probability: ArrayLike) -> FloatArray:
    """Negative log likelihood of a probability, in nats; infinite when what was called impossible happens."""
    y, p = np.broadcast_arrays(_floats(event), _probabilities(probability))
    of_outcome = np.where(y > 0.5, p, 1.0 - p)
    with np.errstate(divide="ignore"):
        score = -np.log(of_outcome)
    return np.where(np.isnan(y), np.nan, score)


def _floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _check_level(level: float) -> None:
    if not 0.5 < level < 1.0:
        raise ValueError(f"level is a confidence between 0.5 and 1, for example 0.99; got {level}")


def _probabilities(values: ArrayLike) -> FloatArray:
    p = _floats(values)
    bad = (p < 0) | (p > 1)
    if bad.any():
        raise ValueError(f"probabilities lie in [0, 1]; {int(bad.sum())} of {p.size} values do not")
    return p
