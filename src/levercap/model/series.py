"""Optional series of a market: how long a value counts, and the level that tells the unit a table is in.

A level is a log ratio that depends on the unit of the series and little on the state of the market: implied over
realised volatility, the value of open interest over daily turnover, the size of funding rates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.catalogue import GROUPS
from levercap.features.returns import ingredients
from levercap.features.smoothing import rolling_mean
from levercap.features.volatility import log_volatility

__all__ = ["SERIES", "Series", "hours_since_value", "series_columns"]

MONTH, WEEK, DAY = 720, 168, 24
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True)
class Series:
    """One optional table.

    Attributes
    ----------
    table, field : its name in a market folder, and in a Panel
    carry_hours : a last value older than this is gone
    window_hours : hours over which the level is taken
    band : a level this far, in logs, beyond the range that is remembered is one of another unit
    jump : a value this far, in logs, from its own median of two months is one of another unit; inf: not checked
    level : (hours, symbols) level of each hour from a Panel, NaN where not known
    """

    table: str
    field: str
    carry_hours: int
    window_hours: int
    band: float
    jump: float
    level: Callable[[Panel], FloatArray]

    def values(self, panel: Panel) -> FloatArray | None:
        """(hours, symbols) of the panel, or None when it has no such table."""
        values: FloatArray | None = getattr(panel, self.field)
        return values

    def levels(self, panel: Panel) -> pd.DataFrame:
        """(hours, symbols) median of the level over the window; the panel must have the table."""
        frame = pd.DataFrame(self.level(panel), columns=list(panel.symbols))
        return frame.rolling(self.window_hours, min_periods=1).median()


def _implied_to_realised(panel: Panel) -> FloatArray:
    assert panel.implied_vol is not None
    realised = log_volatility(rolling_mean(ingredients(panel).hourly ** 2, MONTH))
    return _log(panel.implied_vol / np.sqrt(DAYS_PER_YEAR)) - realised


def _funding_size(panel: Panel) -> FloatArray:
    assert panel.funding_rate is not None
    return _log(rolling_mean(np.abs(panel.funding_rate), WEEK, share=1.0 / WEEK))


def _interest_to_turnover(panel: Panel) -> FloatArray:
    assert panel.open_interest is not None
    turnover = DAY * rolling_mean(panel.volume * panel.close, MONTH, share=0.1)
    return _log(panel.open_interest * panel.price()) - _log(turnover)


def _log(values: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.where(values > 0, values, np.nan)), dtype=np.float64)


SERIES: Final = (
    Series("implied_vol", "implied_vol", 25, DAY, float(np.log(2.0)), float(np.log(3.0)), _implied_to_realised),
    Series("funding", "funding_rate", 48, 1, float(np.log(3.0)), np.inf, _funding_size),
    Series("open_interest", "open_interest", 48, WEEK, float(np.log(3.0)), np.inf, _interest_to_turnover),
)
"""Every optional series.

The band of implied volatility: from 2021-03 to 2025-06 Bitcoin's lay between 0.68 and 2.2 times the realised one of 30
days, and within a factor of 2.1 of its own median of two months. So no hour of these is doubted, and a factor of ten,
percent, or daily instead of annual, always is.
"""


def series_columns(table: str) -> tuple[str, ...]:
    """Names of all features that are made of an optional table."""
    return tuple(d.name for group in GROUPS.values() for d in group if table in d.needs)


def hours_since_value(values: FloatArray) -> FloatArray:
    """(symbols,) hours from the last value of each column to the end of the last row; inf without any."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known.any(axis=0), known[::-1].argmax(axis=0), np.inf), dtype=np.float64)
