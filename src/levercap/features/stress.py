"""Signs of stress in one symbol: jumps, asymmetry, drawdown, traded value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import ewma, rolling_max, rolling_mean, rolling_min
from levercap.vocabulary import FloatArray

__all__ = ["stress_features"]


def stress_features(x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature; returns are divided by the slow volatility."""
    scale = np.exp(slow)
    squared = x.hourly**2
    downside = np.where(x.hourly < 0, squared, np.where(np.isnan(squared), np.nan, 0.0))
    for label, hours in {"24h": 24, "7d": 168}.items():
        mean = rolling_mean(squared, hours) + 1e-12
        yield f"downside_share_{label}", rolling_mean(downside, hours) / mean
        yield f"return_{label}", lagged_difference(x.price, hours) / (scale * np.sqrt(hours / 24.0))
        yield f"largest_hour_share_{label}", rolling_max(squared, hours) / (mean * hours)
    yield "return_30d", lagged_difference(x.price, 720) / (scale * np.sqrt(30.0))
    yield "drawdown_30d", (x.price - rolling_max(x.price, 720)) / (scale * np.sqrt(30.0))
    yield "run_up_30d", (x.price - rolling_min(x.price, 720)) / (scale * np.sqrt(30.0))
    turnover = np.log1p(x.turnover)
    monthly = ewma(turnover, 720, 240)
    yield "turnover_24h", rolling_mean(turnover, 24) - monthly
    yield "turnover_7d", ewma(turnover, 84, 24) - monthly
    yield "turnover_trend", monthly - ewma(turnover, 2880, 240)
    yield "illiquidity_7d", _illiquidity(x, slow)
    yield "age", np.log1p(np.cumsum(~np.isnan(x.hourly), axis=0) / 24.0)


def _illiquidity(x: Ingredients, slow: FloatArray) -> FloatArray:
    """Log of Amihud's ratio |return| / turnover over a week, relative to its own 120-day mean (Amihud 2002)."""
    ratio = np.log((np.abs(x.hourly) + 1e-5) / (x.turnover + 1.0))
    return rolling_mean(ratio, 168) - ewma(ratio, 2880, 240)
