"""Scoring run: one folder ``as_of=YYYY-MM-DDTHH`` with the limits of one instant, and how such folders are found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import DataError, Finding, Severity
from levercap.storage.atomic import SUCCESS

__all__ = ["ScoringRun"]

PREFIX: Final = "as_of="
STAMP: Final = "%Y-%m-%dT%H"
HELD: Final = "held"
"""Folder below the scores with the runs that were held back."""
LISTED: Final = 5
"""Number of existing runs that an error names."""


@dataclass(frozen=True)
class ScoringRun:
    """Folder of one scoring run.

    Attributes
    ----------
    folder : path of the folder; it need not exist yet
    as_of : instant of the limits, a whole hour in UTC
    """

    folder: Path
    as_of: pd.Timestamp

    @classmethod
    def at(cls, scores: Path, as_of: pd.Timestamp) -> ScoringRun:
        """Where the run of `as_of` stands below `scores`, whether it exists or not."""
        return cls(scores / f"{PREFIX}{as_of:{STAMP}}", as_of)

    @classmethod
    def held_at(cls, scores: Path, as_of: pd.Timestamp) -> ScoringRun:
        """Where the run of `as_of` stands below `scores` when it is held back: no verb takes it for a published one."""
        return cls.at(scores / HELD, as_of)

    @classmethod
    def only_held_in(cls, scores: Path) -> bool:
        """Whether `scores` holds runs that were held back and nothing else."""
        return [path.name for path in scores.iterdir() if not path.name.startswith(".")] == [HELD]

    @classmethod
    def in_folder(cls, folder: Path) -> ScoringRun | None:
        """Run in `folder`, by the folder's name; None when the name is not one of a run."""
        if not folder.name.startswith(PREFIX):
            return None
        as_of = pd.to_datetime(folder.name.removeprefix(PREFIX), format=STAMP, utc=True, errors="coerce")
        return None if pd.isna(as_of) else cls(folder, as_of.as_unit("us"))

    @classmethod
    def complete_in(cls, scores: Path) -> list[ScoringRun]:
        """Complete runs below `scores`, earliest first."""
        runs = [run for folder in scores.glob(f"{PREFIX}*") if (run := cls.in_folder(folder)) and run.is_complete]
        return sorted(runs, key=lambda run: run.as_of)

    @classmethod
    def find(cls, scores: Path, as_of: pd.Timestamp | None = None) -> ScoringRun:
        """Complete run of `as_of` below `scores`, or the latest one; raises DataError when there is none."""
        complete = cls.complete_in(scores)
        wanted = [run for run in complete if as_of is None or run.as_of == as_of]
        if wanted:
            return wanted[-1]
        missing = "no complete scoring run" if as_of is None else f"no complete scoring run of {as_of:{STAMP}}"
        known = tuple(run.folder.name for run in complete[-LISTED:])
        hint = f"a folder with {PREFIX}... folders in it, as `levercap score --out` writes"
        finding = Finding("scores_missing", Severity.FATAL, str(scores), missing, 1, known, hint)
        raise DataError("the scores cannot be used", [finding])

    @classmethod
    def before(cls, path: Path, as_of: pd.Timestamp) -> ScoringRun:
        """Latest complete run before `as_of`: that in `path`, or of those below it; raises DataError when none is."""
        alone = cls.in_folder(path)
        runs = cls.complete_in(path) if alone is None else [alone] if alone.is_complete else []
        earlier = [run for run in runs if run.as_of < as_of]
        if earlier:
            return earlier[-1]
        finding = Finding(
            "previous_missing", Severity.FATAL, str(path), f"no complete scoring run before {as_of}", len(runs),
            hint=f"a limits.parquet, or a folder of {PREFIX}...; leave --previous out for the very first scoring",
        )  # fmt: skip
        raise DataError("the previous limits cannot be used", [finding])

    @property
    def is_complete(self) -> bool:
        """Whether the folder was written to its end."""
        return (self.folder / SUCCESS).is_file()

    @property
    def limits(self) -> Path:
        """File of the limits, one row per account."""
        return self.folder / "limits.parquet"

    @property
    def symbol_limits(self) -> Path:
        """File of the limits of single positions, one row per symbol and side."""
        return self.folder / "symbol_limits.parquet"

    @property
    def snapshot(self) -> Path:
        """Folder of the market snapshot that was scored with."""
        return self.folder / "snapshot"

    @property
    def summary(self) -> Path:
        """File of the counts, findings and provenance."""
        return self.folder / "summary.json"

    def read_summary(self) -> dict[str, Any]:
        """Content of the summary; empty where there is none."""
        if not self.summary.is_file():
            return {}
        stated = json.loads(self.summary.read_text(encoding="utf-8"))
        return stated if isinstance(stated, dict) else {}

    def provenance(self) -> dict[str, Any]:
        """What the summary states of the run's inputs; empty where there is no summary."""
        found = self.read_summary().get("provenance", {})
        return found if isinstance(found, dict) else {}
