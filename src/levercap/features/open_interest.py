"""Open interest: change, run-up, and its value over turnover as a proxy of leverage."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import CARRY_HOURS, Panel
from levercap.features.cross_section import broadcast, row_mean
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import carried, ewma, lagged, rolling_mean, rolling_min

__all__ = ["DESCRIPTIONS", "OPEN_INTEREST_LAG_HOURS", "log_open_interest", "open_interest_features", "run_up"]

OPEN_INTEREST_LAG_HOURS = 1
"""Snapshots of open interest are published late and revised: each is used an hour after its stamp."""

CHANGES = {"6h": 6, "24h": 24, "7d": 168, "30d": 720}
RETURNS = ("24h", "7d")
MONTH, HALF_LIFE = 30 * 24, 180 * 24
LARGEST_CHANGE = 2.0
LARGEST_RETURN = 5.0


NEEDS = ("bars", "open_interest")
MEAN = "its mean over all symbols that have one"
RATIO, WITHIN = "log ratio, 0 to 2", "log ratio, within +-2"


def _described(name: str, meaning: str, unit: str) -> Description:
    return Description(name, meaning, unit, "", NEEDS, OPEN_INTEREST_LAG_HOURS)


DESCRIPTIONS = (
    *described(
        "open_interest_change_{}",
        CHANGES,
        "change of open interest, base units, over {}",
        WITHIN,
        "",
        NEEDS,
        OPEN_INTEREST_LAG_HOURS,
    ),
    *described(
        "market_open_interest_change_{}",
        CHANGES,
        "mean over all symbols of their change of open interest over {}",
        WITHIN,
        "",
        NEEDS,
        OPEN_INTEREST_LAG_HOURS,
    ),
    *described(
        "open_interest_with_return_{}",
        RETURNS,
        "change of open interest times return, {}: above 0 when positions were added in a rise or closed in a fall",
        "log ratio x slow volatilities",
        "",
        NEEDS,
        OPEN_INTEREST_LAG_HOURS,
    ),
    _described("open_interest_run_up_30d", "open interest over its lowest of 30 days", RATIO),
    _described("market_open_interest_run_up_30d", MEAN, RATIO),
    _described(
        "leverage_proxy",
        "value of open interest over the daily turnover of 30 days, over its own EWMA of half-life 180 days",
        WITHIN,
    ),
    _described("market_leverage_proxy", MEAN, WITHIN),
)


def open_interest_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature; none where the panel has no open interest."""
    if panel.open_interest is None:
        return
    interest = log_open_interest(panel.open_interest)
    changes = {}
    for label, hours in CHANGES.items():
        changes[label] = np.clip(lagged_difference(interest, hours), -LARGEST_CHANGE, LARGEST_CHANGE)
        yield f"open_interest_change_{label}", changes[label]
        yield f"market_open_interest_change_{label}", broadcast(row_mean(changes[label]), interest)
    for label in RETURNS:
        hours = CHANGES[label]
        moved = lagged_difference(x.price, hours) / (np.exp(slow) * np.sqrt(hours / 24.0))
        yield f"open_interest_with_return_{label}", changes[label] * np.clip(moved, -LARGEST_RETURN, LARGEST_RETURN)
    risen = run_up(interest)
    yield "open_interest_run_up_30d", risen
    yield "market_open_interest_run_up_30d", broadcast(row_mean(risen), interest)
    leverage = _leverage(interest, x)
    yield "leverage_proxy", leverage
    yield "market_leverage_proxy", broadcast(row_mean(leverage), interest)


def log_open_interest(open_interest: FloatArray) -> FloatArray:
    """(hours, symbols) log of the open interest known, base units, carried over holes of at most three hours."""
    positive = np.where(open_interest > 0, open_interest, np.nan)
    return lagged(carried(np.log(positive), CARRY_HOURS), OPEN_INTEREST_LAG_HOURS)


def run_up(interest: FloatArray) -> FloatArray:
    """(hours, symbols) log open interest above its minimum of the last 30 days, at most 2."""
    return np.minimum(interest - rolling_min(interest, MONTH), LARGEST_CHANGE)


def _leverage(interest: FloatArray, x: Ingredients) -> FloatArray:
    """Log of open interest's value over the mean daily turnover of 30 days, relative to its own slow mean."""
    turnover = 24.0 * rolling_mean(x.turnover, MONTH, share=0.1)
    ratio = interest + x.price - np.log(turnover + 1.0)
    return np.clip(ratio - ewma(ratio, HALF_LIFE, MONTH), -LARGEST_CHANGE, LARGEST_CHANGE)
