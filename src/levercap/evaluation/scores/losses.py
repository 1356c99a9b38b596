"""Scoring rules: every function gives one loss per row, lower is better, and is minimal in expectation at the truth.

Losses of a position are positive (``loss > 0`` is money lost), and so are `var` and `es`; `level` is the confidence, so
that P(loss > var) = 1 - level for a correct forecast. A missing value anywhere in a row gives a missing score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray

__all__ = ["brier", "fz0", "log_loss", "pinball", "qlike", "skill"]


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


def qlike(realised_volatility: ArrayLike, volatility: ArrayLike) -> FloatArray:
    """Loss of a volatility forecast: zero when it equals the realised volatility, else positive; dimensionless.

    Parameters
    ----------
    realised_volatility, volatility : same horizon and units; squared inside, because QLIKE is robust to a noisy
        realised measure for variances only (Patton, Journal of Econometrics 2011)

    Notes
    -----
    ``x - log(x) - 1`` with x = realised variance / forecast variance. A realised volatility of zero has no finite score
    and counts as missing.
    """
    realised, forecast = _floats(realised_volatility), _floats(volatility)
    if (forecast <= 0).any():
        raise ValueError(f"qlike needs volatility > 0; {int((forecast <= 0).sum())} of {forecast.size} values are not")
    ratio = np.square(np.where(realised > 0, realised, np.nan) / forecast)
    return np.asarray(ratio - np.log(ratio) - 1.0)


def brier(event: ArrayLike, probability: ArrayLike) -> FloatArray:
    """Squared error of a probability: ``(probability - event)^2``, `event` being 0 or 1 (Brier, 1950)."""
    return np.square(_probabilities(probability) - _floats(event))


def log_loss(event: ArrayLike, probability: ArrayLike) -> FloatArray:
    """Negative log likelihood of a probability, in nats; infinite when what was called impossible happens."""
    y, p = np.broadcast_arrays(_floats(event), _probabilities(probability))
    of_outcome = np.where(y > 0.5, p, 1.0 - p)
    with np.errstate(divide="ignore"):
        score = -np.log(of_outcome)
    return np.where(np.isnan(y), np.nan, score)


def skill(score: ArrayLike, reference: ArrayLike) -> float:
    """Share of the reference's mean loss that is saved: ``1 - mean(score) / mean(reference)``; higher is better.

    For pinball, QLIKE, Brier and log loss. Not for FZ0, whose sign is arbitrary: compare that by difference. Rows
    missing on either side are left out of both.
    """
    s, r = np.broadcast_arrays(_floats(score), _floats(reference))
    both = ~(np.isnan(s) | np.isnan(r))
    if not both.any():
        return float("nan")
    base = float(r[both].mean())
    if base <= 0:
        return float("nan")
    return 1.0 - float(s[both].mean()) / base


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
