"""A tiny sound market to spoil: 48 hours of two symbols, every optional table."""

from pathlib import Path

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01", tz="UTC")
HOURS = 48
SYMBOLS = ("AAAUSDT", "BBBUSDT")


def stamps(hours: int = HOURS) -> pd.DatetimeIndex:
    return pd.date_range(START, periods=hours, freq="h", unit="us")


def bars() -> pd.DataFrame:
    parts = []
    for i, symbol in enumerate(SYMBOLS):
        close = 100.0 * (i + 1) + np.arange(HOURS) % 7
        open_ = np.append(close[0], close[:-1])
        high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
        columns = {"open": open_, "high": high, "low": low, "close": close, "volume": 10.0 + np.arange(HOURS)}
        parts.append(pd.DataFrame({"timestamp": stamps(), "symbol": symbol, **columns}))
    return pd.concat(parts, ignore_index=True)


def series(name: str, value: float) -> pd.DataFrame:
    """An optional series with a value for every hour of the first symbol."""
    return pd.DataFrame({"timestamp": stamps(), "symbol": SYMBOLS[0], name: value})


def tiers(as_of: pd.Timestamp = START) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of": as_of,
            "symbol": SYMBOLS[0],
            "tier": [1, 2, 3],
            "notional_floor": [0.0, 1e4, 1e5],
            "notional_cap": [1e4, 1e5, 1e6],
            "max_leverage": [50.0, 20.0, 10.0],
            "maintenance_margin_rate": [0.01, 0.02, 0.05],
            "maintenance_amount": [0.0, 100.0, 3100.0],
        }
    )


def write(folder: Path, **tables: pd.DataFrame) -> Path:
    """A market folder of the given tables, with sound bars unless others are given."""
    folder.mkdir(exist_ok=True)
    for name, frame in {"bars": bars(), **tables}.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder
