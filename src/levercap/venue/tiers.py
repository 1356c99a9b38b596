"""Leverage tiers: the snapshot in force at an instant, with its maintenance amounts complete."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray

__all__ = ["continuous_maintenance_amount", "tiers_as_of"]


def tiers_as_of(tiers: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame | None:
    """Tiers of the latest snapshot known at `as_of`, or None when none was known yet.

    A snapshot is all rows that share one ``as_of``: a symbol that is not in the latest one has no tier any more.
    Missing maintenance amounts are derived, see `continuous_maintenance_amount`.

    Returns
    -------
    symbol, tier, notional_floor, notional_cap, max_leverage, maintenance_margin_rate, maintenance_amount; sorted by
    symbol and tier, index 0..n-1
    """
    if tiers is None:
        return None
    stamps = pd.DatetimeIndex(tiers["as_of"])
    known = stamps[stamps <= as_of]
    if not len(known):
        return None
    now = tiers.loc[stamps == known.max()].drop(columns="as_of")
    now = now.assign(symbol=now["symbol"].astype("str"), tier=now["tier"].astype(np.int64))
    now = now.sort_values(["symbol", "tier"], ignore_index=True)
    given = now["maintenance_amount"].to_numpy(dtype=float)
    return now.assign(maintenance_amount=np.where(np.isnan(given), continuous_maintenance_amount(now), given))


def continuous_maintenance_amount(ladders: pd.DataFrame) -> FloatArray:
    """Maintenance amounts that make the maintenance margin continuous in notional, one per row, quote currency.

    `ladders` holds the tiers of one snapshot sorted by symbol and tier.

    Notes
    -----
    ``MM = notional * rate - amount``, so at the floor of tier n
    ``amount_n = amount_(n-1) + floor_n * (rate_n - rate_(n-1))`` and ``amount_1 = 0`` (the form in which Binance, Bybit
    and Hyperliquid publish their brackets).
    """
    symbol = ladders["symbol"].to_numpy()
    rate = ladders["maintenance_margin_rate"].to_numpy(dtype=float)
    floor = ladders["notional_floor"].to_numpy(dtype=float)
    first = np.append(True, symbol[1:] != symbol[:-1])
    step = pd.Series(np.where(first, 0.0, floor * np.diff(rate, prepend=0.0)))
    return np.asarray(step.groupby(np.cumsum(first)).cumsum(), dtype=np.float64)
