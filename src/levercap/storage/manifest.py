"""Artefact: a folder whose manifest names every file with its sha256, so that what is loaded is what was written.

The manifest guards against damage, mixing and careless edits. It is no signature: whoever can rewrite every file can
rewrite the manifest too.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from levercap.core.errors import BundleError
from levercap.storage.bounded import read_json

__all__ = [
    "MANIFEST",
    "PACKAGES",
    "package_versions",
    "read_manifest",
    "sha256",
    "stated_text",
    "verify",
    "write_manifest",
]

MANIFEST: Final = "MANIFEST.json"
"""Name of the manifest inside the folder."""

PACKAGES: Final = ("levercap", "numpy", "pandas", "lightgbm", "scikit-learn", "pyarrow")
"""Distributions whose versions a manifest records, beside Python's own."""

REWRITE: Final = {
    "levercap-bundle": "write it again: levercap train --market FOLDER --out FOLDER",
    "levercap-snapshot": "write it again: levercap score --market FOLDER with the rest as before",
}
"""What to do about a folder of an older format version, by kind of folder."""

LONGEST_TEXT: Final = 200

SHOWN: Final = 20
"""Files named per kind of problem in an error message; the rest is counted."""


def package_versions() -> dict[str, str]:
    """Installed version of Python and of every distribution in `PACKAGES`; ``missing`` where one is not installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


def write_manifest(
    folder: Path, content: Mapping[str, Any], format_version: int, format: str = "levercap-bundle"
) -> str:
    """Write ``MANIFEST.json`` over all files now in `folder` and return the artefact id.

    Parameters
    ----------
    folder : folder with every file of the artefact already in it; an older manifest is replaced
    content : JSON values to keep beside the hashes; may not use the manifest's own keys
    format_version : version of the layout of the folder
    format : name of the kind of folder

    Returns
    -------
    First 16 hex digits of the sha256 over file hashes and content. Package versions are recorded but left out of it:
    the same content written by another environment has the same id.
    """
    files = {name: sha256(path) for name, path in _files(folder).items()}
    own = {"format": format, "format_version": format_version, "files": files, "packages": package_versions()}
    clash = sorted(set(content) & {*own, "id"})
    if clash:
        raise ValueError(f"content uses keys that belong to the manifest: {', '.join(clash)}")
    plain = json.loads(_canonical(content))
    artefact_id = _artefact_id(files, plain)
    text = json.dumps({**plain, **own, "id": artefact_id}, sort_keys=True, indent=2, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return artefact_id


def verify(folder: Path, format: str, format_version: int) -> dict[str, Any]:
    """Manifest of `folder` after checking everything it states; raises BundleError that lists every problem found.

    Checked: the manifest is there and readable, of the expected `format` and `format_version`, every file it names is
    there with the stated sha256, no other file is, and its own id agrees.
    """
    manifest = read_manifest(folder)
    problems = _wrong_kind(manifest, format, format_version)
    if not problems:  # files of another format say nothing
        problems = _wrong_files(folder, manifest)
    if problems:
        raise BundleError("\n".join([f"{folder} cannot be used:", *(f"  {problem}" for problem in problems)]))
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of `folder` states, unchecked; raises BundleError when there is none that can be read."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; give the folder that holds {MANIFEST}")
    if not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST}: not written to its end, or no levercap artefact")
    manifest = read_json(path)
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
        raise BundleError(f"{path} is no manifest: it must be a JSON object with a table 'files' of hashes")
    return manifest


def stated_text(manifest: Mapping[str, Any], name: str) -> str:
    """Text that a manifest states under `name`; raises ValueError when there is none of bounded length."""
    value = manifest.get(name)
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise ValueError(f"{name} is no text of at most {LONGEST_TEXT} printable characters")
    return value


def _wrong_kind(manifest: Mapping[str, Any], format: str, format_version: int) -> list[str]:
    problems = []
    if manifest.get("format") != format:
        problems.append(f"wrong format: it is {manifest.get('format')!r}, expected {format!r}")
    has = manifest.get("format_version")
    if has != format_version:
        newer = isinstance(has, int) and has > format_version
        cure = "install a newer levercap" if newer else REWRITE.get(format, "write it again with this levercap")
        by = manifest.get("packages") or {}
        writer = by.get("levercap", "unknown") if isinstance(by, Mapping) else "unknown"
        problems.append(
            f"wrong version: it has format_version {has!r} (written by levercap {writer}), "
            f"this code reads {format_version}; {cure}"
        )
    return problems


def _wrong_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    stated: dict[str, str] = manifest["files"]
    found = _files(folder)
    links = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink())
    hashes = {name: sha256(path) for name, path in found.items() if name in stated}
    kinds = {
        "missing": sorted(set(stated) - set(found) - set(links)),
        "not in the manifest": sorted(set(found) - set(stated)),
        "changed since it was written (sha256 differs)": sorted(n for n, h in hashes.items() if h != stated[n]),
        "a symbolic link, which is refused": links,
    }
    problems = []
    for kind, names in kinds.items():
        problems += [f"{name}: {kind}" for name in names[:SHOWN]]
        if len(names) > SHOWN:
            problems.append(f"... and {len(names) - SHOWN:,} more: {kind}")
    content = {k: v for k, v in manifest.items() if k not in {"format", "format_version", "files", "packages", "id"}}
    if manifest.get("id") != _artefact_id(stated, content):
        problems.append(f"{MANIFEST}: changed since it was written (its id does not agree with what it states)")
    return problems


def _files(folder: Path) -> dict[str, Path]:
    """Regular files under `folder` by relative POSIX path, the top manifest itself left out."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    named = {p.relative_to(folder).as_posix(): p for p in paths}
    named.pop(MANIFEST, None)
    return named


def _artefact_id(files: Mapping[str, str], content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical({"files": files, "content": content}).encode()).hexdigest()[:16]


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(path: Path) -> str:
    """Sha256 of a file's bytes; of a folder, that of the names and hashes of all files below it."""
    if path.is_dir():
        listing = "".join(f"{name} {sha256(file)}\n" for name, file in sorted(_files(path).items()))
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
