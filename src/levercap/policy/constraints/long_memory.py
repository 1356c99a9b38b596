"""Long-memory floor: the loss budgets with a stressed window mixed into the loss (anti-procyclicality)."""

from __future__ import annotations

from typing import Final

import numpy as np

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs
from levercap.policy.constraints.loss_threshold import loss_threshold_cap

__all__ = ["LONG_MEMORY", "long_memory_loss"]


def long_memory_loss(today: FloatArray, stressed: FloatArray, weight: float) -> FloatArray:
    """(accounts,) loss ``(1 - weight) * today + weight * stressed`` (EMIR RTS 153/2013, Art. 28 b).

    Exactly today's loss where the stressed one equals it. Used beside today's loss, so it can only tighten a limit.
    """
    return today + weight * (stressed - today)


def _bound(inputs: ConstraintInputs) -> FloatArray:
    """(2, accounts) bounds of the liquidation budget and of the loss threshold."""
    risk, weight = inputs.risk, inputs.policy.stressed_weight
    liquidation = inputs.leverage_at_loss(
        long_memory_loss(risk.liquidation_loss, risk.stressed_liquidation_loss, weight)
    )
    path_es = long_memory_loss(risk.path_es_975, risk.stressed_path_es_975, weight)
    return np.stack([liquidation, loss_threshold_cap(inputs.terms.threshold, path_es)])


LONG_MEMORY: Final = Constraint(
    name="long_memory",
    title="long-memory floor",
    meaning="The liquidation budget and the maximum loss hold with a stressed window mixed into the loss.",
    source="EMIR RTS 153/2013, Article 28(1)(b)",
    bound=_bound,
    keys=("policy.stressed_weight", "policy.stressed_quantile"),
    budgets=("liquidation", "loss_threshold"),
)
