"""Snapshot files: a market snapshot as a verified folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.core.horizon import Horizon
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import EarlierMarket, Snapshot
from levercap.storage.bounded import Kind, read_table, reading
from levercap.storage.manifest import MANIFEST, stated_text, verify, write_manifest
from levercap.storage.path_files import read_paths, write_paths
from levercap.storage.snapshot_bounds import (
    SYMBOL_COLUMNS,
    TAIL_COLUMNS,
    TIER_COLUMNS,
    check_bounds,
    check_instant,
    check_paths,
    check_stressed,
    check_symbols,
    check_tails,
    check_tiers,
)
from levercap.storage.tables import write_parquet

__all__ = ["FORMAT", "FORMAT_VERSION", "read_earlier_market", "read_snapshot", "write_snapshot"]

FORMAT: Final = "levercap-snapshot"
FORMAT_VERSION: Final = 1
BOUNDS: Final = ("bound", "stressed_bound")
"""Numbers of a snapshot that are written only where they are stated."""

LARGEST_TABLE_ROWS: Final = 200_000
"""Of symbols, tails, stressed factors and tiers."""


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write a snapshot into an existing empty folder, manifest last."""
    write_parquet(snapshot.symbols, folder / "symbols.parquet")
    write_parquet(snapshot.tails, folder / "tails.parquet")
    s = snapshot.scenarios
    names = tuple(instrument.name for instrument in s.instruments)
    write_paths(folder / "scenarios.parquet", names, s.starts, s.weights, s.low, s.high, s.end)
    stressed = pd.DataFrame({"symbol": pd.Series(names, dtype="str"), "factor": snapshot.stressed_factor})
    write_parquet(stressed, folder / "stressed.parquet")
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
    """Snapshot written by `write_snapshot`.

    Raises
    ------
    BundleError
        naming the file: it is missing, changed or damaged, or its content cannot be, as `snapshot_bounds` states it
    """
    manifest = verify(folder, FORMAT, FORMAT_VERSION)
    paths = folder / "scenarios.parquet"
    names, starts, weights, low, high, end = read_paths(paths)
    with reading(paths):
        check_paths(weights, starts, low, high, end)
    with reading(folder / MANIFEST):
        as_of = pd.Timestamp(manifest["as_of"])
        check_instant(as_of, low.shape[2])
        texts = ("bundle_id", "config_hash", "data_hash")
        stated: dict[str, Any] = {name: stated_text(manifest, name) for name in texts}
        bounds = {name: float(manifest.get(name, np.nan)) for name in BOUNDS}
        check_bounds(bounds)
        stated |= bounds
    symbols = _symbols(folder)
    tails = _table(folder / "tails.parquet", TAIL_COLUMNS, lambda table: check_tails(table, symbols, as_of))
    stressed = _table(
        folder / "stressed.parquet",
        {"symbol": "text", "factor": "number"},
        lambda table: check_stressed(table, names, symbols),
    )
    with reading(paths):
        horizon = Horizon(low.shape[2])
        return Snapshot(
            as_of=as_of,
            horizon=horizon,
            symbols=symbols,
            tails=tails,
            scenarios=ScenarioSet(perpetuals(names), weights, low, high, end, starts, horizon),
            stressed_factor=stressed["factor"].to_numpy(dtype=float),
            tiers=_tiers(folder),
            **stated,
        )


def read_earlier_market(folder: Path, bundle_id: str) -> EarlierMarket | None:
    """Symbols and tiers of a snapshot, None where another bundle made it; raises BundleError like `read_snapshot`."""
    if verify(folder, FORMAT, FORMAT_VERSION).get("bundle_id") != bundle_id:
        return None
    return EarlierMarket(_symbols(folder), _tiers(folder))


def _symbols(folder: Path) -> pd.DataFrame:
    return _table(folder / "symbols.parquet", SYMBOL_COLUMNS, check_symbols)


def _tiers(folder: Path) -> pd.DataFrame | None:
    path = folder / "tiers.parquet"
    return _table(path, TIER_COLUMNS, check_tiers) if path.exists() else None


def _table(path: Path, columns: Mapping[str, Kind], check: Callable[[pd.DataFrame], None]) -> pd.DataFrame:
    table = read_table(path, columns, LARGEST_TABLE_ROWS)
    with reading(path):
        check(table)
    return table
