"""Out-of-sample forecasts whose truth is known: losses are normal with a volatility that one recipe knows."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from levercap.evidence.promotion import OutOfSample

SYMBOLS = [f"S{i}" for i in range(8)]


def tails_of(keys, volatility):
    """Exact tails of normal losses; the path loss is 1.1 times the absolute loss."""
    parts = []
    for side in ("long", "short"):
        for level in (0.975, 0.99):
            q, half = norm.ppf(level), norm.ppf((1 + level) / 2)
            parts.append(
                keys.assign(
                    horizon_hours=24, side=side, level=level,
                    var=volatility * q, es=volatility * norm.pdf(q) / (1 - level),
                    path_var=1.1 * volatility * half, path_es=2.2 * volatility * norm.pdf(half) / (1 - level),
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def out_of_sample(start="2024-01-01", days=150, factor=1.0, informed=True, seed=1):
    """Forecasts of a forecaster that knows the volatility, or only its mean; `factor` distorts it."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=400, freq="D", tz="UTC", unit="us")
    volatility = np.exp(rng.normal(-3.2, 0.25, 400))[:, None] * np.ones(len(SYMBOLS))
    loss = volatility * rng.standard_normal(volatility.shape)
    keys = pd.DataFrame({"as_of": np.repeat(dates, len(SYMBOLS)), "symbol": pd.Series(SYMBOLS * 400, dtype="str")})
    true, flat = volatility.ravel(), np.full(volatility.size, np.sqrt((volatility**2).mean()))
    x = loss.ravel()
    path = 1.1 * np.abs(x)
    outcomes = keys.assign(realised_volatility=true, long=x, short=-x, path_long=path, path_short=path)
    first = pd.Timestamp(start, tz="UTC")
    keep = (keys["as_of"] >= first) & (keys["as_of"] < first + pd.Timedelta(days=days))

    def cut(frame):
        known = frame["as_of"].isin(keys.loc[keep, "as_of"])
        return frame[known].reset_index(drop=True)

    forecast = factor * (true if informed else flat)
    return OutOfSample(
        cut(tails_of(keys, forecast)), cut(tails_of(keys, flat)), cut(outcomes), first + pd.Timedelta(days=days)
    )
