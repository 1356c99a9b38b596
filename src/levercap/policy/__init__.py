"""Risk numbers -> limits: caps, guardrails, actions and reasons. Arrays in, arrays out."""

from levercap.policy.actions import account_actions, rejected_actions
from levercap.policy.caps import (
    CAPS,
    fallback_cap,
    insolvency_cap,
    jurisdiction_cap,
    long_memory,
    loss_threshold_cap,
    profile_terms,
    tightest,
)
from levercap.policy.guardrails import Guarded, apply_guardrails
from levercap.policy.reasons import REASONS, join_reasons

__all__ = [
    "CAPS",
    "REASONS",
    "Guarded",
    "account_actions",
    "apply_guardrails",
    "fallback_cap",
    "insolvency_cap",
    "join_reasons",
    "jurisdiction_cap",
    "long_memory",
    "loss_threshold_cap",
    "profile_terms",
    "rejected_actions",
    "tightest",
]
