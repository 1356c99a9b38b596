"""Promotion: challenger against champion on the forecasts that both bundles carry, and the move of the alias."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from levercap.core.errors import GateFailed
from levercap.evidence.gate import GateRule
from levercap.evidence.promotion import compare, out_of_sample
from levercap.storage import registry
from levercap.storage.atomic import atomic_folder, write_json
from levercap.storage.tables import write_parquet

__all__ = ["promote"]


def promote(
    challenger: str = f"models:/{registry.MODEL}@{registry.CHALLENGER}",
    champion: str | None = None,
    out: Path | None = None,
    rule: GateRule | None = None,
) -> dict[str, Any]:
    """Make the challenger champion when the gate lets it pass.

    Parameters
    ----------
    challenger : registered version, ``models:/levercap@challenger`` or ``models:/levercap/4``
    champion : version to beat; None is whoever holds the alias, and when there is none, the baseline
    out : folder for ``promotion.json`` and ``gate.parquet``, written whether it passes or not; None writes nothing
    rule : thresholds of the gate

    Returns
    -------
    promoted, challenger, champion, opponent (``champion`` or ``baseline``), common_days and reasons.

    Raises
    ------
    GateFailed
        with every reason; the alias stays where it is
    BundleError, RegistryError
    """
    new = registry.find(challenger)
    old = registry.champion() if champion is None else registry.find(champion)
    if old is not None and old.version == new.version:
        return _record(new, old, "itself", 0, True, (f"{new.uri} is the champion already",))
    rule = GateRule() if rule is None else rule
    mine = out_of_sample(registry.resolve(new.uri))
    theirs = None if old is None else out_of_sample(registry.resolve(old.uri))
    decision, opponent, days = compare(mine, theirs, rule)
    record = _record(new, old, opponent, days, decision.promote, decision.reasons)
    if decision.promote:
        registry.set_alias(registry.CHAMPION, new.version)
    if out is not None:
        with atomic_folder(out) as building:
            write_parquet(decision.table, building / "gate.parquet")
            write_json(record, building / "promotion.json")
    if not decision.promote:
        raise GateFailed("\n".join([f"{new.uri} is not promoted:", *(f"  {reason}" for reason in decision.reasons)]))
    return record


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
