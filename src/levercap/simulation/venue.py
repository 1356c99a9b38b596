"""The simulated venue's leverage tiers: monthly snapshots of brackets, as venues publish them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray
from levercap.venue.tiers import maintenance_amounts_of

__all__ = ["simulate_tiers"]

LEVERAGE = np.array([125.0, 100.0, 50.0, 25.0, 20.0, 10.0, 5.0, 4.0, 3.0, 2.0, 1.0])
RATE = np.array([0.004, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.125, 0.15, 0.25, 0.5])
CAP = np.array([2e-4, 1e-3, 5e-3, 2e-2, 4e-2, 8e-2, 0.16, 0.3, 0.5, 1.0, 2.0])
"""Upper ends of the brackets, relative to the turnover of one hour."""


def simulate_tiers(
    rng: np.random.Generator, timestamps: pd.DatetimeIndex, names: np.ndarray, turnover: FloatArray, traded: BoolArray
) -> pd.DataFrame:
    """Tiers of the symbols traded at the start and at the first of each month; now and then one is tightened."""
    first = timestamps[0]
    months = pd.date_range(first.ceil("D"), timestamps[-1], freq="MS", unit="us")
    snapshots = months if len(months) and months[0] == first else months.insert(0, first)
    tightness = np.ones(len(names))
    parts = []
    for as_of in snapshots:
        row = int(timestamps.searchsorted(as_of))
        listed = traded[max(row - 48, 0) : row + 1].any(axis=0)
        change = rng.random(len(names))
        tightness = np.where(
            change < 0.04, tightness * 0.5, np.where(change > 0.96, np.minimum(tightness * 1.5, 1.0), tightness)
        )
        for j in np.flatnonzero(listed):
            begin = 0 if j < 2 else 2 if j < len(names) // 2 else 3
            parts.append(_ladder(as_of, names[j], begin, 16.0 * turnover[j] * tightness[j]))
    ladders = pd.concat(parts, ignore_index=True)
    return ladders.assign(maintenance_amount=np.round(maintenance_amounts_of(ladders), 6))


def _ladder(as_of: pd.Timestamp, name: str, begin: int, size: float) -> pd.DataFrame:
    cap = np.round(CAP[begin:] * size, -3) + 1000.0
    return pd.DataFrame(
        {
            "as_of": as_of,
            "symbol": pd.Series([name] * len(cap), dtype="str"),
            "tier": np.arange(1, len(cap) + 1),
            "notional_floor": np.append(0.0, cap[:-1]),
            "notional_cap": cap,
            "max_leverage": LEVERAGE[begin:],
            "maintenance_margin_rate": RATE[begin:],
        }
    )
