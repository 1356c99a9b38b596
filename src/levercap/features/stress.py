"""Stress of one symbol: jumps, downside share, drawdown, turnover and illiquidity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import ewma, rolling_max, rolling_mean, rolling_min

__all__ = ["DESCRIPTIONS", "amihud", "stress_features"]


WINDOWS = {"24h": 24, "7d": 168}
LOG_RATIO = "log ratio"
SLOW_UNITS = "slow volatilities of the window"

DESCRIPTIONS = (
    *described(
        "downside_share_{}",
        WINDOWS,
        "share of negative returns in the variance of the last {}",
        "share",
        "Barndorff-Nielsen, Kinnebrock and Shephard 2010",
    ),
    *described("return_{}", (*WINDOWS, "30d"), "return of the last {}", SLOW_UNITS),
    *described("largest_hour_share_{}", WINDOWS, "share of the largest hour in the variance of the last {}", "share"),
    Description("drawdown_30d", "distance from the highest price of the last 30 days, at most 0", SLOW_UNITS),
    Description("run_up_30d", "distance from the lowest price of the last 30 days, at least 0", SLOW_UNITS),
    Description("turnover_24h", "mean log turnover of 24 hours over its EWMA, half-life 30 days", LOG_RATIO),
    Description("turnover_7d", "EWMA of log turnover, half-life 84 hours over half-life 30 days", LOG_RATIO),
    Description("turnover_trend", "EWMA of log turnover, half-life 30 days over half-life 120 days", LOG_RATIO),
    Description(
        "illiquidity_7d",
        "mean log of absolute return over turnover, 7 days over its 120-day EWMA",
        LOG_RATIO,
        "Amihud 2002",
    ),
    Description("age", "hours with a return since listing", "log(1 + days)"),
)


def stress_features(x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature; returns are divided by the slow volatility."""
    scale = np.exp(slow)
    squared = x.hourly**2
    downside = np.where(x.hourly < 0, squared, np.where(np.isnan(squared), np.nan, 0.0))
    for label, hours in WINDOWS.items():
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
    ratio = amihud(x)
    return rolling_mean(ratio, 168) - ewma(ratio, 2880, 240)


def amihud(x: Ingredients) -> FloatArray:
    """(hours, symbols) log of |return| over turnover (Amihud 2002)."""
    return np.asarray(np.log((np.abs(x.hourly) + 1e-5) / (x.turnover + 1.0)), dtype=np.float64)
