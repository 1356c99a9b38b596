"""Realised path losses: what the market did to each portfolio of a book after each origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.horizon import DAY, Horizon
from levercap.core.names import BoolArray, FloatArray
from levercap.core.panel import Panel
from levercap.core.portfolio import Portfolio
from levercap.instruments.perpetual import adverse_moves, simple_return

__all__ = ["realised_path_losses"]


def realised_path_losses(
    panel: Panel, portfolio: Portfolio, origins: pd.DatetimeIndex, horizon: Horizon = DAY
) -> FloatArray:
    """(origins, accounts) worst hourly loss of each portfolio within the horizon, per unit of gross notional; NaN if
    not known.

    At each hour longs are marked at the low, shorts at the high, against the price at the origin; a missing hour keeps
    the last price. An account without a position or with an instrument whose underlying had no price at the origin, or
    an origin whose horizon is not over, is NaN.
    """
    price = panel.price()
    carried = pd.DataFrame(panel.close).ffill().to_numpy()
    low, high = (np.where(np.isnan(field), carried, field) for field in (panel.low, panel.high))
    longs, shorts, unpriced = _sizes(portfolio, panel.symbols)
    out = np.full((len(origins), len(portfolio)), np.nan)
    for i, origin in enumerate(origins):
        row = panel.rows_known(origin)
        if row + horizon.hours > len(panel.timestamps):
            continue
        now = price[row - 1]
        hours = slice(row, row + horizon.hours)
        falls, rises = (np.nan_to_num(simple_return(field[hours], now)) for field in (low, high))
        long, short = adverse_moves(falls, rises)
        worst = (longs @ long.T + shorts @ short.T).max(axis=1)
        unknown = ((longs + shorts) @ np.isnan(now).astype(float) > 0) | unpriced
        out[i] = np.where(unknown, np.nan, np.maximum(0.0, worst))
    return out


def _sizes(portfolio: Portfolio, symbols: tuple[str, ...]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """(accounts, symbols) sizes of the long and of the short positions by underlying, as shares of gross notional, and
    (accounts,) whether an account has no position or one on none of the symbols.
    """
    place = {symbol: j for j, symbol in enumerate(symbols)}
    column = np.array([*(place.get(instrument.underlying, -1) for instrument in portfolio.instruments), -1])
    held, account, share = column[portfolio.instrument], portfolio.account, portfolio.share
    longs, shorts = (np.zeros((len(portfolio), len(symbols))) for _ in range(2))
    for sizes, size in ((longs, np.maximum(share, 0.0)), (shorts, np.maximum(-share, 0.0))):
        np.add.at(sizes, (account[held >= 0], held[held >= 0]), size[held >= 0])
    off_market = np.bincount(account, held < 0, minlength=len(portfolio)) > 0
    return longs, shorts, off_market | (portfolio.gross_notional == 0)
