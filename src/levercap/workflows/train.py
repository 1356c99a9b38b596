"""Training: from a market to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from levercap.config import Config
from levercap.core.panel import Panel
from levercap.core.progress import Progress, silent
from levercap.forecast import Blocks, Forecaster, ForecastMethod, out_of_sample_tails
from levercap.market import Market
from levercap.model import Bundle, read_bundle, write_bundle
from levercap.model.bundle import snapshot_of
from levercap.model.card import model_card
from levercap.model.dataset import Dataset, build_dataset
from levercap.model.fit import TrainingInputs, blocks_at, forecaster_at, training_inputs
from levercap.model.memory import make_memory
from levercap.model.reproduction import check_tables
from levercap.storage.atomic import atomic_folder, require_ours
from levercap.venue.tiers import tiers_as_of

__all__ = ["train"]


def train(
    market: Market,
    until: pd.Timestamp | None,
    config: Config,
    out: Path,
    progress: Progress = silent,
    method: ForecastMethod = "levercap",
) -> Bundle:
    """Fit on what was known at `until` (default: the market's end) and write a bundle to `out`.

    Where the year before is evidence against `method`, the bundle holds the baseline (`choose_method`).
    Raises DataError when the history is too short for even the baseline.
    """
    require_ours(out)
    panel = market.panel if until is None else market.panel.until(until)
    steps = 6
    data = build_dataset(panel)
    progress(1, steps)
    inputs = training_inputs(panel, data, config)
    progress(2, steps)
    forecaster = forecaster_at(inputs, method, panel.end)
    progress(3, steps)
    evidence = _evidence(inputs, forecaster.method) | check_tables(forecaster, data.features, data.outcomes)
    progress(4, steps)
    blocks = blocks_at(inputs, forecaster, panel.end)
    quantile, seed = config.policy.stressed_quantile, config.scenarios.seed
    memory = make_memory(panel, market.tiers, data.features, forecaster, blocks, quantile, seed)
    progress(5, steps)
    snapshot = snapshot_of(forecaster, blocks, config, panel, tiers_as_of(market.tiers, panel.end), panel.end, "")
    training = _training(panel, data, forecaster, blocks)
    with atomic_folder(out, marker=None) as building:
        card = model_card(training, evidence, config, forecaster.horizon)
        write_bundle(building, forecaster, blocks, config, snapshot, training, evidence, card, memory)
    progress(steps, steps)
    return read_bundle(out)


def _evidence(inputs: TrainingInputs, method: ForecastMethod) -> dict[str, pd.DataFrame]:
    """Out-of-sample tails of the last year, the baseline's beside them, and what happened."""
    start = inputs.panel.end - pd.Timedelta(days=inputs.recipe.choice.evidence_days)
    outcomes = inputs.data.outcomes
    methods: dict[str, ForecastMethod] = {"tails": method, "baseline_tails": "b1"}
    tables = {
        name: out_of_sample_tails(each, inputs.histories[each], outcomes, start, inputs.spec)
        for name, each in methods.items()
    }
    return {**tables, "outcomes": outcomes[outcomes["as_of"] >= start].reset_index(drop=True)}


def _training(panel: Panel, data: Dataset, forecaster: Forecaster, blocks: Blocks) -> dict[str, Any]:
    return {
        "kind": forecaster.method,
        "start": panel.start.isoformat(),
        "until": panel.end.isoformat(),
        "symbols": list(panel.symbols),
        "rows": int(data.outcomes["realised_volatility"].notna().sum()),
        "scenarios": len(blocks.starts),
        "horizon_hours": forecaster.horizon.hours,
        "data_hash": panel.data_hash(),
    }
