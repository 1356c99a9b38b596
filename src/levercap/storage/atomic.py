"""Writing output folders: whole or not at all, and byte-identical for the same content."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from levercap.core.errors import ConfigError
from levercap.storage.manifest import MANIFEST

__all__ = ["SUCCESS", "atomic_folder", "require_ours", "write_json"]

SUCCESS: Final = "_SUCCESS"
"""Empty file written last: a folder that holds it is complete."""


@contextmanager
def atomic_folder(target: Path, marker: str | None = SUCCESS) -> Iterator[Path]:
    """Yield a temporary sibling of `target` to write into; on leaving, it becomes `target`.

    A kill at any moment leaves the old folder, the new one, or none; never a half. The old folder is moved aside, the
    new one moved in, the old one deleted; leftovers of killed runs are removed by the next run. An error inside the
    block leaves the old folder as it was. Writers into the same parent folder wait for each other, so compute first and
    enter the block only to write.

    Parameters
    ----------
    target : folder to write or replace; parents are made
    marker : name of an empty file written last, or None when the content is an artefact, whose manifest is written last

    Raises
    ------
    ConfigError
        when `target` is a file, or a folder that was not written by this function: what is not ours is never deleted
    """
    require_ours(target, marker)
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    building, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("writing", "replaced"))
    with _exclusive(target.parent):
        _remove(building)
        if old.exists() and not target.exists():  # killed between the two renames: the old output is still whole
            old.rename(target)
        _remove(old)
        building.mkdir()
        try:
            yield building
            _sync(building)
            if marker is not None:
                (building / marker).touch()
                _sync_path(building / marker)
                _sync_path(building)
        except BaseException:
            _remove(building)
            raise
        if target.exists():
            target.rename(old)
        building.rename(target)
        _sync_path(target.parent)
        _remove(old)


def require_ours(target: Path, marker: str | None = SUCCESS) -> None:
    """Raise ConfigError unless `atomic_folder` may replace `target`; callers check before long work."""
    target = target.resolve()
    mark = MANIFEST if marker is None else marker
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file; give a folder to write")
    if target.is_dir() and not (target / mark).is_file() and any(target.iterdir()):
        raise ConfigError(
            f"{target} holds files that no earlier run wrote (it has no {mark}), and replacing it would delete them; "
            "give another folder, or empty this one"
        )


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write `value` as readable JSON with sorted keys; NaN is refused, a missing number is null."""
    path.write_text(json.dumps(value, sort_keys=True, indent=2, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` that the system lets go of when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    """Force every file and folder below `folder` to the disk, so that a rename never precedes its content."""
    for path in sorted(folder.rglob("*")):
        _sync_path(path)
    _sync_path(folder)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
