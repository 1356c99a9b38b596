"""Caps: the bound on leverage of every constraint of the catalogue, the smallest of them, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.policy.constraints import Constraint, ConstraintInputs, all_constraints, binding_budget

__all__ = ["Caps", "account_caps", "tightest"]

TextArray = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True, eq=False)
class Caps:
    """Bounds on the leverage of accounts, by constraint.

    Attributes
    ----------
    bound : by column ``cap_<name>``, in the order of the catalogue: (accounts,) largest leverage, inf where none
    budget : by column, for constraints with several budgets: (accounts,) value of `binding` for the tightest of them
    """

    bound: dict[str, FloatArray]
    budget: dict[str, TextArray]

    def tightest(self) -> tuple[FloatArray, TextArray]:
        """Smallest bound of each account and the constraint it comes from, with the budget inside it."""
        return tightest(self.bound, self.budget)

    def lower(self, other: Caps) -> Caps:
        """The smaller bound of each account and constraint, with the budget it comes from."""
        return Caps(
            {name: np.minimum(bound, other.bound[name]) for name, bound in self.bound.items()},
            {
                name: np.where(other.bound[name] < self.bound[name], other.budget[name], budget)
                for name, budget in self.budget.items()
            },
        )

    def take(self, rows: IntArray) -> Caps:
        """Bounds of the given accounts."""
        return Caps(
            {name: bound[rows] for name, bound in self.bound.items()},
            {name: budget[rows] for name, budget in self.budget.items()},
        )

    def replace(self, accounts: BoolArray, other: Caps, rows: IntArray) -> Caps:
        """The same with the marked accounts taken from the given rows of others."""

        def merged(mine: Any, theirs: Any) -> Any:
            out = mine.copy()
            out[accounts] = theirs[rows]
            return out

        return Caps(
            {name: merged(bound, other.bound[name]) for name, bound in self.bound.items()},
            {name: merged(budget, other.budget[name]) for name, budget in self.budget.items()},
        )


def account_caps(inputs: ConstraintInputs) -> Caps:
    """Bounds of every constraint of the catalogue; inf for one that ``policy.constraints`` switches off.

    A constraint that is required holds whatever its switch.
    """
    caps = Caps({}, {})
    for constraint in all_constraints():
        bound = _bound(constraint, inputs)
        if constraint.budgets:
            names = np.array([binding_budget(constraint.name, name) for name in constraint.budgets], dtype=object)
            caps.budget[constraint.column] = names[bound.argmin(axis=0)]
            bound = bound.min(axis=0)
        caps.bound[constraint.column] = bound
    return caps


def _bound(constraint: Constraint, inputs: ConstraintInputs) -> FloatArray:
    """(accounts,), or (budgets, accounts) for a constraint with several; raises ValueError when it is not."""
    accounts = len(inputs.incomplete)
    shape = (len(constraint.budgets), accounts) if constraint.budgets else (accounts,)
    if not constraint.required and not inputs.policy.constraints.get(constraint.name, True):
        return np.full(shape, np.inf)
    bound = np.asarray(constraint.bound(inputs), dtype=np.float64)
    if bound.shape != shape:
        raise ValueError(f"constraint {constraint.name}: bounds of shape {bound.shape}, expected {shape}")
    return bound


def tightest(
    bounds: Mapping[str, FloatArray], budgets: Mapping[str, TextArray] | None = None
) -> tuple[FloatArray, TextArray]:
    """Smallest bound of each account and the name of its constraint; the first in the given order where several tie.

    A bound that is NaN makes the result NaN: it could not be computed, so no other bound may stand in for it.

    Parameters
    ----------
    bounds : by column ``cap_<name>``, (accounts,)
    budgets : by column, (accounts,) what is named in the place of the constraint
    """
    table = np.stack(list(bounds.values()))
    which = table.argmin(axis=0)
    names: TextArray = np.array([name.removeprefix("cap_") for name in bounds], dtype=object)[which]
    for row, column in enumerate(bounds):
        if budgets is not None and column in budgets:
            names = np.where(which == row, budgets[column], names)
    return table.min(axis=0), names
