"""Risk numbers -> limits: constraints, guardrails, actions and reasons. Arrays in, arrays out."""

from levercap.policy.actions import account_actions, rejected_actions
from levercap.policy.breaker import BatchChange, BatchFigures, Trip, trips
from levercap.policy.caps import Caps, account_caps, tightest
from levercap.policy.constraints import (
    GUARDRAIL,
    Constraint,
    ConstraintInputs,
    all_constraints,
    binding_constraint,
    binding_title,
    cap_columns,
    fallback_cap,
    insolvency_cap,
    long_memory_loss,
    loss_threshold_cap,
    register,
)
from levercap.policy.guardrails import Guarded, apply_guardrails
from levercap.policy.hold import held_limits, hold_weight
from levercap.policy.jurisdictions import jurisdiction_findings, jurisdiction_terms, place_code
from levercap.policy.reasons import LIMIT_REASONS, join_reasons
from levercap.policy.terms import Terms, profile_terms

__all__ = [
    "GUARDRAIL",
    "LIMIT_REASONS",
    "BatchChange",
    "BatchFigures",
    "Caps",
    "Constraint",
    "ConstraintInputs",
    "Guarded",
    "Terms",
    "Trip",
    "account_actions",
    "account_caps",
    "all_constraints",
    "apply_guardrails",
    "binding_constraint",
    "binding_title",
    "cap_columns",
    "fallback_cap",
    "held_limits",
    "hold_weight",
    "insolvency_cap",
    "join_reasons",
    "jurisdiction_findings",
    "jurisdiction_terms",
    "long_memory_loss",
    "loss_threshold_cap",
    "place_code",
    "profile_terms",
    "register",
    "rejected_actions",
    "tightest",
    "trips",
]
