"""Insolvency budget: expected loss beyond the margin (shortfall risk)."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs, leverage_ratio

__all__ = ["INSOLVENCY", "insolvency_cap"]


def insolvency_cap(insolvency_margin: FloatArray) -> FloatArray:
    """(accounts,) leverage whose margin ``1 / L`` is the insolvency margin; inf where no margin is needed."""
    return leverage_ratio(1.0, insolvency_margin)


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return insolvency_cap(inputs.risk.insolvency_margin)


INSOLVENCY: Final = Constraint(
    name="insolvency",
    title="insolvency budget",
    meaning="Expected bad debt within the horizon, closing cost included, stays within its budget.",
    source="shortfall risk: Föllmer and Schied (2002), Convex measures of risk and trading constraints",
    bound=_bound,
    keys=("policy.insolvency_budget", "policy.closing_cost"),
)
