"""Absolute returns over several windows, jump share, quarticity and range excess."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import broadcast, mean_of_others, row_mean
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import lagged, rolling_mean
from levercap.features.volatility import log_volatility

__all__ = ["DESCRIPTIONS", "bipower_variation", "move_features", "rogers_satchell"]

WINDOWS = {"12h": 12, "24h": 24, "2d": 48, "3d": 72, "7d": 168, "14d": 336, "30d": 720}
COMMON = ("24h", "7d")
MONTH = 30 * 24
LARGEST_MOVE = 8.0
LARGEST_EXCESS = 2.0
SMALLEST_VARIANCE = 1e-12


SLOW_UNITS = "slow volatilities of the window, at most 8"

DESCRIPTIONS = (
    *described("move_{}", WINDOWS, "absolute return of the last {}", SLOW_UNITS),
    *described("market_move_{}", WINDOWS, "mean absolute return of the other symbols, last {}", SLOW_UNITS),
    *described("common_move_{}", COMMON, "absolute mean return of all symbols, last {}", SLOW_UNITS),
    Description(
        "jump_share_30d",
        "share of the variance of 30 days that bipower variation leaves",
        "share, within +-1",
        "Barndorff-Nielsen and Shephard 2004",
    ),
    Description(
        "quarticity_30d",
        "mean fourth power over squared mean square of hourly returns, 30 days",
        "log(1 + ratio)",
        "Bollerslev, Patton and Quaedvlieg 2016",
    ),
    Description(
        "range_excess_6h",
        "volatility from the four prices of each hour over that of the closes, 6 hours",
        "log ratio, within +-2",
        "Rogers and Satchell 1991",
    ),
)


def move_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    for label, hours in WINDOWS.items():
        moved = lagged_difference(x.price, hours) / (np.exp(slow) * np.sqrt(hours / 24.0))
        moved = np.clip(moved, -LARGEST_MOVE, LARGEST_MOVE)
        yield f"move_{label}", np.abs(moved)
        yield f"market_move_{label}", mean_of_others(np.abs(moved))
        if label in COMMON:
            yield f"common_move_{label}", broadcast(np.abs(row_mean(moved)), slow)
    squared = x.hourly**2
    variance = rolling_mean(squared, MONTH)
    variance = np.where(variance > SMALLEST_VARIANCE, variance, np.nan)
    jumps = 1.0 - rolling_mean(bipower_variation(x.hourly), MONTH) / variance
    yield "jump_share_30d", np.clip(jumps, -1.0, 1.0)
    yield "quarticity_30d", np.log1p(rolling_mean(squared**2, MONTH) / variance**2)
    ranges = rolling_mean(rogers_satchell(panel), 6)
    excess = log_volatility(ranges) - log_volatility(rolling_mean(squared, 6))
    yield "range_excess_6h", np.clip(excess, -LARGEST_EXCESS, LARGEST_EXCESS)


def bipower_variation(hourly: FloatArray) -> FloatArray:
    """(hours, symbols) pi/2 |r_t| |r_(t-1)|: its mean is the variance without jumps (Barndorff-Nielsen and Shephard
    2004).
    """
    return np.asarray(np.pi / 2.0 * np.abs(hourly) * np.abs(lagged(hourly, 1)), dtype=np.float64)


def rogers_satchell(panel: Panel) -> FloatArray:
    """(hours, symbols) variance of one hour from its four prices, free of drift: ln(h/c) ln(h/o) + ln(l/c) ln(l/o)
    (Rogers and Satchell 1991).
    """
    up = np.log(panel.high / panel.close) * np.log(panel.high / panel.open)
    return np.asarray(up + np.log(panel.low / panel.close) * np.log(panel.low / panel.open), dtype=np.float64)
