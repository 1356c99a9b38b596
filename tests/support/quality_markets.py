"""Simulated markets to damage, and how they are damaged: copies of a panel with something wrong in some bars."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pandas as pd

from levercap.config import MarketConfig, MarketSimulation
from levercap.core.panel import BAR_FIELDS, HOUR, Panel
from levercap.core.quality import SymbolState
from levercap.market import market_from_tables
from levercap.simulation import simulate_market

__all__ = ["PRICES", "damaged", "fresh_quality", "market", "state_of"]

PRICES = ("open", "high", "low", "close")
STALE = 3


@cache
def market(symbols: int = 6, days: int = 420, seed: int = 5) -> Panel:
    """Bars of a simulated market without its collapsing coin and its holes; never write into it."""
    tables = simulate_market(MarketSimulation(symbols=symbols + 2, days=days, seed=seed))
    panel = market_from_tables({"bars": tables["bars"]}, MarketConfig()).panel
    whole = [s for j, s in enumerate(panel.symbols) if np.isfinite(panel.close[-60 * 24 :, j]).all()]
    return panel.select(whole[:symbols])


def damaged(panel: Panel) -> Panel:
    """A copy whose bars may be written to."""
    return dataclasses.replace(panel, **{name: getattr(panel, name).copy() for name in BAR_FIELDS})


def state_of(quality, symbol: str):
    """Row of a symbol."""
    return quality.symbols.set_index("symbol").loc[symbol]


def instant(panel: Panel, hours: int = 0) -> pd.Timestamp:
    """The end of the panel, some hours earlier."""
    return panel.end - hours * HOUR


def fresh_quality(panel, as_of):
    """`MarketQuality.symbols` of a panel whose every symbol is fresh."""
    return pd.DataFrame(
        {
            "symbol": pd.Series(panel.symbols, dtype="str"),
            "state": pd.Series([SymbolState.FRESH.value] * len(panel.symbols), dtype="str"),
            "last_good": pd.Series([as_of] * len(panel.symbols), dtype="datetime64[us, UTC]"),
            "hours_out": 0.0,
            "reason": "",
        }
    )
