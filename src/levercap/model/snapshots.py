"""Making snapshots: forecasts, scenarios and market state of one instant from a forecaster, its blocks and features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray, Side
from levercap.core.panel import Panel
from levercap.core.snapshot import Snapshot
from levercap.features import feature_table, stressed_volatility, turnover
from levercap.forecast import Blocks, Forecast, Forecaster

__all__ = ["SnapshotInputs", "make_snapshot", "path_es_ratios", "snapshot_inputs"]


@dataclass(frozen=True, eq=False)
class SnapshotInputs:
    """What snapshots at many instants are made of, besides a bundle.

    Attributes
    ----------
    origins : instants
    symbols : all symbols of the market
    features : feature table at `origins`
    stressed_volatility, turnover : (origins, symbols)
    """

    origins: pd.DatetimeIndex
    symbols: tuple[str, ...]
    features: pd.DataFrame
    stressed_volatility: FloatArray
    turnover: FloatArray


def snapshot_inputs(panel: Panel, origins: pd.DatetimeIndex, stressed_quantile: float) -> SnapshotInputs:
    """SnapshotInputs of the given instants; those of one instant depend only on ``panel.until`` of it."""
    return SnapshotInputs(
        origins,
        panel.symbols,
        feature_table(panel, origins),
        stressed_volatility(panel, origins, stressed_quantile),
        turnover(panel, origins),
    )


def make_snapshot(
    forecaster: Forecaster,
    blocks: Blocks,
    inputs: SnapshotInputs,
    which: int,
    tiers: pd.DataFrame | None,
    seed: int,
    provenance: dict[str, str],
) -> Snapshot:
    """Snapshot at ``inputs.origins[which]``; `tiers` are those in force then."""
    as_of = inputs.origins[which]
    forecast = forecaster.predict(inputs.features[inputs.features["as_of"] == as_of])
    now = forecast.forecasts.set_index("symbol")
    symbols = pd.DataFrame({"symbol": pd.Series(inputs.symbols, dtype="str")})
    fresh = symbols["symbol"].isin(now.index).to_numpy()
    symbols["state"] = pd.Series(np.where(fresh, "fresh", "stale"), dtype="str")
    columns = [c for c in now.columns if c == "volatility" or c.startswith("shock_probability")]
    symbols = pd.concat([symbols, now[columns].reindex(symbols["symbol"]).reset_index(drop=True)], axis=1)
    stressed = np.where(fresh, inputs.stressed_volatility[which], np.nan)
    symbols.insert(3, "stressed_volatility", np.where(np.isnan(stressed), symbols["volatility"], stressed))
    symbols["turnover"] = np.where(fresh, inputs.turnover[which], np.nan)
    known = symbols[fresh]
    recipe = forecaster.recipe.blocks
    scenarios = blocks.scenarios(
        dict(zip(known["symbol"], known["volatility"], strict=True)),
        _path_es_ratios(forecast, recipe.match_level),
        seed,
        recipe,
    )
    return Snapshot(
        as_of=as_of,
        horizon=scenarios.horizon,
        symbols=symbols,
        tails=forecast.tails,
        scenarios=scenarios,
        stressed_factor=(known["stressed_volatility"] / known["volatility"]).to_numpy(dtype=float),
        tiers=tiers,
        **provenance,
    )


def _path_es_ratios(forecast: Forecast, level: float) -> dict[str, tuple[float, float]]:
    """Path ES at `level` of today's tails in units of today's volatility, of longs and of shorts, by symbol."""
    volatility = forecast.forecasts.set_index("symbol")["volatility"]
    tails = forecast.tails[forecast.tails["level"] == level]
    long, short = (
        tails[tails["side"] == str(side)].set_index("symbol")["path_es"].reindex(volatility.index) / volatility
        for side in Side
    )
    return dict(zip(volatility.index, zip(long.tolist(), short.tolist(), strict=True), strict=True))


def path_es_ratios(forecaster: Forecaster, symbols: pd.Series[str]) -> dict[str, tuple[float, float]]:
    """Path ES at the level that scenarios are matched at, in units of volatility at an average state, of longs and of
    shorts, by symbol.
    """
    level = forecaster.recipe.blocks.match_level
    long, short = (forecaster.tail.ratios(symbols, side, "path", level)[1] for side in Side)
    return dict(zip(symbols, zip(long.tolist(), short.tolist(), strict=True), strict=True))
