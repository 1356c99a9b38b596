"""Forecasts and outcomes whose truth is known: one model knows the volatility, one its mean, one is too mild."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from levercap.evidence.build import EvaluationInputs

LEVELS = (0.975, 0.99)
START = "2022-03-01"


def day(text):
    return pd.Timestamp(text, tz="UTC").as_unit("us")


def record(days=300, symbols=("BTCUSDT", "ETHUSDT", "ADAUSDT", "XRPUSDT"), seed=1, start=START, **changes):
    """Normal returns of persistent volatility that all symbols share; levercap forecasts the truth, B1 its mean."""
    random = np.random.default_rng(seed)
    common = np.zeros(days)
    for i in range(1, days):
        common[i] = 0.95 * common[i - 1] + 0.25 * random.standard_normal()
    sigma = 0.03 * np.exp(np.repeat(common[:, None], len(symbols), axis=1))
    shared = random.standard_normal((days, 1))
    returns = sigma * (0.6 * shared + 0.8 * random.standard_normal((days, len(symbols))))
    as_of = np.repeat(pd.date_range(start, periods=days, tz="UTC").as_unit("us"), len(symbols))
    keys = pd.DataFrame({"as_of": as_of, "symbol": pd.Series(list(symbols) * days, dtype="str")})
    loss = -returns.ravel()
    outcomes = keys.assign(
        realised_volatility=sigma.ravel(), long=loss, short=-loss, path_long=np.abs(loss), path_short=np.abs(loss)
    )
    flat = np.full(sigma.size, float(np.exp(np.log(sigma).mean())))
    tails = {
        "B1": normal_tails(keys, flat),
        "levercap": normal_tails(keys, sigma.ravel()),
        "hs_250": normal_tails(keys, 0.6 * flat),
    }
    forecasts = keys.assign(horizon_hours=24, volatility=sigma.ravel())
    for side in ("long", "short"):
        for barrier in (5, 10, 20):
            forecasts[f"shock_probability_{side}_{barrier:02d}"] = true_probability(sigma.ravel(), barrier / 100)
            forecasts[f"implied_probability_{side}_{barrier:02d}"] = true_probability(flat, barrier / 100)
    made = {
        "tails": tails,
        "forecasts": forecasts,
        "outcomes": outcomes,
        "start": day(start),
        "stop": day("2030-01-01"),
    }
    return EvaluationInputs(**(made | changes))


def true_probability(sigma, barrier):
    """True probability of a move of at least `barrier` either way, kept off 0 and 1."""
    return np.clip(2 * norm.sf(barrier / sigma), 1e-6, 1 - 1e-6)


def normal_tails(keys, sigma):
    """End losses are normal; the worst moment is the absolute return."""
    parts = []
    for side in ("long", "short"):
        for level in LEVELS:
            var, es = sigma * norm.ppf(level), sigma * norm.pdf(norm.ppf(level)) / (1 - level)
            half = 0.5 + level / 2
            path = sigma * norm.ppf(half), sigma * norm.pdf(norm.ppf(half)) / (1 - half)
            parts.append(
                keys.assign(horizon_hours=24, side=pd.Series(side, index=keys.index, dtype="str"), level=level).assign(
                    var=var, es=es, path_var=path[0], path_es=path[1]
                )
            )
    return pd.concat(parts, ignore_index=True)
