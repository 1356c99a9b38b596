"""Caps: one upper bound on leverage per constraint, the smallest of them, and its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import BoolArray, FloatArray

__all__ = [
    "CAPS",
    "fallback_cap",
    "insolvency_cap",
    "jurisdiction_cap",
    "long_memory",
    "loss_threshold_cap",
    "profile_terms",
    "tightest",
]

CAPS: Final = (
    "cap_liquidation",
    "cap_insolvency",
    "cap_loss_threshold",
    "cap_venue_tiers",
    "cap_profile",
    "cap_jurisdiction",
    "cap_long_memory",
    "cap_fallback",
)
"""Every constraint, in the order in which ties for the binding one are broken."""


def insolvency_cap(insolvency_margin: FloatArray) -> FloatArray:
    """(accounts,) leverage whose margin ``1 / L`` is the insolvency margin; inf where no margin is needed."""
    return _ratio(1.0, insolvency_margin)


def loss_threshold_cap(threshold: FloatArray, path_es: FloatArray) -> FloatArray:
    """(accounts,) leverage at which the path ES takes the threshold share of equity; inf where there is no loss."""
    return _ratio(threshold, path_es)


def long_memory(today: FloatArray, stressed: FloatArray, weight: float) -> FloatArray:
    """(accounts,) loss ``(1 - weight) * today + weight * stressed`` (EMIR RTS 153/2013, Art. 28 b).

    Exactly today's loss where the stressed one equals it. Used beside today's loss, so it can only tighten a limit.
    """
    return today + weight * (stressed - today)


def profile_terms(segments: Sequence[object], policy: PolicyConfig) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Leverage cap and loss threshold of each account's profile, and where the segment is unknown, each (accounts,).

    An unknown segment gets the lowest cap and the lowest threshold of all profiles.
    """
    strictest = (
        min(p.max_leverage for p in policy.profiles.values()),
        min(p.loss_threshold for p in policy.profiles.values()),
    )
    known = {name: (p.max_leverage, p.loss_threshold) for name, p in policy.profiles.items()}
    names, inverse = _distinct(segments)
    terms = np.array([known.get(name, strictest) for name in names]).reshape(-1, 2)[inverse]
    unknown = np.array([name not in known for name in names], dtype=bool)[inverse]
    return np.ascontiguousarray(terms[:, 0]), np.ascontiguousarray(terms[:, 1]), unknown


def jurisdiction_cap(jurisdictions: Sequence[object], segments: Sequence[object], policy: PolicyConfig) -> FloatArray:
    """(accounts,) hard cap of the jurisdiction for the segment; inf where none applies.

    An unknown segment gets the lowest cap of its jurisdiction. Case and surrounding blanks of a jurisdiction do not
    matter; one without caps in the configuration has none.
    """
    by_place = {place.strip().casefold(): caps for place, caps in policy.jurisdiction_caps.items()}
    where, row = _distinct(jurisdictions)
    who, column = _distinct(segments)
    table = np.full((len(where), len(who)), np.inf)
    for i, place in enumerate(where):
        caps = by_place.get(place.strip().casefold(), {})
        for j, segment in enumerate(who):
            lowest = np.inf if segment in policy.profiles else min(caps.values(), default=np.inf)
            table[i, j] = caps.get(segment, lowest)
    return table[row, column]


def fallback_cap(incomplete: BoolArray, policy: PolicyConfig) -> FloatArray:
    """(accounts,) ceiling where data is incomplete, inf elsewhere."""
    return np.where(incomplete, policy.fallback_max_leverage, np.inf)


def tightest(caps: Mapping[str, FloatArray]) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.object_]]]:
    """Smallest cap of each account and the name of its constraint; the first in the order of `caps` where several tie.

    A cap that is NaN makes the result NaN: it could not be computed, so no other cap may stand in for it.
    """
    table = np.stack(list(caps.values()))
    names = np.array([name.removeprefix("cap_") for name in caps], dtype=object)
    return table.min(axis=0), names[table.argmin(axis=0)]


def _ratio(numerator: FloatArray | float, loss: FloatArray) -> FloatArray:
    """Numerator over loss; inf where the loss is not positive or the ratio overflows, NaN where the loss is NaN."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(loss <= 0, np.inf, np.divide(numerator, np.where(loss <= 0, 1.0, loss)))


def _distinct(values: Sequence[object]) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Distinct values as text, missing as the empty one, and the position of each value among them."""
    position: dict[str, int] = {}
    codes = [position.setdefault(v if isinstance(v, str) else "", len(position)) for v in values]
    return list(position), np.array(codes, dtype=np.int64)
