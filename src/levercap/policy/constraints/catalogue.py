"""Catalogue of constraints, the one place that lists them.

Columns of the limits, texts of `explain`, names in the report, the table in the documentation and the switches in
``[policy.constraints]`` are derived from it. A constraint is added by its own file and one line here, or by `register`.
"""

from __future__ import annotations

from typing import Final

from levercap.policy.constraints.constraint import Constraint
from levercap.policy.constraints.fallback import FALLBACK
from levercap.policy.constraints.insolvency import INSOLVENCY
from levercap.policy.constraints.jurisdiction import JURISDICTION
from levercap.policy.constraints.liquidation import LIQUIDATION
from levercap.policy.constraints.long_memory import LONG_MEMORY
from levercap.policy.constraints.loss_threshold import LOSS_THRESHOLD
from levercap.policy.constraints.profile import PROFILE
from levercap.policy.constraints.venue_tiers import VENUE_TIERS

__all__ = [
    "GUARDRAIL",
    "all_constraints",
    "binding_budget",
    "binding_constraint",
    "binding_title",
    "cap_columns",
    "register",
]

_constraints: list[Constraint] = [
    LIQUIDATION,
    INSOLVENCY,
    LOSS_THRESHOLD,
    VENUE_TIERS,
    PROFILE,
    JURISDICTION,
    LONG_MEMORY,
    FALLBACK,
]

GUARDRAIL: Final = "guardrail"
"""Value of `binding` where the guardrails and not the smallest cap set the limit."""

BUDGET_MARK: Final = ":"
"""Stands in `binding` between a constraint and the budget inside it: ``long_memory:liquidation``."""


def all_constraints() -> tuple[Constraint, ...]:
    """Every constraint, in the order in which ties for the binding one are broken."""
    return tuple(_constraints)


def register(constraint: Constraint) -> None:
    """Add a constraint to the end of the catalogue; raises ValueError for a name that is taken or no identifier."""
    taken = {known.name for known in _constraints} | {GUARDRAIL, "rejected"}
    if not constraint.name.isidentifier() or constraint.name != constraint.name.lower() or constraint.name in taken:
        raise ValueError(f"{constraint.name!r} is no name for a constraint: lower case, an identifier, none of {taken}")
    _constraints.append(constraint)


def cap_columns() -> tuple[str, ...]:
    """Columns of the limits that hold the caps, in the order of the catalogue."""
    return tuple(known.column for known in _constraints)


def binding_constraint(binding: str) -> str:
    """Name of the constraint in a value of `binding`: ``long_memory`` of ``long_memory:liquidation``."""
    return binding.partition(BUDGET_MARK)[0]


def binding_budget(name: str, budget: str) -> str:
    """Value of `binding` for a budget inside a constraint."""
    return f"{name}{BUDGET_MARK}{budget}"


def binding_title(binding: str) -> str:
    """A value of `binding` as people read it; any other code with blanks for its underscores."""
    name, _, budget = binding.partition(BUDGET_MARK)
    if name == GUARDRAIL:
        return "guardrail: rise slowed or held"
    titles = {known.name: known.title for known in _constraints}
    title = titles.get(name, name.replace("_", " "))
    return f"{title} ({binding_title(budget)})" if budget else title
