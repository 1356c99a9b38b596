"""Feature tables, outcomes and blocks with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.forecast import Blocks


def feature_frame(rows=600, features=6, seed=0, missing=0.0) -> pd.DataFrame:
    """Table of normal features with the columns every scale model needs."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (rows, features))
    values[rng.random(values.shape) < missing] = np.nan
    frame = pd.DataFrame(values, columns=[f"x{k}" for k in range(features)])
    frame.insert(0, "as_of", pd.date_range("2022-01-01", periods=rows, freq="D", tz="UTC", unit="us"))
    frame.insert(1, "symbol", pd.Series(np.where(np.arange(rows) % 2, "AAA", "BBB"), dtype="str"))
    frame["slow_level"] = np.log(0.04) + 0.1 * rng.normal(size=rows)
    frame["b1_volatility"] = 0.2 * rng.normal(size=rows)
    return frame


def standardised_losses(rows=4000, seed=0, symbols=("AAA", "BBB")) -> pd.DataFrame:
    """Losses in units of volatility: Student t with four degrees of freedom, paths at least as bad as ends."""
    rng = np.random.default_rng(seed)
    end = rng.standard_t(4, rows)
    return pd.DataFrame(
        {
            "long": end,
            "short": -end,
            "path_long": np.maximum(end, 0) + rng.exponential(0.2, rows),
            "path_short": np.maximum(-end, 0) + rng.exponential(0.3, rows),
            "symbol": pd.Series(np.array(symbols, dtype=object)[rng.integers(0, len(symbols), rows)], dtype="str"),
        }
    )


def make_blocks(symbols=("AAA", "BBB", "CCC"), count=400, seed=0, hours=24) -> Blocks:
    """Random walks with a common part, weights equal."""
    rng = np.random.default_rng(seed)
    steps = 0.7 * rng.standard_t(4, (1, count, hours)) + 0.5 * rng.standard_t(4, (len(symbols), count, hours))
    path = np.cumsum(steps / np.sqrt(2 * hours), axis=2)
    noise = rng.exponential(0.1, (2, *path.shape))
    return Blocks(
        symbols=tuple(symbols),
        starts=np.datetime64("2022-01-01", "us") + np.arange(count) * np.timedelta64(1, "D"),
        weights=np.full(count, 1 / count),
        low=(path - noise[0]).astype(np.float32),
        high=(path + noise[1]).astype(np.float32),
        end=np.ascontiguousarray(path[:, :, -1], dtype=np.float32),
    )
