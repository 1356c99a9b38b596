"""Snapshot: everything that scoring needs to know about the market at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from levercap.core.horizon import Horizon
from levercap.core.names import FloatArray
from levercap.core.scenario import ScenarioSet

__all__ = ["EarlierMarket", "Snapshot"]


@dataclass(frozen=True, eq=False)
class EarlierMarket:
    """What an earlier run of the same bundle was scored with.

    Attributes
    ----------
    symbols, tiers : as in its `Snapshot`
    """

    symbols: pd.DataFrame
    tiers: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Forecasts, joint scenarios and venue tiers as they were known at `as_of`.

    Attributes
    ----------
    as_of : instant of the forecasts, UTC
    horizon : how far they look; that of the scenarios and of every row of the tails
    symbols : one row per symbol of the market, sorted by name: symbol, state (a `SymbolState`), hours_out (hours from
        the close of its last good bar to `as_of`; 0 where it is scored from its data, inf without a good bar),
        volatility (per 24 h), stressed_volatility, shock_probability_long, shock_probability_short, turnover (quote
        currency per day, 30-day mean). Where the state is none of `SCORED` the numbers are those of the last good hour,
        or NaN where there are none. Optional doubtful (bool): scored from its data, but the forecast fell so fast or so
        low that no limit may rise on it
    tails : as_of, symbol, horizon_hours, side, level, var, es, path_var, path_es; symbols scored from data only
    scenarios : joint paths of the instruments on all symbols with a volatility, at that volatility. Those of symbols
        that are not scored from data serve the hold of an earlier limit and the bound, nothing else
    stressed_factor : (scenario instruments,) stressed volatility of the underlying over today's, at least zero
    tiers : leverage tiers in force (symbol, tier, notional_floor, notional_cap, max_leverage, maintenance_margin_rate,
        maintenance_amount), or None when the venue has none or none was known yet
    bundle_id, config_hash, data_hash : provenance, copied into every output row
    bound, stressed_bound : largest adverse move per unit of notional that a position without a forecast is assumed to
        make at least, at today's and at stressed volatility; NaN where only the scenarios themselves bound it
    """

    as_of: pd.Timestamp
    horizon: Horizon
    symbols: pd.DataFrame
    tails: pd.DataFrame
    scenarios: ScenarioSet
    stressed_factor: FloatArray
    tiers: pd.DataFrame | None
    bundle_id: str
    config_hash: str
    data_hash: str
    bound: float = math.nan
    stressed_bound: float = math.nan

    def __post_init__(self) -> None:
        stated = set(self.tails["horizon_hours"].unique().tolist()) if len(self.tails) else set()
        if self.scenarios.horizon != self.horizon or not stated <= {self.horizon.hours}:
            raise ValueError(
                f"Snapshot.horizon is {self.horizon}, the scenarios reach {self.scenarios.horizon} "
                f"and the tails state {sorted(stated)} hours"
            )
