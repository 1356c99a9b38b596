"""Comparison of two bundles for promotion: the gate on the out-of-sample forecasts that both carry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from levercap.evidence.gate import Decision, GateRule, decide
from levercap.storage.out_of_sample import read_out_of_sample

__all__ = ["OutOfSample", "compare", "out_of_sample"]


@dataclass(frozen=True, eq=False)
class OutOfSample:
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


def out_of_sample(bundle_folder: Path) -> OutOfSample:
    """Out-of-sample forecasts of a bundle, after verifying it; raises BundleError when it carries none."""
    tables, until = read_out_of_sample(bundle_folder)
    return OutOfSample(tables["tails"], tables["baseline_tails"], tables["outcomes"], until)


def compare(challenger: OutOfSample, champion: OutOfSample | None, rule: GateRule) -> tuple[Decision, str, int]:
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
