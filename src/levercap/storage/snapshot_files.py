"""Snapshot files: a market snapshot as a verified folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.horizon import Horizon
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import Snapshot
from levercap.storage.manifest import verify, write_manifest
from levercap.storage.path_files import read_paths, write_paths
from levercap.storage.tables import write_parquet

__all__ = ["FORMAT", "FORMAT_VERSION", "read_snapshot", "write_snapshot"]

FORMAT: Final = "levercap-snapshot"
FORMAT_VERSION: Final = 1
BOUNDS: Final = ("bound", "stressed_bound")
"""Numbers of a snapshot that are written only where they are stated."""


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot into an existing empty folder, manifest last."""
    write_parquet(snapshot.symbols, folder / "symbols.parquet")
    write_parquet(snapshot.tails, folder / "tails.parquet")
    s = snapshot.scenarios
    names = tuple(instrument.name for instrument in s.instruments)
    write_paths(folder / "scenarios.parquet", names, s.starts, s.weights, s.low, s.high, s.end)
    write_parquet(pd.DataFrame({"symbol": names, "factor": snapshot.stressed_factor}), folder / "stressed.parquet")
    if snapshot.tiers is not None:
        write_parquet(snapshot.tiers, folder / "tiers.parquet")
    content = {
        "as_of": snapshot.as_of.isoformat(),
        "bundle_id": snapshot.bundle_id,
        "config_hash": snapshot.config_hash,
        "data_hash": snapshot.data_hash,
        **{name: getattr(snapshot, name) for name in BOUNDS if np.isfinite(getattr(snapshot, name))},
    }
    (folder / "snapshot.json").write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")
    write_manifest(folder, content, FORMAT_VERSION, FORMAT)


def read_snapshot(folder: Path) -> Snapshot:
    """Snapshot written by `write_snapshot`; raises BundleError when a file is missing or changed."""
    manifest = verify(folder, FORMAT, FORMAT_VERSION)
    names, starts, weights, low, high, end = read_paths(folder / "scenarios.parquet")
    tiers = folder / "tiers.parquet"
    horizon = Horizon(low.shape[2])
    return Snapshot(
        as_of=pd.Timestamp(manifest["as_of"]),
        horizon=horizon,
        symbols=pd.read_parquet(folder / "symbols.parquet"),
        tails=pd.read_parquet(folder / "tails.parquet"),
        scenarios=ScenarioSet(perpetuals(names), weights, low, high, end, starts, horizon),
        stressed_factor=pd.read_parquet(folder / "stressed.parquet")["factor"].to_numpy(dtype=float),
        tiers=pd.read_parquet(tiers) if tiers.exists() else None,
        bundle_id=manifest["bundle_id"],
        config_hash=manifest["config_hash"],
        data_hash=manifest["data_hash"],
        **{name: float(manifest.get(name, np.nan)) for name in BOUNDS},
    )
