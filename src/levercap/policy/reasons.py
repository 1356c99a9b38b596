"""Reason codes of limits, joined by ``;``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from levercap.core.names import BoolArray

__all__ = ["LIMIT_REASONS", "join_reasons"]

LIMIT_REASONS: Final = {
    "no_position": "the account holds nothing: its limit is that of the most restrictive reference position",
    "symbol_unknown": "a position is in a symbol the market does not know or has no usable data of",
    "symbol_stale": "a position is in a symbol whose market data has stopped",
    "symbol_frozen": "a position is in a symbol whose feed repeats itself",
    "symbol_gappy": "a position is in a symbol with too many hours missing",
    "symbol_disputed": "a position is in a symbol whose prices contradict themselves or are not confirmed",
    "symbol_young": "a position is in a symbol with too short a history to be scored",
    "symbol_doubtful": "a position is in a symbol whose forecast fell so fast or so low that no limit rises on it",
    "reference_out": "the data of a reference position cannot be scored",
    "held": "data are out: the earlier limit, or what the last good data allow if that is less, is held",
    "tier_missing": "the venue has tiers but none for a symbol held",
    "kind_not_supported": "a position is no linear perpetual: outside the scenarios, counted at the bound",
    "segment_unknown": "the segment has no profile: the strictest one applies",
    "jurisdiction_unknown": "the jurisdiction is empty or names no place: policy.unknown_jurisdiction applies",
    "previous_invalid": "the previous limit was not a positive number: the fallback took its place",
    "failed_closed": "the limit could not be computed: the fallback took its place",
    "rise_limited": "the limit rises by no more than the daily maximum",
    "rise_held": "the limit would rise by less than the hysteresis band, or on incomplete data",
    "above_limit": "the account's leverage is above its limit",
}
"""Every code with its meaning. Codes of rejected accounts come from the book."""


def join_reasons(flags: Mapping[str, BoolArray]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Codes whose flag is set, joined by ``;`` in the order of `flags`, for each account, (accounts,)."""
    codes = list(flags)
    bits = np.stack(list(flags.values())).astype(np.int64)
    key = (bits << np.arange(len(codes))[:, None]).sum(axis=0)
    distinct, inverse = np.unique(key, return_inverse=True)
    texts = [";".join(code for k, code in enumerate(codes) if value >> k & 1) for value in distinct.tolist()]
    return np.array(texts, dtype=object)[inverse]
