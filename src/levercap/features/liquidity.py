"""Range-based estimates of the bid-ask spread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import mean_of_others
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients
from levercap.features.smoothing import ewma, lagged, rolling_mean
from levercap.features.stress import amihud

__all__ = ["DESCRIPTIONS", "corwin_schultz", "liquidity_features"]

DENOMINATOR = float(3.0 - 2.0 * np.sqrt(2.0))
SMALLEST_SPREAD = 1e-5
SLOW_HALF_LIFE = 120 * 24


DESCRIPTIONS = (
    *described(
        "spread_{}",
        ("24h", "7d"),
        "mean bid-ask spread of {} estimated from hourly ranges, over the 120-day EWMA of that of 7 days",
        "log ratio",
        "Corwin and Schultz 2012",
    ),
    Description(
        "illiquidity_24h",
        "mean log of absolute return over turnover, 24 hours over its 120-day EWMA",
        "log ratio",
        "Amihud 2002",
    ),
    Description("market_illiquidity_24h", "its mean over the other symbols", "log ratio", "Amihud 2002"),
)


def liquidity_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    spread = corwin_schultz(panel.high, panel.low)
    week = np.log(rolling_mean(spread, 168) + SMALLEST_SPREAD)
    usual = ewma(week, SLOW_HALF_LIFE, 240)
    yield "spread_24h", np.log(rolling_mean(spread, 24) + SMALLEST_SPREAD) - usual
    yield "spread_7d", week - usual
    ratio = amihud(x)
    relative = rolling_mean(ratio, 24) - ewma(ratio, SLOW_HALF_LIFE, 240)
    yield "illiquidity_24h", relative
    yield "market_illiquidity_24h", mean_of_others(relative)


def corwin_schultz(high: FloatArray, low: FloatArray) -> FloatArray:
    """(bars, symbols) spread of each bar and the one before it, a fraction of the price, at least zero.

    S = 2 (e^a - 1) / (1 + e^a), a = (sqrt(2 b) - sqrt(b)) / (3 - 2 sqrt 2) - sqrt(g / (3 - 2 sqrt 2)), where b is the
    sum of the two squared log ranges and g the squared log range of both bars together (Corwin and Schultz 2012, whose
    bars are days; the ratio of the two ranges is the same for any bar length).
    """
    log_high, log_low = np.log(high), np.log(low)
    squared = (log_high - log_low) ** 2
    beta = squared + lagged(squared, 1)
    both = np.maximum(log_high, lagged(log_high, 1)) - np.minimum(log_low, lagged(log_low, 1))
    alpha = (np.sqrt(2.0) - 1.0) * np.sqrt(beta) / DENOMINATOR - both / np.sqrt(DENOMINATOR)
    return np.asarray(np.maximum(2.0 * np.tanh(alpha / 2.0), 0.0), dtype=np.float64)
