"""Shock outcomes whose odds depend on the run-up of 30 days, and the log loss."""

import numpy as np
import pandas as pd
from scipy.special import expit

from levercap.core.names import BARRIERS, Side
from levercap.forecast import RECIPE
from levercap.forecast.shock.model import column


def market(rows=9000, seed=0, strength=0.8):
    """Feature table, volatility, implied probabilities and outcomes whose odds depend on the run-up of 30 days.

    A long is hit more often when the price stands far above its lowest, a short when it stands far below its highest.
    """
    rng = np.random.default_rng(seed)
    names = [*RECIPE.shock.directed, *RECIPE.shock.shares, *RECIPE.shock.undirected]
    features = pd.DataFrame(rng.normal(size=(rows, len(names))), columns=names)
    for window in RECIPE.shock.extension_windows:
        features[f"run_up_{window}"] = rng.exponential(1.0, rows)
        features[f"drawdown_{window}"] = -rng.exponential(1.0, rows)
    features.insert(0, "as_of", pd.date_range("2020-01-01", periods=rows, freq="h", tz="UTC", unit="us"))
    features.insert(1, "symbol", pd.Series(["AAA"] * rows, dtype="str"))
    volatility = np.exp(rng.normal(np.log(0.05), 0.4, rows))
    implied, outcomes = {}, features[["as_of", "symbol"]].copy()
    for side in Side:
        ahead = features["run_up_30d"] if side == Side.LONG else -features["drawdown_30d"]
        shift = strength * (ahead.to_numpy() - 1.0)
        u = rng.random(rows)
        loss = np.zeros(rows)
        for barrier, base in zip(BARRIERS, (-1.0, -2.0, -4.0), strict=True):
            score = base + 2.0 * (np.log(volatility) - np.log(0.05))
            implied[column(side, barrier)] = expit(score)
            loss = np.where(u < expit(score + shift), barrier, loss)
        outcomes[f"path_{side}"] = loss
    return features, volatility, pd.DataFrame(implied), outcomes


def log_loss(event, probability):
    return -np.mean(np.where(event, np.log(probability), np.log1p(-probability)))
