"""Catalogue of features: descriptions, the function that makes each, and which ones models learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features import (
    comovement,
    cross_section,
    fragility,
    funding,
    implied,
    liquidity,
    moves,
    open_interest,
    stress,
    turbulence,
    volatility,
)
from levercap.features.description import Description
from levercap.features.returns import Ingredients

__all__ = ["CHOSEN", "EXTENSIONS", "GROUPS", "Extension"]


@dataclass(frozen=True)
class Extension:
    """Features beyond those every model learns from: their descriptions and the function that makes them."""

    descriptions: tuple[Description, ...]
    make: Callable[[Panel, Ingredients, FloatArray], Iterator[tuple[str, FloatArray]]]


EXTENSIONS = (
    Extension(moves.DESCRIPTIONS, moves.move_features),
    Extension(funding.DESCRIPTIONS, funding.funding_features),
    Extension(open_interest.DESCRIPTIONS, open_interest.open_interest_features),
    Extension(implied.DESCRIPTIONS, implied.implied_features),
    Extension(liquidity.DESCRIPTIONS, liquidity.liquidity_features),
    Extension(comovement.DESCRIPTIONS, comovement.comovement_features),
    Extension(turbulence.DESCRIPTIONS, turbulence.turbulence_features),
    Extension(fragility.DESCRIPTIONS, fragility.fragility_features),
)

CHOSEN = frozenset(d.name for d in moves.DESCRIPTIONS) | {"implied_to_slow", "implied_change_7d"}
"""Names of the features of `EXTENSIONS` that models learn from, beside all the others of `GROUPS`."""

GROUPS: dict[str, tuple[Description, ...]] = {
    "Volatility": volatility.DESCRIPTIONS,
    "Stress of one symbol": stress.DESCRIPTIONS,
    "Cross-section": cross_section.DESCRIPTIONS,
    "Calendar": cross_section.CALENDAR_DESCRIPTIONS,
    "Moves, jumps and range": moves.DESCRIPTIONS,
    "Funding": funding.DESCRIPTIONS,
    "Open interest": open_interest.DESCRIPTIONS,
    "Implied volatility": implied.DESCRIPTIONS,
    "Liquidity": liquidity.DESCRIPTIONS,
    "Co-movement": comovement.DESCRIPTIONS,
    "Turbulence": turbulence.DESCRIPTIONS,
    "Fragility": fragility.DESCRIPTIONS,
}
"""All features there are, by group."""
