"""Levels that scoring needs besides forecasts: stressed volatility and traded value of each symbol."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.returns import ingredients
from levercap.features.smoothing import rolling_mean
from levercap.features.volatility import b1_volatility

__all__ = ["stressed_volatility", "turnover"]

YEAR = 365


def stressed_volatility(panel: Panel, origins: pd.DatetimeIndex, quantile: float) -> FloatArray:
    """(origins, symbols) `quantile` of the symbol's own past B1 volatilities at the same hour of day, per 24 h.

    A symbol with less than a year of history takes the larger of its own number and its present volatility times the
    median ratio of stressed to present volatility of the symbols that have one: a short history is no evidence of calm.
    """
    b1 = b1_volatility(ingredients(panel).daily)
    out = np.full((len(origins), len(panel.symbols)), np.nan)
    for i, origin in enumerate(origins):
        row = panel.rows_known(origin) - 1
        past = b1[row % 24 : row + 1 : 24]
        count = (~np.isnan(past)).sum(axis=0)
        own = np.full(past.shape[1], np.nan)
        own[count > 0] = np.nanquantile(past[:, count > 0], quantile, axis=0)
        old = count >= YEAR
        ratio = float(np.nanmedian(own[old] / past[-1, old])) if old.any() else np.inf
        young = np.where(np.isinf(ratio), own, np.fmax(own, ratio * past[-1]))
        out[i] = np.where(old, own, young)
    return out


def turnover(panel: Panel, origins: pd.DatetimeIndex) -> FloatArray:
    """(origins, symbols) mean traded value per day over the last 30 days, quote currency."""
    rows = np.array([panel.rows_known(t) for t in origins], dtype=np.int64) - 1
    return 24.0 * rolling_mean(panel.volume * panel.close, 720, share=0.1)[rows]
