"""Fragility: duration of low volatility, volatility of volatility, and leverage built up meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import HIT_THRESHOLD, broadcast, row_mean
from levercap.features.description import Description
from levercap.features.funding import funding_known, signed_log
from levercap.features.open_interest import OPEN_INTEREST_LAG_HOURS, log_open_interest, run_up
from levercap.features.returns import Ingredients
from levercap.features.smoothing import carried, ewma, lagged, rolling_mean
from levercap.features.volatility import log_volatility

__all__ = ["DESCRIPTIONS", "calm_hours", "fragility_features"]

MONTH = 30 * 24
LONGEST_HOLE = 24
BROAD_SHARE = 0.25
"""Share of the symbols hit within a day that ends a calm of the market."""


CALM = "Danielsson, Valenzuela and Zer 2018"

DESCRIPTIONS = (
    Description("calm_duration", "time since a 24-hour return beyond 2 slow volatilities", "log(1 + days)", CALM),
    Description(
        "market_calm_duration", "time since more than a quarter of the symbols had one at once", "log(1 + days)", CALM
    ),
    Description("fast_to_slow", "volatility of 7 days over its EWMA of half-life 120 days", "log ratio", CALM),
    Description("market_fast_to_slow", "its mean over all symbols", "log ratio", CALM),
    Description(
        "volatility_of_volatility_30d",
        "standard deviation over 30 days of the log volatility of 24 hours",
        "log",
        "Corsi, Mittnik, Pigorsch and Pigorsch 2008",
    ),
    Description(
        "calm_run_up",
        "depth of the market's calm (market_fast_to_slow below 0) times the market's run-up of open interest",
        "product of log ratios",
        "",
        ("bars", "open_interest"),
        OPEN_INTEREST_LAG_HOURS,
    ),
    Description(
        "paid_run_up",
        "positive part of the market's mean funding of 7 days times the market's run-up of open interest",
        "asinh(bp per day / 3) x log ratio",
        "",
        ("bars", "funding", "open_interest"),
        OPEN_INTEREST_LAG_HOURS,
    ),
)


def fragility_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature."""
    squared = x.hourly**2
    hit = np.where(np.isnan(x.daily) | np.isnan(slow), np.nan, np.abs(x.daily) > HIT_THRESHOLD * np.exp(slow))
    yield "calm_duration", np.log1p(calm_hours(hit) / 24.0)
    share = row_mean(hit)[:, None]
    broad = np.where(np.isnan(share), np.nan, share > BROAD_SHARE)
    yield "market_calm_duration", broadcast(np.log1p(calm_hours(broad)[:, 0] / 24.0), slow)
    fast = log_volatility(rolling_mean(squared, 168)) - log_volatility(ewma(squared, 2880, MONTH))
    market = row_mean(fast)
    calm = np.maximum(-market, 0.0)
    yield "fast_to_slow", fast
    yield "market_fast_to_slow", broadcast(market, slow)
    day = log_volatility(rolling_mean(squared, 24)) - slow
    spread = rolling_mean(day**2, MONTH) - rolling_mean(day, MONTH) ** 2
    yield "volatility_of_volatility_30d", np.sqrt(np.maximum(spread, 0.0))
    if panel.open_interest is None:
        return
    risen = row_mean(run_up(log_open_interest(panel.open_interest)))
    yield "calm_run_up", broadcast(calm * risen, slow)
    if panel.funding_rate is not None:
        funding = row_mean(signed_log(rolling_mean(funding_known(panel.funding_rate), 168)))
        yield "paid_run_up", broadcast(np.maximum(funding, 0.0) * risen, slow)


def calm_hours(hit: FloatArray) -> FloatArray:
    """(hours, symbols) hours since the last hit, or, where there was none for 30 days, since there are values: so long
    at least.

    `hit` is 1, 0 or NaN where not known. After a hole of more than a day nothing is known of a hit within it, so the
    count begins anew.
    """
    row = np.where(np.isnan(hit), np.nan, np.arange(len(hit), dtype=float)[:, None])
    before = lagged(carried(row, len(row)), 1)
    begins = np.isnan(before) | (row - before - 1.0 > LONGEST_HOLE)
    begin = carried(np.where(begins, row, np.nan), len(row))
    last = carried(np.where(hit > 0, row, np.nan), len(row))
    seen = last >= begin
    return np.where(seen | (row - begin >= MONTH), row - np.where(seen, last, begin), np.nan)
