"""Latent state of the simulated market: volatility regimes, build-up of leverage, self-exciting crashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray
from levercap.simulation.processes import decayed_sum

__all__ = ["REGIME_LEVELS", "MarketState", "market_state", "seasonality"]

REGIME_LEVELS = np.array([-0.45, 0.0, 0.55])
"""Log volatility of the calm, normal and stressed regime."""
SWITCH = np.array([[0.0, 1.0, 0.0], [0.6, 0.0, 0.4], [0.0, 1.0, 0.0]])
MEAN_STAY_HOURS = np.array([700.0, 500.0, 220.0])

CRASH_INTENSITY = 0.0012
"""Market-wide jumps per hour at normal build-up: about ten a year, more in clusters and after build-ups."""


@dataclass(frozen=True, eq=False)
class MarketState:
    """Hourly state shared by all symbols, each array (hours,).

    Attributes
    ----------
    regime : log volatility of the regime, smoothed over its change
    build_up : leverage in the system, one when normal; raises the chance and size of crashes, and falls with them
    jump : market-wide log jump of the hour, zero in most
    """

    regime: FloatArray
    build_up: FloatArray
    jump: FloatArray


def market_state(rng: np.random.Generator, hours: int) -> MarketState:
    """Draw the state; crashes excite further crashes for a day or two and flush the build-up."""
    uniform, size, sign = rng.random(hours), rng.standard_exponential(hours), rng.random(hours)
    noise = rng.standard_normal(hours)
    level = _regimes(rng, hours)
    build_up, jump = np.empty(hours), np.zeros(hours)
    leverage, excitement = 1.0, 0.0
    for t in range(hours):
        stress = np.exp(0.8 * level[t])
        intensity = CRASH_INTENSITY * stress * np.exp(2.0 * (leverage - 1.0)) + excitement
        if uniform[t] < min(intensity, 0.3):
            magnitude = min((0.012 + 0.02 * size[t]) * (0.5 + 0.5 * leverage), 0.25)
            down = sign[t] < 0.7
            jump[t] = -magnitude if down else 0.6 * magnitude
            excitement += 1.2 * magnitude
            leverage *= 1.0 - min(5.0 * magnitude, 0.5) if down else 1.0
        excitement *= 0.93
        leverage += 0.0012 * (1.12 - leverage) + 0.009 * noise[t]
        leverage = min(max(leverage, 0.3), 2.2)
        build_up[t] = leverage
    return MarketState(smoothed(level, 12.0), build_up, jump)


def smoothed(values: FloatArray, half_life: float) -> FloatArray:
    """Exponentially weighted mean of the rows so far."""
    decay = 0.5 ** (1.0 / half_life)
    start = values[0]
    before = start + decayed_sum(values - start, half_life) * (1.0 - decay)
    return np.asarray((1.0 - decay) * values + decay * before, dtype=np.float64)


def _regimes(rng: np.random.Generator, hours: int) -> FloatArray:
    """Log volatility level of a semi-Markov chain that starts in the normal regime."""
    out = np.empty(hours)
    now, t = 1, 0
    while t < hours:
        stay = int(MEAN_STAY_HOURS[now] * rng.gamma(2.0, 0.5)) + 24
        out[t : t + stay] = REGIME_LEVELS[now]
        now, t = int(rng.choice(3, p=SWITCH[now])), t + stay
    return out


def seasonality(hour_of_week: FloatArray) -> FloatArray:
    """Log volatility by hour of the week (0 is Monday 00:00 UTC): peak at 15 h, low at weekends."""
    hour = hour_of_week % 24
    weekend = (hour_of_week >= 120).astype(np.float64)
    return 0.22 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0) - 0.25 * weekend
