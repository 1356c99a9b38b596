"""Daily feature and outcome tables of simulated coins, and the processes they come from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import Side
from levercap.forecast.baselines.days import SymbolDays

START = pd.Timestamp("2022-01-01", tz="UTC").as_unit("us")


def day(number: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=number)


def garch_returns(days, seed=0, omega=2e-5, alpha=0.08, gamma=0.0, beta=0.90, degrees=5.0, mean=0.0):
    """(days,) returns and (days,) true volatilities of a GJR-GARCH(1,1) with unit-variance Student t innovations."""
    z = np.random.default_rng(seed).standard_t(degrees, days) * np.sqrt((degrees - 2) / degrees)
    returns, variances = np.empty(days), np.empty(days)
    h = omega / (1 - alpha - gamma / 2 - beta)
    for i in range(days):
        variances[i] = h
        shock = np.sqrt(h) * z[i]
        returns[i] = mean + shock
        h = omega + (alpha + gamma * (shock < 0)) * shock**2 + beta * h
    return returns, np.sqrt(variances)


def symbol_days(returns, seed=0):
    """One symbol's days, with path losses a little worse than the end's."""
    more = np.random.default_rng(seed).exponential(0.01, (2, len(returns)))
    growth = np.expm1(returns)
    path = {
        Side.LONG: 1 - (1 - np.maximum(-growth, 0)) * np.exp(-more[0]),
        Side.SHORT: np.maximum(growth, 0) + more[1],
    }
    return SymbolDays(np.asarray(returns, dtype=float), path)


def daily_market(ages, days=700, seed=0):
    """Features and outcomes of coins `ages` (symbol -> first day): what a market of daily returns would give.

    Row (day i, symbol) knows the return of the 24 hours before day i; its outcome is the return known on day i + 1.
    """
    features, outcomes = [], []
    for k, (symbol, first) in enumerate(ages.items()):
        returns, _ = garch_returns(days + 1, seed=100 * seed + k)
        known = symbol_days(returns, seed=k)
        slow = np.log(0.05) + 0.1 * np.sin(np.arange(days) / 50 + k)
        stamps = pd.date_range(START, periods=days, freq="D", unit="us")
        frame = pd.DataFrame({"as_of": stamps, "symbol": symbol, "slow_level": slow})
        frame["return_24h"] = returns[:-1] / np.exp(slow)
        absolute = pd.Series(np.abs(returns[:-1])).ewm(alpha=0.03).mean() * 1.2533
        frame["b1_volatility"] = np.log(absolute + 1e-6) - slow
        growth = np.expm1(returns[1:])
        happened = pd.DataFrame({"as_of": stamps, "symbol": symbol, "realised_volatility": np.abs(returns[1:])})
        happened = happened.assign(
            long=-growth, short=growth, path_long=known.path[Side.LONG][1:], path_short=known.path[Side.SHORT][1:]
        )
        features.append(frame[first:])
        outcomes.append(happened[first:])
    together = [pd.concat(parts).astype({"symbol": "str"}) for parts in (features, outcomes)]
    order = together[0].reset_index(drop=True).sort_values(["as_of", "symbol"]).index
    return tuple(frame.reset_index(drop=True).loc[order].reset_index(drop=True) for frame in together)
