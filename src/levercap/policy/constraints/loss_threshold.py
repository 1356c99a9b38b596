"""Loss threshold: expected shortfall of the path against equity."""

from __future__ import annotations

from typing import Final

from levercap.core.names import FloatArray
from levercap.policy.constraints.constraint import Constraint, ConstraintInputs, leverage_ratio

__all__ = ["LOSS_THRESHOLD", "loss_threshold_cap"]


def loss_threshold_cap(threshold: FloatArray, path_es: FloatArray) -> FloatArray:
    """(accounts,) leverage at which the path ES takes the threshold share of equity; inf where there is no loss."""
    return leverage_ratio(threshold, path_es)


def _bound(inputs: ConstraintInputs) -> FloatArray:
    return loss_threshold_cap(inputs.terms.threshold, inputs.risk.path_es_975)


LOSS_THRESHOLD: Final = Constraint(
    name="loss_threshold",
    title="maximum loss of the profile",
    meaning="Path ES at 97.5 % takes no more of equity than the profile allows.",
    source="ES at 97.5 %: Basel MAR33",
    bound=_bound,
    keys=("policy.profiles",),
)
