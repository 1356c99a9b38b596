"""Cross-section: volatility, return and breadth of the other symbols; and the calendar."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import ewma, rolling_mean
from levercap.features.volatility import log_volatility

__all__ = ["CALENDAR_DESCRIPTIONS", "DESCRIPTIONS", "calendar_features", "cross_section_features"]

LEADER = "BTC"
LEAST_OTHERS = 5
HIT_THRESHOLD = 2.0

LARGEST_SHARE = 2.0
"""A variance share is at most one; a little more arises where a symbol in the mean is too young for a variance of its
own. Beyond this the two variances are those of different symbols, and the share is not known."""


WINDOWS = {"24h": 24, "7d": 168}
LABELS = (*WINDOWS, "30d")
RELATIVE = "log ratio to the slow level"
BOLLERSLEV = "Bollerslev, Hood, Huss and Pedersen 2018"

DESCRIPTIONS = (
    *described(
        "market_volatility_{}",
        LABELS,
        "mean over the other symbols of their volatility over {}, each relative to its own slow level",
        RELATIVE,
        BOLLERSLEV,
    ),
    *described(
        "leader_volatility_{}",
        LABELS,
        "the same of Bitcoin over {}; the mean of all symbols where it is missing",
        RELATIVE,
        BOLLERSLEV,
    ),
    Description(
        "market_downside_7d",
        "mean squared negative hourly return of the mean symbol, 7 days",
        "squared slow volatilities",
    ),
    Description("market_return_7d", "mean return of all symbols over 7 days", "slow volatilities of the window"),
    Description("common_share_7d", "variance of the mean symbol over the mean variance, 7 days, at most 2", "share"),
    Description(
        "hit_breadth_7d", "mean share of symbols whose 24-hour return is beyond 2 slow volatilities, 7 days", "share"
    ),
    Description("slow_level_to_market", "slow level over the mean slow level of all symbols", "log ratio"),
)

CALENDAR_DESCRIPTIONS = (
    *described("week_sine_{}", "12", "sine of the hour of the week, harmonic {}", "-1 to 1"),
    *described("week_cosine_{}", "12", "cosine of the hour of the week, harmonic {}", "-1 to 1"),
    Description("hour", "hour of the day (UTC)", "hours"),
)


def cross_section_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    leader = leading(panel.symbols)
    squared = x.hourly**2
    for label, hours in WINDOWS.items():
        relative = log_volatility(rolling_mean(squared, hours)) - slow
        yield f"market_volatility_{label}", mean_of_others(relative)
        yield f"leader_volatility_{label}", broadcast(_of_leader(relative, x.price, leader), relative)
    smooth = log_volatility(ewma(squared, 720, 24)) - slow
    yield "market_volatility_30d", mean_of_others(smooth)
    yield "leader_volatility_30d", broadcast(_of_leader(smooth, x.price, leader), smooth)
    standardised = x.hourly / np.exp(slow)
    market = row_mean(standardised)
    yield "market_downside_7d", broadcast(rolling_mean(np.minimum(market, 0.0) ** 2, 168), smooth)
    week = lagged_difference(x.price, 168) / (np.exp(slow) * np.sqrt(7.0))
    yield "market_return_7d", broadcast(row_mean(week), smooth)
    common = rolling_mean(market**2, 168)
    own = row_mean(rolling_mean(standardised**2, 168))
    share = common / (own + 1e-12)
    yield "common_share_7d", broadcast(np.where(share > LARGEST_SHARE, np.nan, share), smooth)
    hits = np.where(np.isnan(x.daily), np.nan, np.abs(x.daily) > HIT_THRESHOLD * np.exp(slow))
    yield "hit_breadth_7d", broadcast(rolling_mean(row_mean(hits), 168), smooth)
    yield "slow_level_to_market", slow - row_mean(slow)[:, None]


def calendar_features(panel: Panel) -> Iterator[tuple[str, FloatArray]]:
    """Weekday and hour of the instant at which each row is known, as sine and cosine."""
    known = panel.timestamps + pd.Timedelta(hours=1)
    week = (known.day_of_week.to_numpy() * 24 + known.hour.to_numpy()) / 168.0
    shape = np.ones((1, len(panel.symbols)))
    for harmonic in (1, 2):
        yield f"week_sine_{harmonic}", np.sin(2 * np.pi * harmonic * week)[:, None] * shape
        yield f"week_cosine_{harmonic}", np.cos(2 * np.pi * harmonic * week)[:, None] * shape
    yield "hour", known.hour.to_numpy(dtype=float)[:, None] * shape


def mean_of_others(values: FloatArray) -> FloatArray:
    """(hours, symbols) mean over all symbols but the own one; the own value where it is alone."""
    present = ~np.isnan(values)
    total = np.nansum(values, axis=1, keepdims=True) - np.nan_to_num(values)
    count = present.sum(axis=1, keepdims=True) - present
    return np.asarray(np.divide(total, count, out=values.copy(), where=count > 0), dtype=np.float64)


def row_mean(values: FloatArray) -> FloatArray:
    """(hours,) mean over the symbols that are there, NaN where none is."""
    count = (~np.isnan(values)).sum(axis=1)
    total = np.nansum(values, axis=1)
    mean = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return np.asarray(mean, dtype=np.float64)


def leading(symbols: tuple[str, ...]) -> int | None:
    """Position of the market's leading symbol, Bitcoin, or None where it is not traded."""
    return next((j for j, symbol in enumerate(symbols) if symbol.startswith(LEADER)), None)


def _of_leader(values: FloatArray, price: FloatArray, leader: int | None) -> FloatArray:
    """(hours,) the leader's values; the mean over all symbols where there is no leader, or no price or value of it.

    NaN before the leader is listed while fewer than `LEAST_OTHERS` symbols have a value: they are not the market.
    """
    if leader is None:
        return row_mean(values)
    known = ~np.isnan(values[:, leader]) & ~np.isnan(price[:, leader])
    if known.all():
        return values[:, leader]
    replaced = np.logical_or.accumulate(known) | ((~np.isnan(values)).sum(axis=1) >= LEAST_OTHERS)
    return np.where(known, values[:, leader], np.where(replaced, row_mean(values), np.nan))


def broadcast(column: FloatArray, like: FloatArray) -> FloatArray:
    return np.repeat(np.reshape(column, (-1, 1)), like.shape[1], axis=1)
