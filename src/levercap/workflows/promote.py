"""The promotion gate at work: challenger against champion on the evidence both carry, and the move of the alias."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import BundleError, GateFailed
from levercap.evidence.gate import Decision, GateRule, decide
from levercap.storage import registry
from levercap.storage.atomic import atomic_folder, write_json
from levercap.storage.bundle_files import FORMAT, FORMAT_VERSION
from levercap.storage.manifest import verify
from levercap.storage.tables import write_parquet

__all__ = ["EVIDENCE", "Evidence", "compare", "promote", "read_evidence"]

EVIDENCE: Final = "evidence"
"""Folder inside a bundle with its own out-of-sample forecasts and what then happened."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Out-of-sample walk-forward forecasts of the last year before the end of a bundle's training.

    Two bundles trained up to now share no later day on which both could be tried. Each therefore carries what its
    recipe forecast for days it had not been fitted on, and the two are compared where those days overlap.

    Attributes
    ----------
    tails : the tail forecasts of the bundle's recipe
    baseline : those of the baseline for the same origins
    outcomes : what then happened
    until : end of the bundle's training
    """

    tails: pd.DataFrame
    baseline: pd.DataFrame
    outcomes: pd.DataFrame
    until: pd.Timestamp


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
    champion : version to beat; None is whoever holds the alias, and when nobody does, the baseline
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
    mine = read_evidence(registry.resolve(new.uri))
    theirs = None if old is None else read_evidence(registry.resolve(old.uri))
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


def compare(challenger: Evidence, champion: Evidence | None, rule: GateRule) -> tuple[Decision, str, int]:
    """Decision of the gate, whom the challenger was measured against, and on how many days.

    The champion counts when the two share forecasts on at least ``rule.minimum_days`` days. With less in common, as
    after a long pause or on another market, the baseline is the opponent on all of the challenger's days, as for a
    first champion.
    """
    common = [] if champion is None else _common_origins(challenger.tails, champion.tails)
    days = len({instant.floor("D") for instant in common})
    if champion is None or days < rule.minimum_days:
        decision = decide(challenger.tails, None, challenger.baseline, challenger.outcomes, rule)
        return decision, "baseline", challenger.tails["as_of"].dt.floor("D").nunique()
    mine, theirs, baseline, outcomes = (
        frame[frame["as_of"].isin(common)]
        for frame in (challenger.tails, champion.tails, challenger.baseline, challenger.outcomes)
    )
    return decide(mine, theirs, baseline, outcomes, rule, challenger.until > champion.until), "champion", days


def _common_origins(tails: pd.DataFrame, others: pd.DataFrame) -> list[pd.Timestamp]:
    """Origins at which both forecast at least one symbol in common."""
    mine, theirs = (frame[["as_of", "symbol"]].drop_duplicates() for frame in (tails, others))
    return sorted(mine.merge(theirs)["as_of"].unique())


def read_evidence(bundle_folder: Path) -> Evidence:
    """Evidence of a bundle, after verifying the bundle; raises BundleError when it carries none."""
    manifest = verify(bundle_folder, FORMAT, FORMAT_VERSION)
    names = ("tails", "baseline_tails", "outcomes")
    missing = [name for name in names if not (bundle_folder / EVIDENCE / f"{name}.parquet").is_file()]
    if missing:
        raise BundleError(
            f"{bundle_folder} carries no evidence ({', '.join(missing)} missing in {EVIDENCE}/), so it cannot be "
            "compared; train it again with `levercap train`"
        )
    tails, baseline, outcomes = (pd.read_parquet(bundle_folder / EVIDENCE / f"{name}.parquet") for name in names)
    return Evidence(tails, baseline, outcomes, pd.Timestamp(manifest["training"]["until"]))


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
