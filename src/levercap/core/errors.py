"""Everything that can go wrong, and the exit code each kind ends with.

LevercapError (70)
├── ConfigError (2)      usage or configuration
├── DataError (3)        input data that cannot be used; carries its findings
├── ModelError (4)       bundle, model or registry
│   ├── BundleError      a bundle that is missing, tampered with or of another format
│   └── RegistryError    the MLflow registry does not answer or has no such version
└── GateFailed (1)       a command ran and found what it gates
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from levercap.core.text import escaped

__all__ = [
    "BundleError",
    "ConfigError",
    "DataError",
    "Finding",
    "GateFailed",
    "LevercapError",
    "ModelError",
    "RegistryError",
    "Severity",
]


class Severity(StrEnum):
    """Whether a finding stops the work (`fatal`) or is reported and worked around (`warning`)."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One kind of problem found in input data: where, how often, and what to do.

    Attributes
    ----------
    code : short stable name, e.g. ``duplicate_bars``
    severity : fatal or warning
    where : file or table, and column where there is one, e.g. ``bars.parquet: timestamp``
    message : what is wrong, in a sentence
    count : how many rows (or symbols, as the message says) are affected
    examples : the first affected rows, each as one readable line
    hint : what was expected, or the line to write

    Texts may quote input: control characters in them are escaped, line breaks in the examples too, so that no terminal
    or log obeys them.
    """

    code: str
    severity: Severity
    where: str
    message: str
    count: int = 1
    examples: tuple[str, ...] = ()
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("where", "message", "hint"):
            lines = getattr(self, name).split("\n")
            object.__setattr__(self, name, "\n".join(map(escaped, lines)))
        object.__setattr__(self, "examples", tuple(map(escaped, self.examples)))

    def __str__(self) -> str:
        lines = [f"{self.severity.value:<7} {self.code}  [{self.where}]  {self.count:,} x  {self.message}"]
        lines += [f"          {example}" for example in self.examples]
        if self.hint:
            lines.append(f"        expected: {self.hint}")
        return "\n".join(lines)


class LevercapError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = 70


class ConfigError(LevercapError):
    """A wrong flag, configuration key or value."""

    exit_code = 2


class DataError(LevercapError):
    """Input data that cannot be used; `findings` lists every problem, not only the first."""

    exit_code = 3

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([message, *map(str, self.findings)]))


class ModelError(LevercapError):
    """A model, bundle or registry that cannot be used."""

    exit_code = 4


class BundleError(ModelError):
    """A bundle that is missing, incomplete, tampered with or of an unknown format."""


class RegistryError(ModelError):
    """The model registry does not answer, or has no such model or alias."""


class GateFailed(LevercapError):  # noqa: N818 - an outcome, not a malfunction
    """A command ran to its end and the thing it gates did not pass."""

    exit_code = 1
