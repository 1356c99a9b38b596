"""The names every table and every module shares. Imports nothing of ours."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BARRIERS",
    "KINDS",
    "LEVELS",
    "Action",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "Side",
    "Status",
]

FloatArray = NDArray[np.float64]
"""Float64 array; the docstring of each function says its shape and units."""

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

KINDS: Final = ("end", "path")
"""Kinds of loss: at the end of the horizon, and the worst within it."""

LEVELS: Final = (0.975, 0.99)
"""Confidence levels at which value at risk and expected shortfall are forecast."""

BARRIERS: Final = (0.05, 0.10, 0.20)
"""Adverse moves, as fractions of the price at `as_of`, whose probability is forecast."""


class Side(StrEnum):
    """Whose loss it is: a long loses when the price falls, a short when it rises."""

    LONG = "long"
    SHORT = "short"


class Status(StrEnum):
    """How an account's limit came about."""

    SCORED = "scored"
    HELD = "held"
    FALLBACK = "fallback"
    REJECTED = "rejected"


class Action(StrEnum):
    """What the venue should do about an account, mildest first."""

    NONE = "none"
    WARN = "warn"
    NO_NEW_RISK = "no_new_risk"
    REDUCE_ONLY = "reduce_only"
    REDUCE = "reduce"
