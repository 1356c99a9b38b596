"""Bundle files: the verified folder of a bundle, and the parts of it that scoring a book needs.

The models stay unread, so that serving imports none of the packages that training needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import BundleError
from levercap.core.snapshot import Snapshot
from levercap.storage.bounded import read_json, reading
from levercap.storage.manifest import MANIFEST, verify
from levercap.storage.snapshot_bounds import check_instant
from levercap.storage.snapshot_files import read_snapshot

__all__ = ["FORMAT", "FORMAT_VERSION", "MODELS", "SNAPSHOT", "BundleFiles", "read_bundle_files"]

FORMAT: Final = "levercap-bundle"
FORMAT_VERSION: Final = 3

MODELS: Final = "models"
"""Folder of the models and the configuration inside a bundle."""

CONFIG: Final = "config.json"
"""The configuration inside the folder of the models."""

SNAPSHOT: Final = "snapshot"
"""Folder of the bundle's own snapshot."""


@dataclass(frozen=True, eq=False)
class BundleFiles:
    """A verified bundle folder without its models.

    Attributes
    ----------
    folder : the bundle
    config : effective configuration of the training, as plain values
    snapshot : the market at the end of the training
    training : what it was trained on: until, start, symbols, rows, data_hash, kind (the forecast method)
    bundle_id : id of the models
    """

    folder: Path
    config: Mapping[str, Any]
    snapshot: Snapshot
    training: Mapping[str, Any]
    bundle_id: str

    @property
    def config_file(self) -> Path:
        """Where `config` is from."""
        return self.folder / MODELS / CONFIG

    def snapshot_from(self, folder: Path) -> Snapshot:
        """Snapshot in `folder`; raises BundleError when it was made by another bundle."""
        snapshot = read_snapshot(folder)
        if snapshot.bundle_id != self.bundle_id:
            raise BundleError(
                f"{folder} was made by bundle {snapshot.bundle_id}, not by {self.bundle_id}; "
                "give the bundle that made it, or score again from the market"
            )
        return snapshot


def read_bundle_files(folder: Path) -> BundleFiles:
    """Bundle of a folder without its models, every file of it verified.

    Raises
    ------
    BundleError
        when a file is missing, extra or changed, the format is another one, or its snapshot belongs to another bundle
    """
    folder = Path(folder)
    manifest = verify(folder, FORMAT, FORMAT_VERSION)
    models = verify(folder / MODELS, FORMAT, FORMAT_VERSION)
    if models["id"] != manifest.get("bundle_id"):
        raise BundleError(f"{folder / MODELS} has the id {models['id']}, not {manifest.get('bundle_id')!r}")
    with reading(folder / MANIFEST):
        training = _training(manifest)
    config = read_json(folder / MODELS / CONFIG)
    with reading(folder / MODELS / CONFIG):
        _check_hash(config, manifest.get("config_hash"))
    snapshot = read_snapshot(folder / SNAPSHOT)
    if snapshot.bundle_id != manifest["bundle_id"]:
        raise BundleError(
            f"{folder}: its snapshot was made by bundle {snapshot.bundle_id}, not {manifest['bundle_id']}"
        )
    return BundleFiles(
        folder=folder,
        config=config,
        snapshot=snapshot,
        training=training,
        bundle_id=manifest["bundle_id"],
    )


def _check_hash(config: Mapping[str, Any], stated: object) -> None:
    """Raise ValueError unless the configuration as written has the hash that the manifest states."""
    found = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
    if found != stated:
        raise ValueError(f"it has the hash {found}, the bundle was trained with {str(stated)[:40]}")


def _training(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the manifest states about the training; raises ValueError when its instants or symbols are none."""
    training = manifest["training"]
    until, symbols = pd.Timestamp(training["until"]), training["symbols"]
    check_instant(until, 1)
    if not isinstance(symbols, list) or not all(isinstance(name, str) and name for name in symbols):
        raise ValueError("training.symbols is no list of names")
    return dict(training)
