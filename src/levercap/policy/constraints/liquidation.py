"""Liquidation budget: path VaR against the maintenance margin."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs

__all__ = ["LIQUIDATION"]


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return inputs.leverage_at_loss(inputs.risk.liquidation_loss)


LIQUIDATION: Final = Constraint(
    name="liquidation",
    title="liquidation budget",
    meaning="The probability of liquidation within the horizon stays within its budget.",
    source="VaR of the path minimum: Boudoukh et al. (2004), MaxVaR",
    bound=_bound,
    keys=("policy.liquidation_probability", "policy.maintenance_margin_rate"),
)
