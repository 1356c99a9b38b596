"""Venue tiers: the initial margin that the venue asks for."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs

__all__ = ["VENUE_TIERS"]


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return inputs.tier_cap


VENUE_TIERS: Final = Constraint(
    name="venue_tiers",
    title="venue tiers",
    meaning="Equity covers the initial margin of the venue's tiers, where the venue has any.",
    source="venue",
    bound=_bound,
    keys=("policy.missing_tier_max_leverage", "policy.missing_tier_maintenance_share"),
)
