"""Kinds of positions: which are linear perpetuals, and what the others are kept apart by."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.storage.tables import as_text

__all__ = ["PERPETUAL_KINDS", "groups_apart", "unsupported_positions"]

PERPETUAL_KINDS: Final = frozenset(
    {
        "",
        "linear",
        "linearperp",
        "linearperpetual",
        "linearswap",
        "perp",
        "perpetual",
        "perpetualfuture",
        "perpetualfutures",
        "perpetuals",
        "perpetualswap",
        "perps",
        "swap",
    }
)
"""Texts that mean a linear perpetual, without case, blanks and punctuation."""


def unsupported_positions(positions: pd.DataFrame, notional: FloatArray) -> BoolArray:
    """(positions,) whether a position of some size is stated to be another thing than a linear perpetual."""
    if "kind" not in positions.columns:
        return np.zeros(len(positions), dtype=bool)
    coded = as_text(positions["kind"]).dictionary_encode()
    kinds = [re.sub(r"[\W_]+", "", str(text)).casefold() for text in coded.dictionary.to_pylist()]
    other = np.array([kind not in PERPETUAL_KINDS for kind in kinds], dtype=bool)
    return other[coded.indices.to_numpy()] & (notional != 0.0) if len(kinds) else np.zeros(len(positions), dtype=bool)


def groups_apart(positions: pd.DataFrame, notional: FloatArray) -> IntArray:
    """(positions,) code of symbol, kind and side, in the order of these: what may be summed without cancelling.

    The contracts behind two positions of one symbol and kind may differ, in strike or expiry say, so that a long and a
    short one stand beside each other.
    """
    code = (notional < 0).astype(np.int64)
    for name in ("kind", "symbol"):
        code += (int(code.max(initial=0)) + 1) * _ranks(positions[name])
    return np.asarray(np.unique(code, return_inverse=True)[1], dtype=np.int64)


def _ranks(column: pd.Series) -> IntArray:
    """Place of each text among the sorted ones of the column."""
    coded = as_text(column).dictionary_encode()
    names = coded.dictionary.to_pylist()
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)] = np.arange(len(names))
    return np.asarray(rank[coded.indices.to_numpy()], dtype=np.int64)
