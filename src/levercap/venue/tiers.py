"""Leverage tiers: the snapshot in force at an instant, and the maintenance amounts that follow from its rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray

__all__ = ["maintenance_amounts", "maintenance_amounts_of", "tiers_as_of"]


def tiers_as_of(tiers: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame | None:
    """Tiers of the latest snapshot known at `as_of`, or None when none was known yet.

    A snapshot is all rows that share one ``as_of``: a symbol that is not in the latest one has no tier any more.
    Missing maintenance amounts are derived, see `maintenance_amounts`.

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
    return now.assign(maintenance_amount=np.where(np.isnan(given), maintenance_amounts_of(now), given))


def maintenance_amounts(floor: FloatArray, rate: FloatArray) -> FloatArray:
    """Maintenance amounts that make the maintenance margin continuous in notional, quote currency.

    Parameters
    ----------
    floor, rate : (..., tiers) lower end of each tier, quote currency, and its maintenance margin rate, tiers ascending;
        the first tier starts at zero

    Notes
    -----
    ``MM = notional * rate - amount``, so at the floor of tier n
    ``amount_n = amount_(n-1) + floor_n * (rate_n - rate_(n-1))`` and ``amount_1 = 0`` (the form in which Binance, Bybit
    and Hyperliquid publish their brackets). A tier that is no step, as those that fill up a row, adds nothing, wherever
    its floor.
    """
    rise = np.diff(rate, axis=-1, prepend=rate[..., :1])
    return np.cumsum(np.where(rise == 0.0, 0.0, np.where(np.isfinite(floor), floor, 0.0) * rise), axis=-1)


def maintenance_amounts_of(ladders: pd.DataFrame) -> FloatArray:
    """The same for the tiers of one snapshot as a table sorted by symbol and tier, (rows,)."""
    symbol = ladders["symbol"].to_numpy()
    starts = np.flatnonzero(symbol[1:] != symbol[:-1]) + 1
    floor, rate = (
        np.split(ladders[name].to_numpy(dtype=float), starts) for name in ("notional_floor", "maintenance_margin_rate")
    )
    return np.concatenate([maintenance_amounts(f, r) for f, r in zip(floor, rate, strict=True)])
