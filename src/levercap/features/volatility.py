"""Realised, smoothed and range volatility over several windows, as log ratios to the symbol's own slow level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients
from levercap.features.smoothing import daily_phase_ewma, ewma, rolling_max, rolling_mean

__all__ = ["B1_DECAYS", "DESCRIPTIONS", "b1_volatility", "log_volatility", "slow_level", "volatility_features"]

B1_DECAYS = (0.9, 0.97, 0.99, 0.998)
"""Daily decays of the fit-free baseline B1."""

ABSOLUTE_TO_STANDARD = float(np.sqrt(np.pi / 2.0))
"""Standard deviation over mean absolute value of a normal distribution."""

SMALLEST_DAILY_MOVE = 1e-6
SMALLEST_HOURLY_VARIANCE = 1e-10
SLOW_HALF_LIFE_HOURS = 180 * 24
MINIMUM_HOURS = 480

REALISED_WINDOWS = {"6h": 6, "24h": 24, "2d": 48, "7d": 168, "30d": 720, "90d": 2160}
SMOOTHED_HALF_LIVES = {"12h": 12, "2d": 48, "8d": 192, "30d": 720, "120d": 2880}


RANGE_WINDOWS = {"24h": 24, "7d": 168}
LOG_RATIO = "log ratio to the slow level"
RISKMETRICS = "RiskMetrics 1996"

DESCRIPTIONS = (
    Description(
        "slow_level", "own slow volatility: EWMA of squared hourly returns, half-life 180 days", "log, per 24 h"
    ),
    *described(
        "realised_volatility_{}", REALISED_WINDOWS, "realised volatility of the last {}", LOG_RATIO, "Corsi 2009"
    ),
    *described(
        "smoothed_volatility_{}",
        SMOOTHED_HALF_LIVES,
        "EWMA of squared hourly returns, half-life {}",
        LOG_RATIO,
        RISKMETRICS,
    ),
    *described(
        "absolute_return_{}",
        map(str, B1_DECAYS),
        "EWMA of absolute 24-hour returns, 0, 24, 48, ... hours back, decay {}",
        LOG_RATIO,
    ),
    Description("b1_volatility", "baseline B1: geometric mean of the four EWMAs of absolute returns", LOG_RATIO),
    *described(
        "range_volatility_{}", RANGE_WINDOWS, "volatility of hourly ranges, last {}", LOG_RATIO, "Parkinson 1980"
    ),
    Description("absolute_hourly_2d", "EWMA of absolute hourly returns, half-life 2 days", LOG_RATIO),
    Description("largest_daily_move_30d", "largest absolute 24-hour return of the last 30 days", LOG_RATIO),
)


def log_volatility(hourly_variance: FloatArray) -> FloatArray:
    """Log volatility per 24 h from a mean hourly variance."""
    return np.asarray(0.5 * np.log(np.maximum(hourly_variance, SMALLEST_HOURLY_VARIANCE) * 24.0), dtype=np.float64)


def slow_level(x: Ingredients) -> FloatArray:
    """(hours, symbols) the symbol's own slow log volatility: an EWMA of squared hourly returns with a 180-day half-
    life.
    """
    return log_volatility(ewma(x.hourly**2, SLOW_HALF_LIFE_HOURS, MINIMUM_HOURS))


def b1_volatility(daily: FloatArray) -> FloatArray:
    """Fit-free baseline B1: geometric mean of four EWMAs of |daily return|, as a standard deviation per 24 h."""
    logs = np.mean([_log_absolute(daily, decay) for decay in B1_DECAYS], axis=0)
    return np.asarray(np.exp(logs) * ABSOLUTE_TO_STANDARD, dtype=np.float64)


def volatility_features(x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    squared = x.hourly**2
    yield "slow_level", slow
    for label, hours in REALISED_WINDOWS.items():
        yield f"realised_volatility_{label}", log_volatility(rolling_mean(squared, hours)) - slow
    for label, half_life in SMOOTHED_HALF_LIVES.items():
        yield f"smoothed_volatility_{label}", log_volatility(ewma(squared, half_life, 24)) - slow
    for decay in B1_DECAYS:
        yield f"absolute_return_{decay}", _log_absolute(x.daily, decay) - slow
    yield "b1_volatility", np.log(b1_volatility(x.daily)) - slow
    for label, hours in RANGE_WINDOWS.items():
        yield f"range_volatility_{label}", log_volatility(rolling_mean(x.range_variance, hours)) - slow
    yield "absolute_hourly_2d", np.log(ewma(np.abs(x.hourly), 48, 24) + 1e-5) + 0.5 * np.log(24.0) - slow
    yield "largest_daily_move_30d", np.log(rolling_max(np.abs(x.daily), 720) + 1e-4) - slow


def _log_absolute(daily: FloatArray, decay: float) -> FloatArray:
    return np.log(np.maximum(daily_phase_ewma(np.abs(daily), decay), SMALLEST_DAILY_MOVE))
