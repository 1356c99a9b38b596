"""The bundle itself: what is in it, how it is written and how it is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.config import Config, config_from_dict
from levercap.core.errors import DataError
from levercap.core.panel import Panel
from levercap.core.snapshot import EarlierMarket, Snapshot
from levercap.forecast import Blocks, Forecaster
from levercap.model.forecaster_files import read_blocks, read_forecaster, write_blocks, write_forecaster
from levercap.model.memory import Memory
from levercap.model.memory_files import MEMORY, read_memory, write_memory
from levercap.model.reproduction import check_reproduction
from levercap.model.snapshots import make_snapshot, snapshot_inputs, snapshot_inputs_by_quality
from levercap.model.strictness import Strictness, strictness
from levercap.storage.bounded import reading
from levercap.storage.bundle_files import FORMAT, FORMAT_VERSION, MODELS, SNAPSHOT, BundleFiles, read_bundle_files
from levercap.storage.manifest import write_manifest
from levercap.storage.out_of_sample import OUT_OF_SAMPLE
from levercap.storage.snapshot_files import write_snapshot
from levercap.storage.tables import write_parquet

__all__ = ["Bundle", "read_bundle", "snapshot_of", "with_models", "write_bundle"]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained set as one artefact.

    Attributes
    ----------
    forecaster : scale, tail and shock models, with their recipe and horizon
    blocks : standardised joint blocks
    config : effective configuration of the training
    snapshot : the market at the end of the training
    training : what it was trained on: until, start, symbols, rows, data_hash, kind (the forecast method)
    bundle_id : id of the folder
    memory : tables, symbols and levels of the training
    """

    forecaster: Forecaster
    blocks: Blocks
    config: Config
    snapshot: Snapshot
    training: Mapping[str, Any]
    bundle_id: str
    memory: Memory

    def snapshot_at(
        self,
        panel: Panel,
        tiers: pd.DataFrame | None,
        as_of: pd.Timestamp,
        quality: pd.DataFrame | None = None,
    ) -> Snapshot:
        """Snapshot of `panel` as it was known at `as_of`; `tiers` are those in force then.

        `quality` says what the data of each symbol are worth (``MarketQuality.symbols``); without it every symbol that
        traded within three hours is fresh. Symbols never seen in training are forecast too. What the market lacks of
        what the bundle was trained with is scored strictly, see `strictness_at`. Raises DataError when `as_of` lies
        before the market's start.
        """
        return self.strict_snapshot(self.strictness_at(panel, tiers, as_of), as_of, quality)

    def strictness_at(
        self,
        panel: Panel,
        tiers: pd.DataFrame | None,
        as_of: pd.Timestamp,
        config: Config | None = None,
        previous: EarlierMarket | None = None,
    ) -> Strictness:
        """What `panel` and `tiers` lack at `as_of` of what the bundle was trained with, and what holds instead; its
        findings name it. `config` replaces the settings of market and policy of the bundle; what `previous`, the market
        of the run before, was scored with holds where it is stricter than what the bundle remembers.
        """
        known = _known(panel, as_of)
        return strictness(known, tiers, self.memory, as_of, self.config if config is None else config, previous)

    def strict_snapshot(self, strict: Strictness, as_of: pd.Timestamp, quality: pd.DataFrame | None = None) -> Snapshot:
        """Snapshot at `as_of` of the market that `strict` was made from."""
        parts = (self.forecaster, self.blocks, self.config)
        return snapshot_of(*parts, strict.panel, strict.tiers, as_of, self.bundle_id, quality, strict)


def snapshot_of(
    forecaster: Forecaster,
    blocks: Blocks,
    config: Config,
    panel: Panel,
    tiers: pd.DataFrame | None,
    as_of: pd.Timestamp,
    bundle_id: str,
    quality: pd.DataFrame | None = None,
    strict: Strictness | None = None,
) -> Snapshot:
    """Snapshot by the parts of a bundle; `strict` was made from the same panel."""
    known = _known(panel, as_of)
    if quality is None:
        inputs = snapshot_inputs(known, pd.DatetimeIndex([as_of]), config.policy.stressed_quantile)
    else:
        inputs = snapshot_inputs_by_quality(known, as_of, quality, config.policy.stressed_quantile)
    provenance = {"bundle_id": bundle_id, "config_hash": config.config_hash(), "data_hash": known.data_hash()}
    return make_snapshot(forecaster, blocks, inputs, 0, tiers, config.scenarios.seed, provenance, strict)


def _known(panel: Panel, as_of: pd.Timestamp) -> Panel:
    if as_of < panel.start + pd.Timedelta(hours=1):
        raise DataError(f"no bar is known at {as_of}: the market starts at {panel.start}")
    return panel.until(as_of)


def write_bundle(
    folder: Path,
    forecaster: Forecaster,
    blocks: Blocks,
    config: Config,
    snapshot: Snapshot,
    training: Mapping[str, Any],
    evidence: Mapping[str, pd.DataFrame],
    card: str,
    memory: Memory,
) -> str:
    """Write a bundle into an existing empty folder, manifest last; returns the bundle id.

    `evidence` tables (out-of-sample tails and outcomes of the last year) go to ``evidence/``. The bundle id is the id
    of everything but the snapshot, which is stamped with it.
    """
    models = folder / MODELS
    models.mkdir()
    write_forecaster(forecaster, models)
    write_blocks(blocks, models / "blocks.parquet")
    write_memory(memory, models / MEMORY)
    (models / "config.json").write_text(json.dumps(config.as_dict(), sort_keys=True) + "\n", encoding="utf-8")
    (folder / OUT_OF_SAMPLE).mkdir()
    for name, table in evidence.items():
        write_parquet(table, folder / OUT_OF_SAMPLE / f"{name}.parquet")
    (folder / "CARD.md").write_text(card, encoding="utf-8")
    bundle_id = write_manifest(models, {"training": dict(training)}, FORMAT_VERSION, FORMAT)
    (folder / SNAPSHOT).mkdir()
    write_snapshot(dataclasses.replace(snapshot, bundle_id=bundle_id), folder / SNAPSHOT)
    hashes = {"config_hash": config.config_hash(), "recipe_hash": forecaster.recipe.recipe_hash()}
    content = {"bundle_id": bundle_id, "training": dict(training), **hashes}
    write_manifest(folder, content, FORMAT_VERSION, FORMAT)
    return bundle_id


def read_bundle(folder: Path) -> Bundle:
    """Bundle of a folder; raises BundleError when a file is missing, changed or of another format."""
    return with_models(read_bundle_files(folder))


def with_models(files: BundleFiles) -> Bundle:
    """Bundle of a verified folder, its models read too.

    Raises BundleError when a model cannot be, or does not forecast what it did when it was fitted.
    """
    models = files.folder / MODELS
    with reading(files.config_file):
        config = config_from_dict(files.config)
    forecaster = read_forecaster(models)
    check_reproduction(forecaster, files.folder)
    return Bundle(
        forecaster=forecaster,
        blocks=read_blocks(models / "blocks.parquet"),
        config=config,
        snapshot=files.snapshot,
        training=files.training,
        bundle_id=files.bundle_id,
        memory=read_memory(models / MEMORY),
    )
