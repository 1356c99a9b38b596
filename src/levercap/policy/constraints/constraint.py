"""Constraint: an upper bound on an account's leverage, with the words it is described in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import BoolArray, FloatArray
from levercap.core.risk_numbers import RiskNumbers
from levercap.policy.terms import Terms

__all__ = ["Constraint", "ConstraintInputs", "leverage_ratio"]


@dataclass(frozen=True, eq=False)
class ConstraintInputs:
    """What a constraint may depend on; every array is (accounts,).

    Attributes
    ----------
    risk : risk numbers, fractions of gross notional and probabilities over the horizon
    terms : what profile and jurisdiction allow
    incomplete : more than `policy.fallback_share` of gross notional is in symbols that are not scored from data
    tier_cap : largest leverage whose initial margin the equity covers, inf where the venue has no tiers
    leverage_at_loss : largest leverage at which equity covers a path loss, (accounts,) per unit of gross notional, and
        the maintenance margin of what is held
    policy : budgets and caps
    """

    risk: RiskNumbers
    terms: Terms
    incomplete: BoolArray
    tier_cap: FloatArray
    leverage_at_loss: Callable[[FloatArray], FloatArray]
    policy: PolicyConfig


@dataclass(frozen=True)
class Constraint:
    """One upper bound on leverage.

    Attributes
    ----------
    name : identifier: its column is ``cap_<name>``, its switch ``policy.constraints.<name>``
    title : what people read
    meaning : one sentence
    source : standard or paper, or "venue" or "policy"
    bound : inputs -> (accounts,) largest leverage, inf where the constraint does not apply, NaN where it cannot be
        computed; with `budgets`, (budgets, accounts), of which the smallest counts
    keys : keys of the configuration that set it
    budgets : names of the budgets inside it, in the order of the rows of `bound`; empty where it is a single bound
    required : why it cannot be switched off; empty where it can
    """

    name: str
    title: str
    meaning: str
    source: str
    bound: Callable[[ConstraintInputs], FloatArray]
    keys: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    required: str = ""

    @property
    def column(self) -> str:
        """Name of its column in the limits."""
        return f"cap_{self.name}"


def leverage_ratio(numerator: FloatArray | float, loss: FloatArray) -> FloatArray:
    """Numerator over loss; inf where the loss is not positive or the ratio overflows, NaN where the loss is NaN."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(loss <= 0, np.inf, np.divide(numerator, np.where(loss <= 0, 1.0, loss)))
