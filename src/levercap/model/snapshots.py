"""Snapshots: made from a forecaster, its blocks and the market's features; kept as a verified folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from levercap.core.names import LEVELS, FloatArray, Side
from levercap.core.panel import Panel
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import Snapshot
from levercap.features import feature_table, stressed_volatility, turnover
from levercap.forecast import Blocks, Forecast, Forecaster
from levercap.storage.manifest import verify, write_manifest
from levercap.storage.path_files import read_paths, write_paths
from levercap.storage.tables import write_parquet

__all__ = ["SnapshotInputs", "make_snapshot", "read_snapshot", "snapshot_inputs", "write_snapshot"]

FORMAT = "levercap-snapshot"
FORMAT_VERSION = 1


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
    return Snapshot(
        as_of=as_of,
        symbols=symbols,
        tails=forecast.tails,
        scenarios=blocks.scenarios(
            dict(zip(known["symbol"], known["volatility"], strict=True)),
            _path_es_ratios(forecast),
            seed,
        ),
        stressed_factor=(known["stressed_volatility"] / known["volatility"]).to_numpy(dtype=float),
        tiers=tiers,
        **provenance,
    )


def _path_es_ratios(forecast: Forecast) -> dict[str, tuple[float, float]]:
    """Path ES at 97.5 % of today's tails in units of today's volatility, of longs and of shorts, by symbol."""
    volatility = forecast.forecasts.set_index("symbol")["volatility"]
    tails = forecast.tails[forecast.tails["level"] == LEVELS[0]]
    long, short = (
        tails[tails["side"] == str(side)].set_index("symbol")["path_es"].reindex(volatility.index) / volatility
        for side in Side
    )
    return dict(zip(volatility.index, zip(long.tolist(), short.tolist(), strict=True), strict=True))


def path_es_ratios(forecaster: Forecaster, symbols: pd.Series[str]) -> dict[str, tuple[float, float]]:
    """Path ES at 97.5 % in units of volatility at an average state, of longs and of shorts, by symbol."""
    long, short = (forecaster.tail.ratios(symbols, side, "path", LEVELS[0])[1] for side in Side)
    return dict(zip(symbols, zip(long.tolist(), short.tolist(), strict=True), strict=True))


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot into an existing empty folder, manifest last."""
    write_parquet(snapshot.symbols, folder / "symbols.parquet")
    write_parquet(snapshot.tails, folder / "tails.parquet")
    s = snapshot.scenarios
    write_paths(folder / "scenarios.parquet", s.symbols, s.starts, s.weights, s.low, s.high, s.end)
    write_parquet(pd.DataFrame({"symbol": s.symbols, "factor": snapshot.stressed_factor}), folder / "stressed.parquet")
    if snapshot.tiers is not None:
        write_parquet(snapshot.tiers, folder / "tiers.parquet")
    content = {
        "as_of": snapshot.as_of.isoformat(),
        "bundle_id": snapshot.bundle_id,
        "config_hash": snapshot.config_hash,
        "data_hash": snapshot.data_hash,
    }
    (folder / "snapshot.json").write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")
    write_manifest(folder, content, FORMAT_VERSION, FORMAT)


def read_snapshot(folder: Path) -> Snapshot:
    """Snapshot written by `write_snapshot`; raises BundleError when a file is missing or changed."""
    manifest = verify(folder, FORMAT, FORMAT_VERSION)
    symbols, starts, weights, low, high, end = read_paths(folder / "scenarios.parquet")
    tiers = folder / "tiers.parquet"
    return Snapshot(
        as_of=pd.Timestamp(manifest["as_of"]),
        symbols=pd.read_parquet(folder / "symbols.parquet"),
        tails=pd.read_parquet(folder / "tails.parquet"),
        scenarios=ScenarioSet(symbols, weights, low, high, end, starts),
        stressed_factor=pd.read_parquet(folder / "stressed.parquet")["factor"].to_numpy(dtype=float),
        tiers=pd.read_parquet(tiers) if tiers.exists() else None,
        bundle_id=manifest["bundle_id"],
        config_hash=manifest["config_hash"],
        data_hash=manifest["data_hash"],
    )
