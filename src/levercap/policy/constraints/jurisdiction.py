"""Jurisdiction: hard cap on leverage by law."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs

__all__ = ["JURISDICTION"]


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return inputs.terms.jurisdiction


JURISDICTION: Final = Constraint(
    name="jurisdiction",
    title="cap of the jurisdiction",
    meaning="Leverage stays within the hard cap of the jurisdiction for the segment.",
    source="ESMA Decision (EU) 2018/796",
    bound=_bound,
    keys=("policy.jurisdiction_caps", "policy.unknown_jurisdiction", "policy.default_jurisdiction"),
)
