"""Funding rates: level, score against the own history, and cross-section."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import broadcast, row_mean
from levercap.features.description import Description
from levercap.features.returns import Ingredients
from levercap.features.smoothing import carried, ewma, lagged, rolling_mean

__all__ = ["DESCRIPTIONS", "FUNDING_LAG_HOURS", "funding_features", "funding_known", "signed_log"]

FUNDING_LAG_HOURS = 0
"""A funding rate is charged at its stamp, so it is known then. The rate announced for the next charge is not in the
data."""

FUNDING_CARRY_HOURS = 12
"""A funding rate older than this is not known any more."""

LONGEST_INTERVAL = 8
"""Hours between two charges at most; a longer distance is a hole in the data."""

USUAL_FUNDING = 3.0
"""Basis points per day that a calm market pays, 0.01 % every eight hours: the scale of the inverse hyperbolic sine."""

WEEK, MONTH, HALF_LIFE = 7 * 24, 30 * 24, 90 * 24
SMALLEST_DEVIATION = 0.1
LARGEST_SCORE = 8.0
FEWEST_SYMBOLS = 3
UNIT = "asinh(bp per day / 3)"


def _described(name: str, meaning: str, unit: str = UNIT) -> Description:
    return Description(name, meaning, unit, "", ("bars", "funding"), FUNDING_LAG_HOURS)


DESCRIPTIONS = (
    _described("funding", "last funding charged, at most 12 hours old"),
    _described("funding_7d", "mean funding of 7 days"),
    _described("funding_absolute_7d", "mean absolute funding of 7 days"),
    _described(
        "funding_score",
        "funding against its own mean and deviation, EWMAs of half-life 90 days",
        "deviations, within +-8",
    ),
    _described("funding_to_market_7d", "mean funding of 7 days less its mean over all symbols"),
    _described("market_funding_7d", "mean over all symbols of their mean funding of 7 days"),
    _described("market_funding_score", "mean over all symbols of their funding score", "deviations"),
    _described("funding_dispersion_7d", "deviation over symbols, at least three, of their mean funding of 7 days"),
)


def funding_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature; none where the panel has no funding."""
    if panel.funding_rate is None:
        return
    funding = funding_known(panel.funding_rate)
    level = signed_log(funding)
    week = signed_log(rolling_mean(funding, WEEK))
    score = _score(level)
    yield "funding", level
    yield "funding_7d", week
    yield "funding_absolute_7d", signed_log(rolling_mean(np.abs(funding), WEEK))
    yield "funding_score", score
    market = row_mean(week)
    yield "funding_to_market_7d", week - market[:, None]
    yield "market_funding_7d", broadcast(market, week)
    yield "market_funding_score", broadcast(row_mean(score), week)
    yield "funding_dispersion_7d", broadcast(_dispersion(week), week)


def funding_known(rate: FloatArray) -> FloatArray:
    """(hours, symbols) last funding charged, basis points per day; NaN once it is older than twelve hours.

    A rate counts for the hours since the charge before it, eight at most, so that symbols charged every hour, every
    four and every eight hours compare.
    """
    row = np.where(np.isnan(rate), np.nan, np.arange(len(rate), dtype=float)[:, None])
    interval = np.fmin(row - lagged(carried(row, len(row)), 1), LONGEST_INTERVAL)
    return lagged(carried(1e4 * rate * 24.0 / interval, FUNDING_CARRY_HOURS), FUNDING_LAG_HOURS)


def signed_log(funding: FloatArray) -> FloatArray:
    """Inverse hyperbolic sine of funding over the usual one: linear near zero, a signed logarithm far out."""
    return np.asarray(np.arcsinh(funding / USUAL_FUNDING), dtype=np.float64)


def _score(level: FloatArray) -> FloatArray:
    """Distance from the own exponentially weighted mean in own deviations; the deviation is at least 0.1."""
    mean = ewma(level, HALF_LIFE, MONTH)
    variance = ewma(level**2, HALF_LIFE, MONTH) - mean**2
    deviation = np.sqrt(np.maximum(variance, SMALLEST_DEVIATION**2))
    return np.clip((level - mean) / deviation, -LARGEST_SCORE, LARGEST_SCORE)


def _dispersion(values: FloatArray) -> FloatArray:
    """(hours,) standard deviation over the symbols that are there, NaN where fewer than three are."""
    mean = row_mean(values)
    count = (~np.isnan(values)).sum(axis=1)
    deviation = np.sqrt(row_mean((values - mean[:, None]) ** 2))
    return np.where(count >= FEWEST_SYMBOLS, deviation, np.nan)
