"""Memory files: what a bundle was trained with, as JSON and Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.model.memory import Memory
from levercap.storage.bounded import Kind, read_json, read_table, reading
from levercap.storage.tables import write_parquet

__all__ = ["MEMORY", "read_memory", "write_memory"]

MEMORY: Final = "memory"
"""Folder of the memory beside the models of a bundle."""

FILE: Final = "memory.json"


def _columns(texts: str, times: str, numbers: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys(texts.split(), "text")
    kinds |= dict.fromkeys(times.split(), "time")
    return kinds | dict.fromkeys(numbers.split(), "number")


TABLES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "symbols": _columns(
        "symbol",
        "first_bar",
        "volatility_last volatility_median volatility_highest turnover_median largest_fall largest_rise",
    ),
    "levels": _columns("symbol", "as_of", "hours slow_level volatility stressed_volatility"),
    "series": _columns("table symbol", "first last", "low median high"),
    "tiers": _columns(
        "symbol",
        "as_of",
        "tier notional_floor notional_cap max_leverage maintenance_margin_rate maintenance_amount",
    ),
}
FACTORS: Final = ("table_factors", "state_factors", "unseen_factor")

LARGEST_FACTOR: Final = 1e3
LARGEST_VOLATILITY: Final = 100.0


def write_memory(memory: Memory, folder: Path) -> None:
    """Write ``memory.json`` and one Parquet file per table into `folder`, which is made."""
    folder.mkdir()
    for name in TABLES:
        table = getattr(memory, name)
        if table is not None:
            write_parquet(table, folder / f"{name}.parquet")
    content = {"until": memory.until.isoformat(), **{name: getattr(memory, name) for name in FACTORS}}
    (folder / FILE).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def read_memory(folder: Path) -> Memory:
    """Memory written by `write_memory`; raises BundleError naming a file whose content cannot be."""
    content = read_json(folder / FILE)
    with reading(folder / FILE):
        until = pd.Timestamp(content["until"]).as_unit("us")
        factors = {name: content[name] for name in FACTORS}
        _check_factors(factors)
    tables = {name: _read(folder / f"{name}.parquet", name) for name in ("symbols", "levels", "series")}
    _check_levels(tables["levels"], folder / "levels.parquet")
    tiers = folder / "tiers.parquet"
    parts: dict[str, Any] = {**tables, **factors, "tiers": _read(tiers, "tiers") if tiers.exists() else None}
    return Memory(until=until, **parts)


def _read(path: Path, name: str) -> pd.DataFrame:
    return read_table(path, TABLES[name])


def _check_factors(factors: Mapping[str, Any]) -> None:
    """Raise ValueError for a factor below one, which would make a forecast milder, or beyond belief."""
    values = [*factors["table_factors"].values(), *factors["state_factors"].values(), factors["unseen_factor"]]
    if not all(isinstance(x, float | int) and 1.0 <= x <= LARGEST_FACTOR for x in values):
        raise ValueError(f"a factor is not between 1 and {LARGEST_FACTOR:g}")


def _check_levels(levels: pd.DataFrame, path: Path) -> None:
    """Raise BundleError for levels of volatility that cannot be."""
    with reading(path):
        volatility = levels[["volatility", "stressed_volatility"]].assign(
            slow=np.exp(levels["slow_level"].clip(upper=9))
        )
        if ((volatility <= 0) | (volatility > LARGEST_VOLATILITY)).any(axis=None) or (levels["hours"] < 0).any():
            raise ValueError(f"hours below 0, or volatilities not between 0 and {LARGEST_VOLATILITY:g}")
