"""Ownership of output folders: which files in a folder were written by Levercap, so that no other file is deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from levercap.core.errors import ConfigError
from levercap.storage.manifest import MANIFEST

__all__ = ["MARKER", "SUCCESS", "foreign_files", "is_marked", "require_ours", "write_marker"]

MARKER: Final = ".levercap"
"""File in an output folder that names the kind of folder, the format of this file, and every file written."""

SUCCESS: Final = "_SUCCESS"
"""Empty file written last: a folder that holds it is complete."""

KIND: Final = "levercap-output"
FORMAT: Final = 1
ADDED: Final = frozenset({"report.html"})
"""Files that other verbs write into an output folder later."""

TABLES: Final = (
    *("attributions", "backtests", "baseline_tails", "by_symbol", "by_year", "coverage", "events", "forecasts", "gate"),
    *("hits", "influence", "influential_days", "leaderboard", "limits", "market_shocks", "murphy", "outcomes"),
    *("post_break", "reliability", "reliability_band", "shocks", "symbol_limits", "tails", "tails_against"),
    *("traffic_lights", *(f"snapshot/{name}" for name in ("scenarios", "stressed", "symbols", "tails", "tiers"))),
)
OTHERS: Final = ("CARD.md", "evidence.json", "promotion.json", "summary.json", "snapshot/MANIFEST.json")
UNMARKED: Final = frozenset({*OTHERS, "snapshot/snapshot.json", *(f"{name}.parquet" for name in TABLES)})
"""Files of complete folders that earlier versions left unmarked."""

SHOWN: Final = 5
"""Foreign files that an error names."""


def write_marker(folder: Path) -> None:
    """Write the marker over all files now in `folder`; the same files give the same bytes."""
    content = {"kind": KIND, "format": FORMAT, "files": sorted(_files(folder) - {MARKER})}
    (folder / MARKER).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def is_marked(folder: Path) -> bool:
    """Whether the folder holds a marker of ours."""
    return _marked(folder) is not None


def foreign_files(folder: Path) -> list[str]:
    """Files below `folder`, relative and sorted, that no marker of ours and no manifest of an artefact names.

    A folder without either that is complete (`SUCCESS`) was written by an earlier version: its files are known by name.
    """
    found = _files(folder)
    marked = _marked(folder)
    if marked is not None:
        return sorted(found - marked - {MARKER, SUCCESS} - ADDED)
    listed = _listed(folder)
    if listed is not None:
        return sorted(found - listed - {MANIFEST} - ADDED)
    if (folder / SUCCESS).is_file():
        return sorted(found - {SUCCESS} - ADDED - UNMARKED)
    return sorted(found)


def require_ours(target: Path) -> None:
    """Raise ConfigError unless `target` may be replaced: it is not there, empty, or holds nothing but files of ours.

    Callers check before long work; `atomic_folder` checks again.
    """
    target = target.resolve()
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file; give a folder to write")
    foreign = foreign_files(target) if target.is_dir() else []
    if foreign:
        more = f" and {len(foreign) - SHOWN:,} more" if len(foreign) > SHOWN else ""
        raise ConfigError(
            f"{target} holds files that no earlier run wrote ({', '.join(foreign[:SHOWN])}{more}), and replacing it "
            "would delete them; give another folder, or move them"
        )


def _marked(folder: Path) -> frozenset[str] | None:
    """Files that the marker names; None without a marker of ours."""
    stated = _read(folder / MARKER)
    files = stated.get("files") if stated.get("kind") == KIND else None
    return frozenset(map(str, files)) if isinstance(files, list) else None


def _listed(folder: Path) -> frozenset[str] | None:
    """Files that the manifest of an artefact names; None where there is none."""
    stated = _read(folder / MANIFEST)
    files = stated.get("files")
    ours = str(stated.get("format", "")).startswith("levercap-")
    return frozenset(map(str, files)) if ours and isinstance(files, dict) else None


def _read(path: Path) -> dict[str, Any]:
    """JSON object of a file; empty where there is none."""
    try:
        stated = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _files(folder: Path) -> set[str]:
    """Everything below `folder` that is no folder, links included, by relative POSIX path."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()}
