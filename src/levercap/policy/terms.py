"""Terms of an account: what its profile and its jurisdiction allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import BoolArray, FloatArray, IntArray

__all__ = ["Terms", "jurisdiction_cap", "profile_terms"]


@dataclass(frozen=True, eq=False)
class Terms:
    """What profile and jurisdiction allow each account, (accounts,) each.

    Attributes
    ----------
    profile : hard cap on leverage of the segment's profile
    threshold : largest part of equity that the path ES at 97.5 % may take
    jurisdiction : hard cap on leverage of the jurisdiction for the segment, inf where none applies
    segment_unknown : the segment has no profile
    """

    profile: FloatArray
    threshold: FloatArray
    jurisdiction: FloatArray
    segment_unknown: BoolArray

    @classmethod
    def of(cls, segments: Sequence[object], jurisdictions: Sequence[object], policy: PolicyConfig) -> Terms:
        """Terms of the given segments and jurisdictions, None or NaN where an account has none."""
        profile, threshold, unknown = profile_terms(segments, policy)
        return cls(profile, threshold, jurisdiction_cap(jurisdictions, segments, policy), unknown)

    def take(self, rows: IntArray) -> Terms:
        """Terms of the given accounts."""
        return Terms(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


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

    An unknown segment gets the lowest cap of its jurisdiction. Case and blanks at either end of a jurisdiction do not
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


def _distinct(values: Sequence[object]) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Distinct values as text, missing as the empty one, and the position of each value among them."""
    position: dict[str, int] = {}
    codes = [position.setdefault(v if isinstance(v, str) else "", len(position)) for v in values]
    return list(position), np.array(codes, dtype=np.int64)
