"""Inputs of the report: folders as other commands wrote them. What is not there is reported as not run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import ConfigError, DataError
from levercap.core.horizon import DAY, Horizon
from levercap.evidence.columns import TABLES
from levercap.storage.scoring_run import ScoringRun

__all__ = ["AGAIN", "Evaluation", "Scores", "not_shown", "read_evaluation", "read_manifest", "read_scores"]

AGAIN: Final = "not run with this version: run `levercap evaluate` again"

FORECASTS: Final = ("forecasts", "tails", "outcomes")
"""Tables that an evaluation of any version holds."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Evidence tables of an evaluation, as `levercap.evidence.columns.TABLES` states their columns.

    Attributes
    ----------
    tables : by name; one that was written empty has no rows
    summary : as in summary.json
    outdated : tables that are absent or lack a column, as in the folder of an earlier version
    """

    tables: Mapping[str, pd.DataFrame]
    summary: dict[str, Any] = field(default_factory=dict)
    outdated: tuple[str, ...] = ()

    def table(self, name: str, model: str | None = None) -> pd.DataFrame | None:
        """Table `name`, or the rows of one model in it; None where there are none."""
        frame = self.tables.get(name)
        if frame is not None and model is not None:
            frame = frame[frame["model"] == model]
        return None if frame is None or frame.empty else frame.reset_index(drop=True)

    @property
    def horizon(self) -> Horizon:
        """Horizon of the forecasts."""
        return Horizon(int(self.summary.get("horizon_hours", DAY.hours)))


def not_shown(evaluation: Evaluation | None, *tables: str) -> str:
    """Why something that is read from `tables` is not shown, as part of a sentence."""
    if evaluation is None:
        return "no evaluation was given"
    return AGAIN if set(tables) & set(evaluation.outdated) else "no forecast with a known outcome"


@dataclass(frozen=True, eq=False)
class Scores:
    """Limits of one instant.

    Attributes
    ----------
    limits : the limits frame, one row per account
    summary : what the scoring run wrote about itself; empty where it wrote nothing
    dates : how many instants the file holds; more than one for a replay, of which the last is shown
    """

    limits: pd.DataFrame
    summary: dict[str, Any]
    dates: int = 1


def read_evaluation(folder: Path | None) -> Evaluation | None:
    """Evaluation in `folder`; None when none was given. Raises when the folder is missing or holds nothing of one.

    Tables of an earlier version are left out and named in `outdated`.
    """
    if folder is None:
        return None
    _check_folder(folder, "--evaluation")
    if not any((folder / f"{name}.parquet").is_file() for name in (*FORECASTS, *TABLES)):
        raise DataError(f"{folder} holds no evaluation; expected the tables that `levercap evaluate` writes")
    found = {name: _parquet(folder / f"{name}.parquet") for name in TABLES}
    tables = {name: frame for name, frame in found.items() if frame is not None and set(TABLES[name]) <= set(frame)}
    outdated = tuple(name for name in TABLES if name not in tables)
    return Evaluation(tables, _json(folder / "summary.json"), outdated)


def read_scores(folder: Path | None) -> Scores | None:
    """Limits in `folder`: of one scoring run, of the latest complete one of many, or the last instant of a replay."""
    if folder is None:
        return None
    _check_folder(folder, "--scores")
    runs = ScoringRun.complete_in(folder)
    place = folder if (folder / "limits.parquet").is_file() or not runs else runs[-1].folder
    limits = _parquet(place / "limits.parquet")
    if limits is None:
        raise DataError(f"{folder} holds no limits.parquet and no complete scoring run")
    dates = limits["as_of"].nunique() if "as_of" in limits else 1
    if dates > 1:
        limits = limits[limits["as_of"] == limits["as_of"].max()].reset_index(drop=True)
    return Scores(limits, _json(place / "summary.json"), dates)


def read_manifest(folder: Path | None) -> dict[str, Any] | None:
    """Manifest of the bundle in `folder`, unchecked: loading a bundle verifies it, reporting on one only quotes it."""
    if folder is None:
        return None
    _check_folder(folder, "--bundle")
    manifest = _json(folder / "MANIFEST.json")
    if not manifest:
        raise DataError(f"{folder} holds no readable MANIFEST.json; give the folder that `levercap train` wrote")
    return manifest


def _check_folder(folder: Path, flag: str) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{flag} {folder}: no such folder")


def _parquet(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is not readable JSON: {error}") from None
    return content if isinstance(content, dict) else {}
