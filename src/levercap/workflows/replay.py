"""Replay: the limits a fixed book would have had day by day, and what the market then did to accounts at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.config import Config
from levercap.core.errors import ConfigError
from levercap.core.panel import HOUR
from levercap.core.progress import Progress, silent
from levercap.core.snapshot import Snapshot
from levercap.evidence.realised_losses import realised_path_losses
from levercap.evidence.replay_figures import replay_figures
from levercap.limits.predictor import Predictor
from levercap.market import Market
from levercap.model.assessed_inputs import assessed_inputs
from levercap.model.dataset import build_dataset
from levercap.model.fit import blocks_at, training_inputs
from levercap.model.snapshots import make_snapshot, snapshot_inputs, with_earlier
from levercap.model.strictness import Strictness
from levercap.model.training_bound import training_bound, with_bound
from levercap.model.walk_forward import refits, walk
from levercap.storage.atomic import atomic_folder, require_ours, write_json
from levercap.storage.tables import write_parquet
from levercap.venue.tiers import tiers_as_of

__all__ = ["replay"]


def replay(
    market: Market,
    accounts: pd.DataFrame,
    positions: pd.DataFrame,
    start: pd.Timestamp,
    stop: pd.Timestamp,
    config: Config,
    out: Path,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Limits of the book at every midnight from `start` up to, not including, `stop`; each day's limit is the next
    one's previous.

    Models, scenarios and tails are refitted every month on what was known then. Writes limits.parquet and
    evidence.json to `out` and returns the evidence.
    """
    require_ours(out)
    days = []
    previous: pd.DataFrame | None = None
    origins = market.panel.origins(start, stop)
    if len(origins) == 0:
        raise ConfigError(f"no midnight from {start} to {stop}: the market ends at {market.panel.end}")
    for snapshot in snapshots(market, origins, config):
        predictor = Predictor(snapshot, config)
        book = predictor.clean(accounts, positions)
        limits = predictor.score(book, previous)
        previous = limits
        days.append(limits)
        progress(len(days), len(origins))
    limits = pd.concat(days, ignore_index=True)
    losses = realised_path_losses(market.panel, book.portfolio, origins, snapshot.horizon)
    evidence = replay_figures(limits, losses, config)
    with atomic_folder(out) as building:
        write_parquet(limits, building / "limits.parquet")
        write_json(evidence, building / "evidence.json")
    return evidence


def snapshots(market: Market, origins: pd.DatetimeIndex, config: Config) -> Iterator[Snapshot]:
    """Walk-forward snapshots: each by the models that were known at the first of its month, as scoring makes them.

    Data are assessed at every origin: bad hours are masked, small gaps filled, a symbol that is out is seen as of its
    last good hour and makes the others stricter, and a late feed is never refused, so that limits are held. Models of
    a month remember no tables, units or tiers of their training: what a market lacks of these is not scored strictly.
    """
    inputs = training_inputs(market.panel, build_dataset(market.panel), config)
    months = refits(origins[0], origins[-1] + HOUR)
    quantile, seed = config.policy.stressed_quantile, config.scenarios.seed
    starts = origins.union([month.start for month in months])
    raw = snapshot_inputs(market.panel, with_earlier(starts, market.panel), quantile)
    assessed = assessed_inputs(market, origins, raw, config.market.stale_hours, quantile)
    provenance = {"config_hash": config.config_hash(), "data_hash": market.panel.data_hash()}
    for month, forecaster in walk(inputs, "levercap", months):
        blocks = blocks_at(inputs, forecaster, month.start)
        names = {**provenance, "bundle_id": f"walk-forward {month.start:%Y-%m-%d}"}
        start = int(raw.origins.searchsorted(month.start))
        trained = make_snapshot(forecaster, blocks, raw, start, tiers_as_of(market.tiers, month.start), seed, names)
        least = training_bound(trained)
        for as_of in origins[(origins >= month.start) & (origins < month.stop)]:
            now = next(assessed)
            tiers = tiers_as_of(market.tiers, as_of)
            strict = Strictness(now.panel, tiers).with_symbols_out(now.quality, blocks.symbols)
            snapshot = make_snapshot(forecaster, blocks, now.inputs, 0, tiers, seed, names, strict)
            yield with_bound(snapshot, least)
