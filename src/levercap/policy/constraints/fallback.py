"""Fallback: ceiling on limits that rest on incomplete data more than a small part."""

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
    meaning="Where data are missing for more than a small share of what is held, a conservative ceiling applies.",
    source="policy",
    bound=_bound,
    keys=("policy.fallback_max_leverage", "policy.fallback_share"),
    required="it bounds the limits that rest on incomplete data; policy.fallback_max_leverage sets how tightly",
)
