"""Promotion: challenger against champion, and the move of the alias; and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from levercap.core.errors import GateFailed, RegistryError
from levercap.evidence.checks import failures
from levercap.evidence.gate import GateRule
from levercap.evidence.promotion import compare, out_of_sample
from levercap.market import Market
from levercap.storage import registry
from levercap.storage.atomic import atomic_folder, write_json
from levercap.storage.bundle_files import read_bundle_files
from levercap.storage.champion import move_champion, note_promotion, replaced_by
from levercap.storage.tables import write_parquet
from levercap.workflows.artefact import Judge, judge

__all__ = ["promote", "rollback"]


def promote(
    challenger: str = f"models:/{registry.MODEL}@{registry.CHALLENGER}",
    champion: str | None = None,
    out: Path | None = None,
    rule: GateRule | None = None,
    market: Market | None = None,
    judged_by: Judge = judge,
) -> dict[str, Any]:
    """Make the challenger champion when its recipe's history and its very models pass.

    The record is written, to `out` and beside the version in the registry, before the alias moves; the alias moves only
    from the champion that was judged.

    Parameters
    ----------
    challenger : registered version, ``models:/levercap@challenger`` or ``models:/levercap/4``
    champion : version to beat; None is whoever holds the alias, and when there is none, the baseline
    out : folder for ``promotion.json`` and ``gate.parquet``, written whether it passes or not; None writes nothing
    rule : thresholds of the comparison of histories
    market : bars up to now, so that days after both trainings can be judged; None judges without
    judged_by : how the models are judged

    Returns
    -------
    promoted, challenger, champion, opponent (``champion`` or ``baseline``), common_days, window (what was judged),
    checks (check, window, detail, value, low, high, verdict) and reasons.

    Raises
    ------
    GateFailed
        with every reason; the alias stays where it is
    BundleError, RegistryError
    """
    holder = registry.champion()
    new = registry.find(challenger)
    old = holder if champion is None else registry.find(champion)
    if old is not None and old.version == new.version:
        return _record(new, old, "itself", 0, True, (f"{new.uri} is the champion already",))
    rule = GateRule() if rule is None else rule
    folder = registry.resolve(new.uri)
    before = None if old is None else registry.resolve(old.uri)
    decision, opponent, days = compare(out_of_sample(folder), None if before is None else out_of_sample(before), rule)
    judgement = judged_by(folder, before, market)
    failed = failures(judgement.checks)
    promoted = decision.promote and not failed
    reasons = (*(decision.reasons if not decision.promote or promoted else ()), *failed)
    record = _record(new, old, opponent, days, promoted, reasons)
    record |= {"window": judgement.window, "checks": [check.as_dict() for check in judgement.checks]}
    _write(record, decision.table, new, out)
    if not promoted:
        lines = [f"{new.uri} is not promoted; judged on {judgement.window}:", *(f"  {reason}" for reason in reasons)]
        raise GateFailed("\n".join(lines))
    _move(new, holder, record, decision.table, out)
    return record


def rollback(out: Path | None = None) -> dict[str, Any]:
    """Make the version champion again that the present champion replaced.

    The version must still be readable. The record is written before the alias moves.

    Raises
    ------
    RegistryError
        when there is no champion, or none before it
    BundleError
        when the earlier version cannot be used any more
    """
    holder = registry.champion()
    if holder is None:
        raise RegistryError("there is no champion to go back from")
    earlier = replaced_by(holder)
    if earlier is None:
        raise RegistryError(f"{holder.uri} replaced no earlier champion that is known")
    read_bundle_files(registry.resolve(earlier.uri))
    reason = f"rolled back from {holder.uri} to the champion before it"
    record = _record(earlier, holder, "rollback", 0, True, (reason,)) | {"window": "none", "checks": []}
    _write(record, None, earlier, out)
    _move(earlier, holder, record, None, out)
    return record


def _move(
    new: registry.ModelVersion,
    holder: registry.ModelVersion | None,
    record: dict[str, Any],
    table: pd.DataFrame | None,
    out: Path | None,
) -> None:
    """Move the alias; a record that says so is corrected when somebody else moved it meanwhile."""
    try:
        move_champion(new, holder, remember=record["opponent"] != "rollback")
    except RegistryError as error:
        record |= {"promoted": False, "reasons": [str(error)]}
        _write(record, table, new, out)
        raise


def _write(record: dict[str, Any], table: pd.DataFrame | None, new: registry.ModelVersion, out: Path | None) -> None:
    note_promotion(new, record)
    if out is not None:
        with atomic_folder(out) as building:
            if table is not None:
                write_parquet(table, building / "gate.parquet")
            write_json(record, building / "promotion.json")


def _record(
    new: registry.ModelVersion,
    old: registry.ModelVersion | None,
    opponent: str,
    days: int,
    promoted: bool,
    reasons: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "promoted": promoted,
        "challenger": new.uri,
        "challenger_bundle": new.bundle_id,
        "champion": None if old is None else old.uri,
        "champion_bundle": None if old is None else old.bundle_id,
        "opponent": opponent,
        "common_days": days,
        "reasons": list(reasons),
    }
