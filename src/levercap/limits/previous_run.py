"""The previous run: the limits in force and the figures of their book, as an earlier scoring run wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import BundleError, DataError, Finding, Severity
from levercap.core.snapshot import EarlierMarket
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import read_earlier_market

__all__ = ["PreviousRun", "previous_market", "read_previous"]

FILE_SUFFIX: Final = ".parquet"
"""A path that ends so names a file, which must be there."""


@dataclass(frozen=True, eq=False)
class PreviousRun:
    """Limits in force.

    Attributes
    ----------
    limits : account_id, as_of, max_leverage and whatever else the file holds; None on the first night
    figures : figures of its book, by the names of `BatchFigures`; empty where they are not known
    findings : that there is no earlier run
    """

    limits: pd.DataFrame | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read_previous(path: Path, as_of: pd.Timestamp) -> PreviousRun:
    """The run that rises and cuts are measured against.

    `path` is a limits file, the folder of one scoring run, or a folder of many, of which the latest complete one before
    `as_of` is read. A folder that does not exist yet, or holds nothing but runs that were held back, means the first
    night. Raises DataError when anything else is there and has no such limits, or when they are not older than `as_of`.
    """
    if path.is_dir():
        if ScoringRun.only_held_in(path):
            return PreviousRun(findings=(_first_night(path),))
        run = ScoringRun.before(path, as_of)
        return PreviousRun(_read(run.limits, as_of), run.read_summary().get("book", {}))
    if not path.exists() and path.suffix != FILE_SUFFIX:
        return PreviousRun(findings=(_first_night(path),))
    return PreviousRun(_read(path, as_of))


def previous_market(
    path: Path | None, as_of: pd.Timestamp, bundle_id: str
) -> tuple[EarlierMarket | None, tuple[Finding, ...]]:
    """What the run that `read_previous` finds was scored with, and what is wrong with it.

    None without a run, for a limits file, and where another bundle scored: the present one remembers later data. A
    snapshot that is damaged or gone is a finding and nothing more, since the bundle remembers too.
    """
    if path is None or not path.is_dir() or ScoringRun.only_held_in(path):
        return None, ()
    folder = ScoringRun.before(path, as_of).snapshot
    try:
        return read_earlier_market(folder, bundle_id), ()
    except BundleError as error:
        message = f"the market of the previous run cannot be used, what the bundle remembers counts alone: {error}"
        hint = "leave the folder snapshot/ of the latest run as it was written"
        return None, (Finding("previous_market_unusable", Severity.WARNING, str(folder), message, hint=hint),)


def _first_night(path: Path) -> Finding:
    message = "there are no earlier limits: the first night. Rises are bounded by what the accounts state, if anything"
    hint = "a folder of earlier scoring runs, if this is not the first"
    return Finding("first_night", Severity.WARNING, f"--previous {path}", message, hint=hint)


def _read(path: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    """Limits of a file; raises DataError when they cannot be read or are not older than `as_of`."""
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        finding = Finding("previous_unreadable", Severity.FATAL, str(path), str(error).splitlines()[0], hint="Parquet")
        raise DataError("the previous limits cannot be used", [finding]) from None
    problems = []
    missing = [name for name in ("account_id", "as_of", "max_leverage") if name not in frame]
    if missing:
        problems.append(f"missing column{'s' if len(missing) > 1 else ''}: {', '.join(missing)}")
    elif not isinstance(frame["as_of"].dtype, pd.DatetimeTZDtype):
        problems.append(f"as_of holds {frame['as_of'].dtype}, expected timestamps with timezone UTC")
    elif len(frame) and frame["as_of"].max() >= as_of:
        problems.append(f"limits of {frame['as_of'].max()} are not earlier than {as_of}")
    if problems:
        hint = "a limits.parquet of an earlier scoring run"
        found = [Finding("previous_unusable", Severity.FATAL, str(path), text, hint=hint) for text in problems]
        raise DataError("the previous limits cannot be used", found)
    return frame
