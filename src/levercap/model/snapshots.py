"""Making snapshots: forecasts, scenarios and market state of one instant from a forecaster, its blocks and features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray, Side
from levercap.core.panel import Panel
from levercap.core.quality import SCORED, SymbolState
from levercap.core.snapshot import Snapshot
from levercap.features import feature_table, stressed_volatility, turnover
from levercap.forecast import Blocks, Forecast, Forecaster
from levercap.model.doubt import DOUBT_HOURS, doubtful_forecasts

if TYPE_CHECKING:
    from levercap.model.strictness import Strictness

__all__ = [
    "LONGEST_OUT_HOURS",
    "SnapshotInputs",
    "inputs_by_quality",
    "last_good_instants",
    "make_snapshot",
    "path_es_ratios",
    "snapshot_inputs",
    "snapshot_inputs_by_quality",
    "with_earlier",
]

LONGEST_OUT_HOURS: Final = 72.0
"""A symbol that is out for longer is not forecast from its last good hour any more: no limit is held that long."""


@dataclass(frozen=True, eq=False)
class SnapshotInputs:
    """What snapshots at many instants are made of, besides a bundle.

    Attributes
    ----------
    origins : instants
    symbols : all symbols of the market
    features : feature table at `origins`
    stressed_volatility, turnover : (origins, symbols)
    quality : symbol, state, hours_out of every symbol where there is one origin; None: fresh is what has features
    earlier : features `DOUBT_HOURS` before, as seen now, where there is one origin; None: no forecast is doubted
    """

    origins: pd.DatetimeIndex
    symbols: tuple[str, ...]
    features: pd.DataFrame
    stressed_volatility: FloatArray
    turnover: FloatArray
    quality: pd.DataFrame | None = None
    earlier: pd.DataFrame | None = None


def snapshot_inputs(panel: Panel, origins: pd.DatetimeIndex, stressed_quantile: float) -> SnapshotInputs:
    """SnapshotInputs of the given instants; those of one instant depend only on ``panel.until`` of it."""
    return SnapshotInputs(
        origins,
        panel.symbols,
        feature_table(panel, origins),
        stressed_volatility(panel, origins, stressed_quantile),
        turnover(panel, origins),
    )


def snapshot_inputs_by_quality(
    panel: Panel, as_of: pd.Timestamp, quality: pd.DataFrame, stressed_quantile: float
) -> SnapshotInputs:
    """SnapshotInputs of one instant, at which a symbol that is out is seen as of its last good hour.

    Parameters
    ----------
    panel : as known at `as_of`, hours that are not trustworthy masked
    quality : symbol, state, last_good, hours_out of every symbol of the panel, in its order
    """
    origins = with_earlier(pd.DatetimeIndex([as_of]), panel).union(last_good_instants(quality)).as_unit("us")
    return inputs_by_quality(snapshot_inputs(panel, origins, stressed_quantile), as_of, quality)


def with_earlier(origins: pd.DatetimeIndex, panel: Panel) -> pd.DatetimeIndex:
    """`origins` and the instants `DOUBT_HOURS` before them at which the panel knows a bar, ascending."""
    before = origins - pd.Timedelta(hours=DOUBT_HOURS)
    return origins.union(before[before > panel.start]).as_unit("us")


def last_good_instants(quality: pd.DataFrame) -> pd.DatetimeIndex:
    """Instants, other than that of the assessment, as of which symbols that are out are seen.

    Symbols that are out for longer than `LONGEST_OUT_HOURS` are not seen at all.
    """
    return pd.DatetimeIndex(quality.loc[_seen(quality), "last_good"].unique()).as_unit("us")


def inputs_by_quality(inputs: SnapshotInputs, as_of: pd.Timestamp, quality: pd.DataFrame) -> SnapshotInputs:
    """SnapshotInputs of one instant from those of several, each symbol as of the instant that its quality asks for.

    Parameters
    ----------
    inputs : of `as_of`, `with_earlier` and `last_good_instants` at least, from the panel that `quality` belongs to
    quality : as in `snapshot_inputs_by_quality`
    """
    scored, seen = quality["state"].isin(SCORED).to_numpy(), _seen(quality)
    instants = pd.DatetimeIndex(quality["last_good"].where(seen, as_of)).as_unit("us")
    place = inputs.origins.get_indexer(instants)
    own = pd.Series(instants, index=quality["symbol"].astype("str"))
    earlier = inputs.features["as_of"] == as_of - pd.Timedelta(hours=DOUBT_HOURS)
    features = inputs.features[inputs.features["symbol"].isin(own.index[scored | seen])]
    features = features[features["as_of"].isin(instants.unique())]
    rows = pd.DatetimeIndex(features["as_of"]) == pd.DatetimeIndex(own.reindex(features["symbol"]))
    columns = np.arange(len(quality))
    return SnapshotInputs(
        pd.DatetimeIndex([as_of]),
        inputs.symbols,
        features[rows].assign(as_of=as_of).sort_values("symbol", kind="stable", ignore_index=True),
        inputs.stressed_volatility[place, columns][None, :],
        inputs.turnover[place, columns][None, :],
        quality,
        inputs.features[earlier].reset_index(drop=True),
    )


def _seen(quality: pd.DataFrame) -> BoolArray:
    """(symbols,) whether a symbol is out, but not for too long to be seen as of its last good hour."""
    recent = quality["last_good"].notna() & (quality["hours_out"] <= LONGEST_OUT_HOURS)
    return np.asarray(recent & ~quality["state"].isin(SCORED), dtype=np.bool_)


def make_snapshot(
    forecaster: Forecaster,
    blocks: Blocks,
    inputs: SnapshotInputs,
    which: int,
    tiers: pd.DataFrame | None,
    seed: int,
    provenance: dict[str, Any],
    strict: Strictness | None = None,
) -> Snapshot:
    """Snapshot at ``inputs.origins[which]``; `tiers` are those in force then.

    `strict` scales volatility, VaR and ES, bounds the stressed volatility from below and reduces what hedges gain.
    """
    as_of = inputs.origins[which]
    features = inputs.features[inputs.features["as_of"] == as_of]
    forecast = forecaster.predict(features, None if strict is None else strict.of_rows(features))
    now = forecast.forecasts.set_index("symbol")
    symbols = pd.DataFrame({"symbol": pd.Series(inputs.symbols, dtype="str")})
    fresh = symbols["symbol"].isin(now.index).to_numpy()
    symbols["state"], symbols["hours_out"] = _states(inputs.quality, fresh)
    columns = [c for c in now.columns if c == "volatility" or c.startswith("shock_probability")]
    symbols = pd.concat([symbols, now[columns].reindex(symbols["symbol"]).reset_index(drop=True)], axis=1)
    stressed = inputs.stressed_volatility[which]
    stressed = np.where(fresh, stressed if strict is None else strict.of_stressed(inputs.symbols, stressed), np.nan)
    symbols.insert(4, "stressed_volatility", np.where(np.isnan(stressed), symbols["volatility"], stressed))
    symbols["turnover"] = np.where(fresh, inputs.turnover[which], np.nan)
    if inputs.earlier is not None:
        symbols["doubtful"] = symbols["symbol"].isin(doubtful_forecasts(forecaster, features, inputs.earlier)["symbol"])
    known = symbols[fresh]
    recipe = forecaster.recipe.blocks
    scenarios = blocks.scenarios(
        dict(zip(known["symbol"], known["volatility"], strict=True)),
        _path_es_ratios(forecast, recipe.match_level),
        seed,
        recipe,
    )
    if strict is not None and strict.gain_shares:
        scenarios = scenarios.with_reduced_gains(strict.of_gains(tuple(known["symbol"])))
    return Snapshot(
        as_of=as_of,
        horizon=scenarios.horizon,
        symbols=symbols,
        tails=_of_scored(forecast.tails, symbols),
        scenarios=scenarios,
        stressed_factor=(known["stressed_volatility"] / known["volatility"]).to_numpy(dtype=float),
        tiers=tiers,
        **provenance,
    )


def _states(quality: pd.DataFrame | None, fresh: BoolArray) -> tuple[pd.Series[str], FloatArray]:
    """State and hours out of every symbol; `fresh` says which have a forecast."""
    if quality is None:
        states = np.where(fresh, SymbolState.FRESH.value, SymbolState.STALE.value)
        return pd.Series(states, dtype="str"), np.where(fresh, 0.0, np.inf)
    return quality["state"].astype("str").reset_index(drop=True), quality["hours_out"].to_numpy(dtype=np.float64)


def _of_scored(tails: pd.DataFrame, symbols: pd.DataFrame) -> pd.DataFrame:
    out = set(symbols.loc[~symbols["state"].isin(SCORED), "symbol"])
    return tails[~tails["symbol"].isin(out)].reset_index(drop=True) if out else tails


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
