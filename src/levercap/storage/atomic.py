"""Writing output folders: whole or not at all, private, and byte-identical for the same content."""

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
from levercap.storage.ownership import MARKER, SUCCESS, is_marked, require_ours, write_marker

__all__ = ["SUCCESS", "atomic_file", "atomic_folder", "require_ours", "write_json"]

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
WORK: Final = ".levercap-writing"
"""End of the name of the temporary sibling of a folder that is being written."""
OLD: Final = "replaced"
NEW: Final = "new"
"""Inside it: the folder to be replaced, and the one to come."""


@contextmanager
def atomic_folder(target: Path, marker: str | None = SUCCESS) -> Iterator[Path]:
    """Yield an empty folder to write into; on leaving, it becomes `target`.

    A kill at any moment leaves the old folder, the new one, or none; never a half. The old folder is moved aside, the
    new one moved in, the old one deleted; what killed runs left beside `target` is put back or removed by the next run,
    whatever folder it was for. An error inside the block leaves the old folder as it was. Writers into the same parent
    folder wait for each other, so compute first and enter the block only to write.

    Files can be read by their owner only (0600, folders 0700), whatever the umask. A marker names every file written,
    unless the content is an artefact, whose manifest does.

    Parameters
    ----------
    target : folder to write or replace; parents are made
    marker : name of an empty file written last, which says that the folder is complete; None: no such file

    Raises
    ------
    ConfigError
        when `target` is a file, or a folder with a file that was not written by this function: what is not ours is
        never deleted
    """
    require_ours(target)
    target = target.resolve()
    with _beside(target) as work:
        building = work / NEW
        building.mkdir(FOLDER_MODE)
        yield building
        _finish(building, marker)
        require_ours(target)
        if target.exists():
            target.rename(work / OLD)
        building.rename(target)
        _sync_path(target.parent)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield the path of a new file to write; on leaving, it replaces the file `target`, open to its owner only.

    A kill at any moment leaves the old file, the new one, or none; never a half. What killed runs left beside `target`
    is removed by the next run.
    """
    if target.is_dir():
        raise ConfigError(f"{target} is a folder; name a file to write")
    target = target.resolve()
    with _beside(target) as work:
        yield work / NEW
        (work / NEW).chmod(FILE_MODE)
        _sync_path(work / NEW)
        (work / NEW).replace(target)
        _sync_path(target.parent)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `target`, marked as ours before anything else is in it, and remove it on leaving.

    No other process writes beside `target` meanwhile; what killed runs left there is put back or removed first.
    """
    _make_folder(target.parent)
    work = target.with_name(f".{target.name}{WORK}")
    with _exclusive(target.parent):
        for left in sorted(target.parent.glob(f".*{WORK}")):
            _clear(left)
        try:
            work.mkdir(FOLDER_MODE)
            write_marker(work)
            yield work
        finally:
            _clear(work)


def _finish(building: Path, marker: str | None) -> None:
    """Mark, close to others and force to the disk what was written; the file `marker` is the last."""
    if not (building / MANIFEST).is_file():
        write_marker(building)
    _restrict(building)
    _sync(building)
    if marker is not None:
        (building / marker).touch(FILE_MODE)
        (building / marker).chmod(FILE_MODE)
        _sync_path(building / marker)
        _sync_path(building)


def _clear(work: Path) -> None:
    """Remove a temporary sibling; an old folder that was moved into it and not replaced yet is put back first."""
    if not work.is_dir() or not (is_marked(work) or set(os.listdir(work)) <= {MARKER}):
        return
    target = work.with_name(work.name.removeprefix(".").removesuffix(WORK))
    old = work / OLD
    if old.is_dir() and not target.exists():  # killed between the two renames: the old output is still whole
        old.rename(target)
    if old.is_dir():
        shutil.rmtree(old)
    shutil.rmtree(work)


def _restrict(folder: Path) -> None:
    """Let the owner alone read and write everything below `folder`."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


def _make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, open to the owner alone."""
    for path in reversed((folder, *folder.parents)):
        if not path.exists():
            path.mkdir(FOLDER_MODE, exist_ok=True)


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
