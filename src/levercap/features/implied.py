"""Implied volatility: level, change, and the spread to realised volatility."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.cross_section import broadcast, row_mean
from levercap.features.description import Description, described
from levercap.features.returns import Ingredients, lagged_difference
from levercap.features.smoothing import carried, ewma, lagged, rolling_mean
from levercap.features.volatility import log_volatility

__all__ = ["DESCRIPTIONS", "IMPLIED_VOLATILITY_LAG_HOURS", "implied_features"]

IMPLIED_VOLATILITY_LAG_HOURS = 1
"""An index of implied volatility may be stamped at the start of the hour it sums up, as Deribit's is: it is used an
hour after its stamp."""

CARRY_HOURS = 24
DAYS_PER_YEAR = 365.0
HALF_LIFE, MINIMUM = 365 * 24, 30 * 24
CHANGES = {"6h": 6, "24h": 24, "7d": 168}
SPREADS = {"24h": 24, "7d": 168, "30d": 720}


NEEDS = ("bars", "implied_vol")
RATIO = "log ratio"


def _described(pattern: str, labels: Iterable[str], meaning: str, source: str = "") -> tuple[Description, ...]:
    return described(pattern, labels, meaning, RATIO, source, NEEDS, IMPLIED_VOLATILITY_LAG_HOURS)


DESCRIPTIONS = (
    *_described("implied_to_own_{}", ("mean",), "implied volatility over its own EWMA of half-life a year"),
    *_described("implied_to_{}", ("slow",), "implied volatility over the slow level"),
    *_described("implied_change_{}", CHANGES, "change of implied volatility over {}"),
    *_described(
        "implied_to_realised_{}",
        SPREADS,
        "implied over realised volatility of {}",
        "Bollerslev, Tauchen and Zhou 2009",
    ),
)


def implied_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature, means over the symbols that have an implied volatility."""
    if panel.implied_vol is None:
        return
    positive = np.where(panel.implied_vol > 0, panel.implied_vol, np.nan)
    implied = np.log(positive / np.sqrt(DAYS_PER_YEAR))
    implied = lagged(carried(implied, CARRY_HOURS), IMPLIED_VOLATILITY_LAG_HOURS)
    yield "implied_to_own_mean", _market(implied - ewma(implied, HALF_LIFE, MINIMUM))
    yield "implied_to_slow", _market(implied - slow)
    for label, hours in CHANGES.items():
        yield f"implied_change_{label}", _market(lagged_difference(implied, hours))
    for label, hours in SPREADS.items():
        yield f"implied_to_realised_{label}", _market(implied - log_volatility(rolling_mean(x.hourly**2, hours)))


def _market(values: FloatArray) -> FloatArray:
    return broadcast(row_mean(values), values)
