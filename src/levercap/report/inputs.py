"""What the report is made from: folders as other commands wrote them. What is not there is reported as not run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import ConfigError, DataError
from levercap.storage.scoring_run import ScoringRun

__all__ = ["PROOF", "Evaluation", "Scores", "read_evaluation", "read_manifest", "read_scores"]

_ROW: Final = ("model", "side", "kind", "level")

PROOF: Final[Mapping[str, tuple[str, ...]]] = {
    "backtests": (*_ROW, "test", "p_value", "verdict", "note"),
    "coverage": (*_ROW, "days", "hits", "hit_rate", "low", "high", "p_value", "coins", "coins_passing"),
    "by_symbol": (*_ROW, "symbol", "days", "d_fz0", "hit_rate", "kupiec_p", "passes"),
    "by_year": (*_ROW, "year", "days", "d_fz0", "ci_low", "ci_high", "hit_rate", "hit_low", "hit_high"),
    "influence": (*_ROW, "days", "d_fz0", "without_top10", "without_helpful10", "days_to_overturn"),
    "influential_days": (*_ROW, "rank", "day", "difference", "contribution"),
    "events": (*_ROW, "event", "start", "end", "days", "difference", "without", "low", "high"),
    "post_break": (*_ROW, "source", "break", "days", "hits", "hit_rate", "low", "high", "p_value"),
    "hits": (*_ROW, "day", "share"),
    "shocks": ("side", "barrier", "events", "skill", "skill_low", "skill_high", "slope", "auc", "auc_scale"),
    "reliability": ("side", "barrier", "predicted", "observed", "low", "high", "count"),
    "murphy": ("side", "kind", "level", "forecast", "threshold", "score", "reference", "difference", "low", "high"),
    "attributions": ("learner", "feature", "contribution", "share", "rank"),
}
"""Tables of evidence beside the forecasts, each with the columns that the report cannot do without."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Files of an evaluation; None where the folder has no such file.

    `proof` holds those of the tables `PROOF` that are there; one that was written empty has no rows.
    """

    tails: pd.DataFrame | None = None
    baseline_tails: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    forecasts: pd.DataFrame | None = None
    leaderboard: pd.DataFrame | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    proof: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def evidence(self, name: str, model: str | None = None) -> pd.DataFrame | None:
        """Table `name` of `PROOF`, or the rows of one model in it; None where there are none."""
        frame = self.proof.get(name)
        if frame is not None and model is not None:
            frame = frame[frame["model"] == model]
        return None if frame is None or frame.empty else frame.reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Scores:
    """Limits of one instant.

    Attributes
    ----------
    limits : the limits frame, one row per account
    summary : what the scoring run said of itself; empty where it wrote nothing
    dates : how many instants the file holds; more than one for a replay, of which the last is shown
    """

    limits: pd.DataFrame
    summary: dict[str, Any]
    dates: int = 1


def read_evaluation(folder: Path | None) -> Evaluation | None:
    """Evaluation in `folder`; None when none was given. Raises when the folder is missing or holds nothing of one."""
    if folder is None:
        return None
    _check_folder(folder, "--evaluation")
    names = ("tails", "baseline_tails", "outcomes", "forecasts", "leaderboard")
    frames = {name: _parquet(folder / f"{name}.parquet") for name in names}
    if all(frame is None for frame in frames.values()):
        raise DataError(f"{folder} holds no evaluation; expected {', '.join(f'{n}.parquet' for n in names)}")
    return Evaluation(**frames, summary=_json(folder / "summary.json"), proof=_proof(folder))


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


def _proof(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of evidence that are there; all that lack a column are named at once."""
    frames = {name: frame for name in PROOF if (frame := _parquet(folder / f"{name}.parquet")) is not None}
    absent = {name: [c for c in PROOF[name] if c not in frame] for name, frame in frames.items()}
    problems = [f"{name}.parquet has no column {', '.join(columns)}" for name, columns in absent.items() if columns]
    if problems:
        raise DataError(f"{folder}: {'; '.join(problems)}. Evaluate again with this version, or remove the file")
    return frames


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
