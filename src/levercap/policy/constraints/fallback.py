"""Fallback: ceiling on limits that rest on incomplete data."""

from __future__ import annotations

from typing import Final

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import BoolArray, FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs

__all__ = ["FALLBACK", "fallback_cap"]


def fallback_cap(incomplete: BoolArray, policy: PolicyConfig) -> FloatArray:
    """(accounts,) ceiling where data is incomplete, inf elsewhere."""
    return np.where(incomplete, policy.fallback_max_leverage, np.inf)


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return fallback_cap(inputs.incomplete, inputs.policy)


FALLBACK: Final = Constraint(
    name="fallback",
    title="fallback: incomplete data",
    meaning="Where data are incomplete, leverage stays within a conservative ceiling.",
    source="policy",
    bound=_bound,
    keys=("policy.fallback_max_leverage",),
    required="it bounds the limits that rest on incomplete data; policy.fallback_max_leverage sets how tightly",
)
