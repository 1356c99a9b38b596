"""Rules of leverage tiers: values that a tier may have, and how the tiers of one symbol follow on each other."""

from __future__ import annotations

import numpy as np

from levercap.core.names import BoolArray, FloatArray

__all__ = ["broken_steps", "impossible_tiers"]


def impossible_tiers(
    floor: FloatArray, cap: FloatArray, leverage: FloatArray, rate: FloatArray, amount: FloatArray
) -> dict[str, BoolArray]:
    """(rows,) tiers with impossible values, by kind: bounds, leverage, rate, amount. Missing values count as possible.

    Floors and caps in quote currency, ``0 <= floor < cap``; leverage above zero and finite; maintenance margin rate
    above zero, at most one; maintenance amount zero or more and finite.
    """
    return {
        "bounds": (floor < 0) | (floor >= cap) | np.isinf(floor),
        "leverage": (leverage <= 0) | np.isinf(leverage),
        "rate": (rate <= 0) | (rate > 1),
        "amount": (amount < 0) | np.isinf(amount),
    }


def broken_steps(
    first: BoolArray, floor: FloatArray, cap: FloatArray, leverage: FloatArray, rate: FloatArray
) -> BoolArray:
    """(rows,) tiers that do not follow on the one before; rows are sorted by symbol and tier.

    Floors start at zero and equal the cap before; leverage never rises and rates never fall with notional.

    Parameters
    ----------
    first : whether the row is the first tier of its symbol
    """
    before = np.arange(len(floor)) - ~first
    broken = np.where(first, floor != 0.0, floor != cap[before])
    broken |= ~first & ((leverage > leverage[before]) | (rate < rate[before]))
    return np.asarray(broken, dtype=bool)
