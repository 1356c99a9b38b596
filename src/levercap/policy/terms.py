"""Terms of an account: what its profile and its jurisdiction allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.policy.jurisdictions import distinct, jurisdiction_terms

__all__ = ["Terms", "profile_terms"]


@dataclass(frozen=True, eq=False)
class Terms:
    """What profile and jurisdiction allow each account, (accounts,) each.

    Attributes
    ----------
    profile : hard cap on leverage of the segment's profile
    threshold : largest part of equity that the path ES at 97.5 % may take
    jurisdiction : hard cap on leverage of the jurisdiction for the segment, inf where none applies
    segment_unknown : the segment has no profile
    jurisdiction_unknown : the jurisdiction is empty or names no place
    """

    profile: FloatArray
    threshold: FloatArray
    jurisdiction: FloatArray
    segment_unknown: BoolArray
    jurisdiction_unknown: BoolArray

    @classmethod
    def of(cls, segments: Sequence[object], jurisdictions: Sequence[object] | None, policy: PolicyConfig) -> Terms:
        """Terms of the given segments and jurisdictions, None or NaN where an account has none.

        `jurisdictions` is None where the book does not state any: ``policy.default_jurisdiction`` holds for everyone.
        """
        profile, threshold, unknown = profile_terms(segments, policy)
        cap, unknown_place = jurisdiction_terms(jurisdictions, segments, policy)
        return cls(profile, threshold, cap, unknown, unknown_place)

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
    names, inverse = distinct(segments)
    terms = np.array([known.get(name, strictest) for name in names]).reshape(-1, 2)[inverse]
    unknown = np.array([name not in known for name in names], dtype=bool)[inverse]
    return np.ascontiguousarray(terms[:, 0]), np.ascontiguousarray(terms[:, 1]), unknown
