"""Sections: what was trained on what, and the files of the bundle. Quotes the manifest, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from levercap.report.inputs import Evaluation, Scores
from levercap.report.page.formatting import count
from levercap.report.page.html import Column, Section, note, paragraph, table

__all__ = ["files_section", "training_section"]

HEADINGS: Final = {
    "bundle_id": "bundle",
    "as_of": "trained on data up to",
    "until": "trained on data up to",
    "start": "data from",
    "data_start": "data from",
    "symbols": "instruments",
    "rows": "training rows",
    "scenarios": "scenarios",
    "kind": "kind of forecaster",
    "config_hash": "configuration (hash)",
    "data_hash": "data (hash)",
    "from": "from",
    "to": "to",
    "horizon_hours": "horizon in hours",
    "origins": "origins",
    "events": "known events within",
    "in_set": "comparisons in the confidence set",
    "better_than_b1": "comparisons better than B1",
    "significantly_better_than_b1": "of them by more than noise",
    "independent_note": "what counts as one case",
    "software": "software",
    "format": "format",
    "format_version": "format version",
    "id": "manifest",
}
"""Names of what is stated, by the last part of its key, in the order of the tables; what is not here comes last."""

INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):00(?:\.0+)?(?:Z|\+00:00)")
LONGEST_LIST: Final = 60


def training_section(
    manifest: Mapping[str, Any] | None, evaluation: Evaluation | None, scores: Scores | None
) -> Section:
    """What the bundle, the scoring run and the evaluation state of themselves."""
    parts = []
    if manifest is None:
        parts.append(note("No bundle was given, so its data, configuration and files cannot be listed here."))
    else:
        facts = {k: v for k, v in manifest.items() if k not in {"files", "packages"}}
        if isinstance(packages := manifest.get("packages"), Mapping):
            facts["software"] = ", ".join(f"{name} {version}" for name, version in packages.items())
        parts.append(_facts(facts, "The bundle"))
    if scores is not None and isinstance(scores.summary.get("provenance"), Mapping):
        parts.append(_facts(scores.summary["provenance"], "The scoring run", {"as_of": "scored as of"}))
        parts.append(_same_bundle(manifest, scores.summary["provenance"]))
    if evaluation is not None:
        plain = {k: v for k, v in evaluation.summary.items() if not isinstance(v, Mapping | list)}
        if plain:
            parts.append(_facts(plain, "The evaluation", {"rows": "comparisons with the baseline"}))
    return Section("training", "What was trained on what", "".join(parts))


def _facts(facts: Mapping[str, Any], caption: str, headings: Mapping[str, str] | None = None) -> str:
    flat = _flat(facts)
    order = list(HEADINGS)
    flat = {k: flat[k] for k in sorted(flat, key=lambda k: (order.index(_last(k)) if _last(k) in order else 99, k))}
    titles = {**HEADINGS, **(headings or {})}
    names = [titles.get(_last(k), _last(k).replace("_", " ").replace("b1", "B1")) for k in flat]
    return table([Column("", names, numeric=False), Column("", list(flat.values()), numeric=False)], caption)


def _flat(tree: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Nested values under dotted names, each as one readable text."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            flat.update(_flat(value, name))
        elif isinstance(value, list | tuple):
            shown = ", ".join(map(str, value[:LONGEST_LIST]))
            more = f" and {len(value) - LONGEST_LIST:,} more" if len(value) > LONGEST_LIST else ""
            flat[name] = f"{len(value):,}: {shown}{more}" if len(value) > 1 else shown
        else:
            flat[name] = _text(value)
    return flat


def _text(value: object) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    instant = INSTANT.fullmatch(str(value))
    return str(value) if instant is None else f"{instant[1]} {instant[2]} UTC"


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def files_section(manifest: Mapping[str, Any] | None) -> Section:
    """Every file of the bundle with its hash."""
    files = None if manifest is None else manifest.get("files")
    if not isinstance(files, Mapping) or not files:
        return Section("files", "Files of the bundle", note("No bundle was given."))
    names = sorted(files)
    columns = [
        Column("file", names, numeric=False),
        Column("sha256, first 16 digits", [str(files[n])[:16] for n in names], numeric=False),
    ]
    intro = paragraph(f"{count(len(names))} files. A bundle in which one of them differs from its hash is refused.")
    return Section("files", "Files of the bundle", intro + table(columns))


def _same_bundle(manifest: Mapping[str, Any] | None, provenance: Mapping[str, Any]) -> str:
    if manifest is None:
        return ""
    own = manifest.get("bundle_id", manifest.get("id"))
    used = provenance.get("bundle_id")
    if own is None or used is None or own == used:
        return ""
    return paragraph(f"Careful: the limits were made by bundle {used}, not by the bundle described here ({own}).")
