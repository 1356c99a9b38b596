"""Constraints on leverage: one file each and one catalogue."""

from levercap.policy.constraints.catalogue import (
    GUARDRAIL,
    all_constraints,
    binding_budget,
    binding_constraint,
    binding_title,
    cap_columns,
    register,
)
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs, leverage_ratio
from levercap.policy.constraints.fallback import fallback_cap
from levercap.policy.constraints.insolvency import insolvency_cap
from levercap.policy.constraints.long_memory import long_memory_loss
from levercap.policy.constraints.loss_threshold import loss_threshold_cap

__all__ = [
    "GUARDRAIL",
    "Constraint",
    "ConstraintInputs",
    "all_constraints",
    "binding_budget",
    "binding_constraint",
    "binding_title",
    "cap_columns",
    "fallback_cap",
    "insolvency_cap",
    "leverage_ratio",
    "long_memory_loss",
    "loss_threshold_cap",
    "register",
]
