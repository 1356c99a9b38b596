"""Realised path losses: what the market did to each portfolio of a book after each origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.horizon import DAY, Horizon
from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.core.portfolio import Portfolio

__all__ = ["realised_path_losses"]


def realised_path_losses(
    panel: Panel, portfolio: Portfolio, origins: pd.DatetimeIndex, horizon: Horizon = DAY
) -> FloatArray:
    """(origins, accounts) worst hourly loss of each portfolio within the horizon, per unit of gross notional; NaN if
    not known.

    At each hour longs are marked at the low, shorts at the high, against the price at the origin; a missing hour keeps
    the last price. An account without a position or with an instrument that had no price at the origin, or an origin
    whose horizon is not over, is NaN. Instruments are the perpetuals of the symbols of `panel`, in that order.
    """
    price = panel.price()
    carried = pd.DataFrame(panel.close).ffill().to_numpy()
    low, high = (np.where(np.isnan(field), carried, field) for field in (panel.low, panel.high))
    weights = np.zeros((len(portfolio), len(panel.symbols)))
    seen = portfolio.instrument >= 0
    weights[portfolio.account[seen], portfolio.instrument[seen]] = portfolio.share[seen]
    unpriced = (np.bincount(portfolio.account, ~seen, minlength=len(portfolio)) > 0) | (portfolio.gross_notional == 0)
    longs, shorts = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    out = np.full((len(origins), len(portfolio)), np.nan)
    for i, origin in enumerate(origins):
        row = panel.rows_known(origin)
        if row + horizon.hours > len(panel.timestamps):
            continue
        now = price[row - 1]
        falls = np.nan_to_num(low[row : row + horizon.hours] / now - 1.0)
        rises = np.nan_to_num(high[row : row + horizon.hours] / now - 1.0)
        worst = (longs @ falls.T + shorts @ rises.T).min(axis=1)
        unknown = (np.abs(weights) @ np.isnan(now).astype(float) > 0) | unpriced
        out[i] = np.where(unknown, np.nan, np.maximum(0.0, -worst))
    return out
