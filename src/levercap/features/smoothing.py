"""Causal smoothing of (hours, symbols) arrays: row i uses rows up to i only, missing values are skipped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray

__all__ = ["carried", "daily_phase_ewma", "ewma", "lagged", "rolling_max", "rolling_mean", "rolling_min"]

DAY = 24


def ewma(values: FloatArray, half_life_hours: float, minimum: int = 1) -> FloatArray:
    """Exponentially weighted mean of past and present values; NaN until `minimum` values were seen."""
    return pd.DataFrame(values).ewm(halflife=half_life_hours, min_periods=minimum, ignore_na=True).mean().to_numpy()


def daily_phase_ewma(values: FloatArray, decay: float, minimum: int = 20) -> FloatArray:
    """Exponentially weighted mean over the values 0, 24, 48, ... hours back, so that any hour is an origin like
    midnight.
    """
    hours, symbols = values.shape
    days = -(-hours // DAY)
    padded = np.full((days * DAY, symbols), np.nan)
    padded[:hours] = values
    by_day = pd.DataFrame(padded.reshape(days, DAY * symbols))
    mean = by_day.ewm(alpha=1.0 - decay, min_periods=minimum, ignore_na=True).mean().to_numpy()
    return np.asarray(mean.reshape(days * DAY, symbols)[:hours], dtype=np.float64)


def rolling_mean(values: FloatArray, hours: int, share: float = 0.5) -> FloatArray:
    """Mean of the last `hours` values, NaN where fewer than `share` of them are there."""
    total = np.cumsum(np.nan_to_num(values), axis=0)
    count = np.cumsum(~np.isnan(values), axis=0)
    total[hours:] = total[hours:] - total[:-hours]
    count[hours:] = count[hours:] - count[:-hours]
    enough = count >= max(1, share * hours)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=enough)
    return np.asarray(mean, dtype=np.float64)


def rolling_max(values: FloatArray, hours: int) -> FloatArray:
    """Largest of the last `hours` values, missing ones skipped."""
    return pd.DataFrame(values).rolling(hours, min_periods=hours // 2).max().to_numpy()


def rolling_min(values: FloatArray, hours: int) -> FloatArray:
    """Smallest of the last `hours` values, missing ones skipped."""
    return -rolling_max(-values, hours)


def carried(values: FloatArray, hours: int) -> FloatArray:
    """Missing values replaced by the last one that is at most `hours` old."""
    return pd.DataFrame(values).ffill(limit=hours).to_numpy()


def lagged(values: FloatArray, hours: int) -> FloatArray:
    """The row `hours` before; NaN in the first `hours` rows."""
    out = np.full_like(values, np.nan)
    out[hours:] = values[: len(values) - hours]
    return out
