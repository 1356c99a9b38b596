"""Result of a verb: text or one JSON object on stdout; everything else goes to stderr."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import levercap
from levercap.core.errors import (
    BundleError,
    ConfigError,
    DataError,
    Finding,
    GateFailed,
    ModelError,
    RegistryError,
    Severity,
)
from levercap.core.text import escaped

__all__ = ["CODES", "Result", "counted", "envelope", "failure_envelope", "finding_entry", "pairs", "percent", "table"]

PERCENT: Final = " %"

CODES: Final[Mapping[type[BaseException], str]] = {
    ConfigError: "config_error",
    DataError: "data_error",
    BundleError: "bundle_error",
    RegistryError: "registry_error",
    ModelError: "model_error",
    GateFailed: "gate_failed",
}
"""Codes of errors in the envelope, special before general; what is not here is ``internal_error``."""


@dataclass(frozen=True)
class Result:
    """Outcome of a verb.

    Attributes
    ----------
    text : what a person reads
    data : the same and more for machines; goes into the envelope's ``data``
    findings : problems met on the way
    exit_code : 0, or what the verb found: 1 gate failed, 3 fatal findings
    """

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    exit_code: int = 0


def envelope(result: Result) -> str:
    """JSON object ``{version, status, data, diagnostics}`` of a verb that ran to its end."""
    status = {0: "pass", 1: "fail"}.get(result.exit_code, "error")
    return _dump(status, result.data, [finding_entry(finding) for finding in result.findings])


def failure_envelope(error: BaseException, exit_code: int) -> str:
    """The same for a verb that raised."""
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "internal_error")
    findings = error.findings if isinstance(error, DataError) else ()
    message = str(error).split("\n")[0] if isinstance(error, DataError) else str(error)
    hint, where = (_joined(getattr(finding, name) for finding in findings) for name in ("hint", "where"))
    whole = {"code": code, "message": message or type(error).__name__, "hint": hint, "where": where}
    entries = [whole, *map(finding_entry, findings)]
    return _dump("fail" if exit_code == 1 else "error", {"exit_code": exit_code}, entries)


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def counted(number: int, name: str) -> str:
    """Number and noun, in the plural where it is not one: ``1 warning``, ``1,200 accounts``."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def finding_entry(finding: Finding) -> dict[str, Any]:
    """One diagnostic of the envelope."""
    return {
        "code": finding.code,
        "message": finding.message,
        "hint": finding.hint,
        "where": finding.where,
        "fatal": finding.severity is Severity.FATAL,
        "count": finding.count,
        "examples": list(finding.examples),
    }


def pairs(rows: Mapping[str, object]) -> str:
    """Names and values in two aligned columns."""
    width = max((len(name) for name in rows), default=0)
    return "\n".join(f"{name:<{width}}  {cell(value)}".rstrip() for name, value in rows.items())


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned table: numbers to the right, text to the left."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells), 0) for i, name in enumerate(header)]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]

    def line(texts: Sequence[str]) -> str:
        parts = (t.rjust(w) if r else t.ljust(w) for t, w, r in zip(texts, widths, right, strict=True))
        return "  ".join(parts).rstrip()

    return "\n".join([line(header), "  ".join("-" * w for w in widths), *map(line, cells)])


def percent(share: float | None) -> str | None:
    """A share as a percentage of four significant digits; None stays None."""
    return None if share is None else f"{100 * share + 0.0:.4g}{PERCENT}"


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and value.endswith(PERCENT))


def cell(value: object) -> str:
    """One value as a person reads it: four significant digits, ``-`` where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value + 0.0:.4g}"  # no minus before a zero
    return escaped(str(value))


def _dump(status: str, data: Mapping[str, Any], diagnostics: Sequence[Mapping[str, Any]]) -> str:
    whole = {"version": levercap.__version__, "status": status, "data": data, "diagnostics": diagnostics}
    return json.dumps(_plain(whole), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """Value of JSON's own types: paths and instants become text, not-a-number becomes null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, date):  # datetimes and pandas timestamps are dates too; NaT is not equal to itself
        return value.isoformat() if value == value else None
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)
