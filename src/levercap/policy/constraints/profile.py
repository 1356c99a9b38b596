"""Profile: hard cap on leverage by segment."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs

__all__ = ["PROFILE"]


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return inputs.terms.profile


PROFILE: Final = Constraint(
    name="profile",
    title="leverage cap of the profile",
    meaning="Leverage stays within the hard cap of the segment.",
    source="policy",
    bound=_bound,
    keys=("policy.profiles",),
)
