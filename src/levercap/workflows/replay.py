"""Replay: the limits a fixed book would have had day by day, and what the market then did to accounts at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from levercap.book import clean_book
from levercap.config import Config
from levercap.core.errors import ConfigError
from levercap.core.instrument import perpetuals
from levercap.core.names import HORIZON_HOURS, FloatArray
from levercap.core.panel import Panel
from levercap.core.portfolio import Portfolio
from levercap.core.progress import Progress, silent
from levercap.core.snapshot import Snapshot
from levercap.evidence.replay_figures import replay_figures
from levercap.forecast import history
from levercap.forecast.history import KINDS
from levercap.limits.predictor import Predictor
from levercap.market import Market
from levercap.model.dataset import build_dataset
from levercap.model.snapshots import make_snapshot, snapshot_inputs
from levercap.model.walk_forward import refits, walk
from levercap.storage.atomic import atomic_folder, require_ours, write_json
from levercap.storage.tables import write_parquet
from levercap.venue.tiers import tiers_as_of
from levercap.workflows.train import build_blocks

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
        limits = Predictor(snapshot, config).predict(accounts, positions, previous)
        previous = limits
        days.append(limits)
        progress(len(days), len(origins))
    limits = pd.concat(days, ignore_index=True)
    losses = realised_path_losses(
        market.panel, clean_book(accounts, positions, perpetuals(market.panel.symbols)).portfolio, origins
    )
    evidence = replay_figures(limits, losses, config)
    with atomic_folder(out) as building:
        write_parquet(limits, building / "limits.parquet")
        write_json(evidence, building / "evidence.json")
    return evidence


def snapshots(market: Market, origins: pd.DatetimeIndex, config: Config) -> Iterator[Snapshot]:
    """Walk-forward snapshots: each by the models that were known at the first of its month."""
    data = build_dataset(market.panel)
    past = {kind: history(kind, data.features, data.outcomes, config.forecast) for kind in KINDS}
    inputs = snapshot_inputs(market.panel, origins, config.policy.stressed_quantile)
    provenance = {"config_hash": config.config_hash(), "data_hash": market.panel.data_hash()}
    months = refits(origins[0], origins[-1] + pd.Timedelta(hours=1))
    for month, forecaster in walk("levercap", data, months, config, past):
        before = past[forecaster.kind]
        blocks = build_blocks(
            market.panel.until(month.start), before[before["as_of"] < month.start], forecaster, config
        )
        which = np.flatnonzero((origins >= month.start) & (origins < month.stop))
        bundle_id = f"walk-forward {month.start:%Y-%m-%d}"
        for i in which.tolist():
            tiers = tiers_as_of(market.tiers, origins[i])
            seed = config.scenarios.seed
            yield make_snapshot(forecaster, blocks, inputs, i, tiers, seed, {**provenance, "bundle_id": bundle_id})


def realised_path_losses(panel: Panel, portfolio: Portfolio, origins: pd.DatetimeIndex) -> FloatArray:
    """(origins, accounts) worst hourly loss of each portfolio within the horizon, per unit of gross notional; NaN if
    not known.

    At each hour longs are marked at the low, shorts at the high, against the price at the origin; a missing hour keeps
    the last price. An account without a position or with a symbol that had no price at the origin, or an origin whose
    horizon is not over, is NaN.
    """
    price = panel.price()
    carried = pd.DataFrame(panel.close).ffill().to_numpy()
    low, high = (np.where(np.isnan(field), carried, field) for field in (panel.low, panel.high))
    weights = np.zeros((len(portfolio), len(panel.symbols)))
    seen = portfolio.instrument >= 0
    weights[portfolio.account[seen], portfolio.instrument[seen]] = portfolio.share[seen]
    unpriced = (np.bincount(portfolio.account, ~seen, minlength=len(portfolio)) > 0) | (portfolio.gross_notional == 0)
    longs, shorts = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    out = np.full((len(origins), len(portfolio)), np.nan)
    for i, origin in enumerate(origins):
        row = panel.rows_known(origin)
        if row + HORIZON_HOURS > len(panel.timestamps):
            continue
        now = price[row - 1]
        falls = np.nan_to_num(low[row : row + HORIZON_HOURS] / now - 1.0)
        rises = np.nan_to_num(high[row : row + HORIZON_HOURS] / now - 1.0)
        worst = (longs @ falls.T + shorts @ rises.T).min(axis=1)
        unknown = (np.abs(weights) @ np.isnan(now).astype(float) > 0) | unpriced
        out[i] = np.where(unknown, np.nan, np.maximum(0.0, -worst))
    return out
