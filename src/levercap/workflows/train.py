"""Training: from a market to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from levercap.config import Config
from levercap.core.panel import Panel
from levercap.core.progress import Progress, silent
from levercap.forecast import (
    Blocks,
    Forecaster,
    fill_missing,
    fit_forecaster,
    history,
    match_tail_es,
    out_of_sample_tails,
    standardised_blocks,
    thin,
)
from levercap.forecast.history import KINDS, Kind
from levercap.market import Market
from levercap.model import Bundle, read_bundle, write_bundle
from levercap.model.bundle import snapshot_of
from levercap.model.card import model_card
from levercap.model.choice import choose_kind, daily_difference
from levercap.model.dataset import Dataset, build_dataset
from levercap.model.snapshots import path_es_ratios
from levercap.storage.atomic import atomic_folder, require_ours
from levercap.venue.tiers import tiers_as_of

__all__ = ["EVIDENCE_DAYS", "build_blocks", "train"]

EVIDENCE_DAYS = 365


def train(
    market: Market,
    until: pd.Timestamp | None,
    config: Config,
    out: Path,
    progress: Progress = silent,
    kind: Kind = "levercap",
) -> Bundle:
    """Fit on what was known at `until` (default: the market's end) and write a bundle to `out`.

    Where the year before speaks against the recipe of `kind`, the bundle is the baseline's (`choose_kind`).
    Raises DataError when the history is too short for even the baseline.
    """
    require_ours(out, marker=None)
    panel = market.panel if until is None else market.panel.until(until)
    steps = 6
    data = build_dataset(panel)
    progress(1, steps)
    past = {each: history(each, data.features, data.outcomes, config.forecast) for each in KINDS}
    progress(2, steps)
    chosen = choose_kind(kind, daily_difference(past[kind], past["b1"], data.outcomes), panel.end)
    forecaster = fit_forecaster(chosen, data.features, data.outcomes, panel.end, config.forecast, past[chosen])
    progress(3, steps)
    evidence = _evidence(forecaster.kind, data, past[forecaster.kind], past["b1"], panel.end, config)
    progress(4, steps)
    blocks = build_blocks(panel, past[forecaster.kind], forecaster, config)
    progress(5, steps)
    snapshot = snapshot_of(forecaster, blocks, config, panel, tiers_as_of(market.tiers, panel.end), panel.end, "")
    training = _training(panel, data, forecaster, blocks)
    with atomic_folder(out, marker=None) as building:
        card = model_card(training, evidence, config)
        write_bundle(building, forecaster, blocks, config, snapshot, training, evidence, card)
    progress(steps, steps)
    return read_bundle(out)


def build_blocks(panel: Panel, past: pd.DataFrame, forecaster: Forecaster, config: Config) -> Blocks:
    """Joint blocks from the out-of-sample history: thinned, complete, and agreeing with the tail model."""
    known = past.loc[past["volatility"].notna(), ["as_of", "symbol", "volatility"]]
    blocks = thin(standardised_blocks(panel, known), config.scenarios.count, config.scenarios.seed)
    symbols = pd.Series(blocks.symbols, dtype="str")
    return match_tail_es(fill_missing(blocks, config.scenarios.seed), path_es_ratios(forecaster, symbols))


def _evidence(
    kind: Kind, data: Dataset, past: pd.DataFrame, baseline: pd.DataFrame, until: pd.Timestamp, config: Config
) -> dict[str, pd.DataFrame]:
    """Out-of-sample tails of the last year, the baseline's beside them, and what happened."""
    start = until - pd.Timedelta(days=EVIDENCE_DAYS)
    tables = {
        name: out_of_sample_tails(kind, table, data.outcomes, start, config.forecast)
        for name, kind, table in (("tails", kind, past), ("baseline_tails", "b1", baseline))
    }
    outcomes = data.outcomes[data.outcomes["as_of"] >= start]
    return {**tables, "outcomes": outcomes.reset_index(drop=True)}


def _training(panel: Panel, data: Dataset, forecaster: Forecaster, blocks: Blocks) -> dict[str, Any]:
    return {
        "kind": forecaster.kind,
        "start": panel.start.isoformat(),
        "until": panel.end.isoformat(),
        "symbols": list(panel.symbols),
        "rows": int(data.outcomes["realised_volatility"].notna().sum()),
        "scenarios": len(blocks.starts),
        "data_hash": panel.data_hash(),
    }
