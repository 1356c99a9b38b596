"""Co-movement: correlation and beta with the other symbols, and breadth of large moves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import HIT_THRESHOLD, broadcast, mean_of_others, row_mean
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients
from levercap.features.smoothing import ewma, rolling_mean

__all__ = ["DESCRIPTIONS", "comovement_features"]

HALF_LIVES = {"7d": 168, "30d": 720, "90d": 2160}
LARGEST_CORRELATION = 0.99
LARGEST_BETA = 5.0
SMALLEST_VARIANCE = 1e-12


DESCRIPTIONS = (
    *described(
        "market_correlation_{}",
        ("30d", "90d"),
        "EWMA correlation of the hourly return with the mean of the other symbols, half-life {}",
        "atanh of correlation",
    ),
    Description("market_correlation_shift", "the same at half-life 7 days less that at 90 days", "difference of atanh"),
    *described(
        "market_beta_{}",
        ("30d", "90d"),
        "EWMA slope of the hourly return on the mean of the other symbols, half-life {}",
        "slope, within +-5",
    ),
    Description("hit_breadth_24h", "share of symbols whose 24-hour return is beyond 2 slow volatilities", "share"),
    Description(
        "downside_breadth_24h", "share of symbols that fell by more than 2 slow volatilities in a day", "share"
    ),
    Description("downside_breadth_7d", "its mean over 7 days", "share"),
)


def comovement_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    own = x.hourly / np.exp(slow)
    market = _others(own)
    own = np.where(np.isnan(market), np.nan, own)
    correlation = {}
    for label, half_life in HALF_LIVES.items():
        correlation[label] = _correlation(own, market, half_life)
    yield "market_correlation_30d", correlation["30d"]
    yield "market_correlation_90d", correlation["90d"]
    yield "market_correlation_shift", correlation["7d"] - correlation["90d"]
    for label in ("30d", "90d"):
        yield f"market_beta_{label}", _beta(x.hourly, HALF_LIVES[label])
    hit, down = (_share_beyond(x.daily, slow, side) for side in ("both", "down"))
    yield "hit_breadth_24h", broadcast(hit, slow)
    yield "downside_breadth_24h", broadcast(down, slow)
    yield "downside_breadth_7d", broadcast(rolling_mean(down, 168), slow)


def _others(values: FloatArray) -> FloatArray:
    """Mean over the other symbols, NaN where the own value is missing or alone."""
    count = (~np.isnan(values)).sum(axis=1, keepdims=True)
    return np.where((count > 1) & ~np.isnan(values), mean_of_others(values), np.nan)


def _correlation(own: FloatArray, market: FloatArray, half_life: int) -> FloatArray:
    """Inverse hyperbolic tangent of the exponentially weighted correlation, means taken as zero."""
    product, first, second = (ewma(v, half_life, 240) for v in (own * market, own**2, market**2))
    ratio = _ratio(product, np.sqrt(first * second))
    return np.arctanh(np.clip(ratio, -LARGEST_CORRELATION, LARGEST_CORRELATION))


def _beta(hourly: FloatArray, half_life: int) -> FloatArray:
    """Exponentially weighted slope of the hourly return on the mean return of the other symbols, within +-5."""
    market = _others(hourly)
    product, square = (ewma(v, half_life, 240) for v in (hourly * market, market**2))
    return np.clip(_ratio(product, square), -LARGEST_BETA, LARGEST_BETA)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient, NaN where the denominator is no more than rounding."""
    usable = below > SMALLEST_VARIANCE
    return np.divide(above, below, out=np.full_like(above, np.nan), where=usable)


def _share_beyond(daily: FloatArray, slow: FloatArray, side: str) -> FloatArray:
    """(hours,) share of symbols whose 24-hour return lies beyond two slow volatilities."""
    size = np.abs(daily) if side == "both" else -daily
    unknown = np.isnan(daily) | np.isnan(slow)
    return row_mean(np.where(unknown, np.nan, size > HIT_THRESHOLD * np.exp(slow)))
