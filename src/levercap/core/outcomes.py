"""What then happened: realised volatility and losses over the horizon after each origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.horizon import DAY, Horizon
from levercap.core.names import FloatArray, IntArray, Side
from levercap.core.panel import Panel

__all__ = ["MISSING_HOURS_ALLOWED", "future_windows", "loss_column", "realised_outcomes"]

MISSING_HOURS_ALLOWED = 2
"""An outcome with more missing bars than this within the horizon is not known."""


def loss_column(side: Side, kind: str) -> str:
    """Outcome column of a side and one of `KINDS`, for example ``path_long``."""
    return f"path_{side}" if kind == "path" else str(side)


def realised_outcomes(panel: Panel, origins: pd.DatetimeIndex, horizon: Horizon = DAY) -> pd.DataFrame:
    """Realised volatility and losses over the `horizon` after each origin, one row per origin and symbol.

    Columns: as_of, symbol, realised_volatility (root of the summed squared hourly log returns, scaled to 24 h), long,
    short (loss at the end of the horizon), path_long, path_short (worst loss within it: lows for longs, highs for
    shorts), all as fractions of the price at `as_of`. A number is NaN where the price at `as_of`, the price at the end
    or more than two hourly bars are missing, or where the horizon reaches past the end of the panel. Symbols without a
    price at `as_of` have no row.
    """
    rows = np.array([panel.rows_known(t) for t in origins], dtype=np.int64)
    price = panel.price()
    start = np.where((rows > 0)[:, None], price[rows - 1], np.nan)
    windows = future_windows(rows, horizon, len(panel.timestamps))
    inside = (rows + horizon.hours <= len(panel.timestamps))[:, None]
    present = ~np.isnan(panel.close[windows])
    known = inside & (present.sum(axis=1) >= horizon.hours - MISSING_HOURS_ALLOWED)
    end = price[np.minimum(rows + horizon.hours, len(panel.timestamps)) - 1]
    known &= ~np.isnan(end) & ~np.isnan(start)
    lowest = np.fmin.reduce(panel.low[windows], axis=1)
    highest = np.fmax.reduce(panel.high[windows], axis=1)
    columns = {
        "realised_volatility": _realised_volatility(price, rows, horizon),
        "long": 1.0 - end / start,
        "short": end / start - 1.0,
        "path_long": np.maximum(0.0, 1.0 - lowest / start),
        "path_short": np.maximum(0.0, highest / start - 1.0),
    }
    traded = ~np.isnan(start)
    which_origin, which_symbol = np.nonzero(traded)
    table = {
        "as_of": origins[which_origin],
        "symbol": np.array(panel.symbols, dtype=object)[which_symbol],
    }
    table |= {name: np.where(known, values, np.nan)[traded] for name, values in columns.items()}
    return pd.DataFrame(table).astype({"symbol": "str"})


def future_windows(rows: IntArray, horizon: Horizon, hours: int) -> IntArray:
    """(origins, horizon) row indices of the bars within the horizon, clipped to the end of the panel."""
    return np.asarray(np.minimum(rows[:, None] + np.arange(horizon.hours), hours - 1), dtype=np.int64)


def _realised_volatility(price: FloatArray, rows: IntArray, horizon: Horizon) -> FloatArray:
    """(origins, symbols) root of the sum of squared hourly log returns after each origin, scaled to 24 h."""
    squared = np.full_like(price, np.nan)
    squared[1:] = np.diff(np.log(price), axis=0) ** 2
    windows = squared[future_windows(rows, horizon, len(price))]
    count = (~np.isnan(windows)).sum(axis=1)
    total = np.nansum(windows, axis=1)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.asarray(np.sqrt(mean * 24.0), dtype=np.float64)
