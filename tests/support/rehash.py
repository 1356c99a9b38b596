"""Writes every manifest of a bundle folder again, over whatever its files now hold."""

from __future__ import annotations

import json
from pathlib import Path

from levercap.storage import bundle_files, snapshot_files
from levercap.storage.manifest import MANIFEST, write_manifest

OWN = {"format", "format_version", "files", "packages", "id"}


def rehash(folder: Path) -> Path:
    """Manifests of the models, the snapshot and the bundle, with the id of the models in all of them."""
    models, snapshot = folder / "models", folder / "snapshot"
    bundle_id = write_manifest(models, content(models), bundle_files.FORMAT_VERSION)
    stated = {**content(snapshot), "bundle_id": bundle_id}
    write_manifest(snapshot, stated, snapshot_files.FORMAT_VERSION, snapshot_files.FORMAT)
    write_manifest(folder, {**content(folder), "bundle_id": bundle_id}, bundle_files.FORMAT_VERSION)
    return folder


def content(folder: Path) -> dict:
    """What a manifest states beside hashes."""
    return {k: v for k, v in json.loads((folder / MANIFEST).read_text()).items() if k not in OWN}
