"""Volatility times a constant: RiskMetrics with normal tails, and the rule of volatility targeting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from levercap.core.names import FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.model import Losses

__all__ = ["RISKMETRICS_DECAY", "RiskMetrics", "VolTarget", "ewma_volatility", "normal_tail", "window_volatility"]

RISKMETRICS_DECAY = 0.94
TARGET_DAYS = 30
SMALLEST_TARGET_DAYS = 10


def ewma_volatility(returns: FloatArray, decay: float = RISKMETRICS_DECAY) -> FloatArray:
    """(days,) root of the exponentially weighted mean of squared returns, missing days skipped.

    sigma_t^2 = sum_i decay^i r_(t-i)^2 / sum_i decay^i, with a mean of zero (J.P. Morgan/Reuters, RiskMetrics
    Technical Document, 1996, 5.3); dividing by the weights replaces an initial value.
    """
    mean = pd.Series(returns**2).ewm(alpha=1.0 - decay, ignore_na=True).mean()
    return np.asarray(np.sqrt(mean.to_numpy()), dtype=np.float64)


def window_volatility(returns: FloatArray, window: int, smallest: int) -> FloatArray:
    """(days,) root mean square of the last `window` returns that are there; NaN with fewer than `smallest`."""
    known = ~np.isnan(returns)
    count = np.cumsum(known)
    total = np.append(0.0, np.cumsum(returns[known] ** 2))
    size = np.minimum(count, window)
    mean = (total[count] - total[count - size]) / np.maximum(size, 1)
    return np.where(size >= smallest, np.sqrt(np.maximum(mean, 0.0)), np.nan)


def normal_tail(volatility: FloatArray, side: Side, level: float) -> Losses:
    """VaR and ES of the simple loss when the log return is normal with mean zero.

    With a = 1 - level and q the normal quantile at level: VaR = 1 - exp(-sigma q) for a long, exp(sigma q) - 1 for a
    short; ES from the partial expectation E[exp(r); r <= -sigma q] = exp(sigma^2 / 2) Phi(-q - sigma).
    """
    sign = -1.0 if side is Side.LONG else 1.0
    quantile = norm.ppf(level)
    growth = np.exp(volatility**2 / 2.0) * norm.cdf(sign * volatility - quantile) / (1.0 - level)
    return sign * np.expm1(sign * volatility * quantile), sign * (growth - 1.0)


@dataclass(frozen=True)
class RiskMetrics:
    """EWMA volatility with decay 0.94 and a normal distribution.

    The model has no path: its path numbers are those of filtered simulation, path losses in units of this volatility.
    """

    decay: float = RISKMETRICS_DECAY

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) EWMA volatility."""
        return ewma_volatility(days.returns, self.decay)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Normal tail."""
        return normal_tail(self.volatility(days)[rows], side, level)

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """By filtered simulation."""


@dataclass(frozen=True)
class VolTarget:
    """Standard deviation of the last 30 daily returns (about zero), times one multiplier for all symbols.

    What a venue does that scales margin with recent volatility: the multipliers are the pooled tail ratios of losses to
    this volatility, for the end and the path.
    """

    days: int = TARGET_DAYS

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) root mean square of the last 30 returns."""
        return window_volatility(days.returns, self.days, SMALLEST_TARGET_DAYS)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """Volatility times the multiplier."""

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """Volatility times the multiplier."""
