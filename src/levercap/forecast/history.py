"""History: out-of-sample volatility forecasts of the past, made by models refitted on fixed calendar dates.

Every refit date (1 January and 1 July) sees only outcomes known by then, and its model forecasts the half year that
follows. A row of the history therefore depends on nothing after its own `as_of`, whenever and on however much later
data it is computed.
"""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import numpy as np
import pandas as pd

from levercap.config import ForecastConfig
from levercap.core.names import HORIZON_HOURS, BoolArray, FloatArray
from levercap.forecast.scale import B1Scale, BlendedScale, targets
from levercap.forecast.shock.history import out_of_sample_shocks
from levercap.forecast.tail.conditional import STATE, ConditionalTail
from levercap.forecast.tail.guard import GUARD_DAYS
from levercap.forecast.tail.historical import ROWS, ShrunkTail, losses_table, row_name, standardise

__all__ = [
    "B1_SHRINKAGE",
    "METHODS",
    "ForecastMethod",
    "Tail",
    "fit_scale",
    "fit_tail",
    "forecast_frame",
    "history",
    "known_by",
    "out_of_sample_tails",
    "refit_dates",
    "standardised",
    "volatility",
]

ForecastMethod = Literal["levercap", "b1"]
"""Our own models, or the fit-free baseline B1; stored as ``kind`` in bundles."""

METHODS: tuple[ForecastMethod, ...] = get_args(ForecastMethod)
Scale = BlendedScale | B1Scale
Tail = ConditionalTail | ShrunkTail

SMALLEST_TRAINING_ROWS = 1000
SMALLEST_TAIL_ROWS = 500
B1_SHRINKAGE = 500.0
LOSS_COLUMNS = [f"{row_name(*row)}{suffix}" for row in ROWS for suffix in ("", "_es")]
END_MEMORY = 0.3
"""Weight of B1, in logs, in the volatility that losses at the end of the horizon are measured in: the move of a whole
day remembers longer than its path."""


def known_by(table: pd.DataFrame, instant: pd.Timestamp) -> BoolArray:
    """(rows,) whether the outcome of each origin is known at `instant`."""
    return (table["as_of"] <= instant - pd.Timedelta(hours=HORIZON_HOURS)).to_numpy()


def refit_dates(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """1 January and 1 July of every year between `first` and `last`."""
    months = pd.date_range(first.ceil("D"), last, freq="MS", unit="us")
    return months[months.month.isin([1, 7])]


def fit_scale(
    method: ForecastMethod, features: pd.DataFrame, outcomes: pd.DataFrame, until: pd.Timestamp, config: ForecastConfig
) -> Scale:
    """Scale model of the given method from the outcomes known at `until`; recent ones weigh more."""
    if method == "b1":
        return B1Scale().fit(features, np.empty(0))
    usable = known_by(features, until) & outcomes["realised_volatility"].notna().to_numpy()
    X = features[usable]
    age_days = (until - X["as_of"]).dt.total_seconds().to_numpy() / 86400.0
    weight = 0.5 ** (age_days / config.recency_half_life_days)
    model = BlendedScale(config.ridge_penalty, config.boosting_rounds, config.boosting_leaves, config.seed)
    return model.fit(X, targets(X, outcomes[usable]), weight)


def volatility(scale: Scale, features: pd.DataFrame) -> FloatArray:
    """(rows,) volatility forecast per 24 h; NaN only where even the baseline has no number."""
    return np.asarray(np.exp(scale.predict(features) + features["slow_level"].to_numpy()), dtype=np.float64)


def forecast_frame(features: pd.DataFrame, sigma: FloatArray) -> pd.DataFrame:
    """What a tail model predicts from: as_of, symbol, volatility, end_volatility and the state of the market."""
    frame = features.reindex(columns=["as_of", "symbol", *STATE])
    b1 = np.exp(features["b1_volatility"].to_numpy() + features["slow_level"].to_numpy())
    frame.insert(2, "volatility", sigma)
    frame.insert(3, "end_volatility", sigma ** (1.0 - END_MEMORY) * b1**END_MEMORY)
    return frame


def standardised(frame: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """What a tail model learns from: losses in units of the volatilities of `frame`, beside as_of and the state."""
    volatilities = (frame[name].to_numpy(dtype=float) for name in ("volatility", "end_volatility"))
    return pd.concat([standardise(outcomes, *volatilities), frame[["as_of", *STATE]]], axis=1)


def fit_tail(
    method: ForecastMethod,
    z: pd.DataFrame,
    past: pd.DataFrame,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
    config: ForecastConfig,
) -> Tail:
    """Tail model of the given method from the outcomes known at `until`.

    `z` (from `standardised`), `past` (a history) and `outcomes` are aligned.
    """
    known = known_by(past, until)
    tail = _tail(method, config).fit(z[known])
    if isinstance(tail, ConditionalTail):
        recent = known & (past["as_of"] >= until - pd.Timedelta(days=GUARD_DAYS)).to_numpy()
        tail.guard(outcomes[recent], past[recent])
    return tail


def _tail(method: ForecastMethod, config: ForecastConfig) -> Tail:
    if method == "b1":
        return ShrunkTail(B1_SHRINKAGE)
    return ConditionalTail(config.tail_shrinkage, config.tail_state_penalty)


def history(
    method: ForecastMethod, features: pd.DataFrame, outcomes: pd.DataFrame, config: ForecastConfig
) -> pd.DataFrame:
    """Out-of-sample forecasts, one row per row of `features`.

    Columns of `forecast_frame`; those of `out_of_sample_shocks`; and value at risk and expected shortfall of every
    side, kind and level without the guard (``long_975``, ``long_975_es``, ...). `outcomes` is aligned with `features`,
    NaN where not known. Rows before the first refit with enough outcomes are NaN.
    """
    sigma = volatility(B1Scale(), features) if method == "b1" else np.full(len(features), np.nan)
    if method != "b1":
        learnable = outcomes["realised_volatility"].notna().to_numpy()
        for now, train in _segments(features, learnable, SMALLEST_TRAINING_ROWS):
            sigma[now] = volatility(fit_scale(method, features, outcomes, train, config), features[now])
    past = forecast_frame(features, sigma)
    z = standardised(past, outcomes)
    segments = [
        (now, known_by(past, train))
        for now, train in _segments(past, z["path_long"].notna().to_numpy(), SMALLEST_TAIL_ROWS)
    ]
    tails = [losses_table(_tail(method, config).fit(z[known]), past[now]) for now, known in segments]
    losses = pd.concat(tails) if tails else pd.DataFrame(columns=LOSS_COLUMNS, dtype=float)
    shocks = out_of_sample_shocks(features if method == "levercap" else None, sigma, outcomes, segments)
    return pd.concat([past, shocks, losses.reindex(past.index)], axis=1)


def out_of_sample_tails(
    method: ForecastMethod, past: pd.DataFrame, outcomes: pd.DataFrame, start: pd.Timestamp, config: ForecastConfig
) -> pd.DataFrame:
    """Tails of the rows of `past` (a history) from `start` on, each by the model of the refit date before it."""
    z = standardised(past, outcomes)
    parts = []
    for now, train in _segments(past, z["path_long"].notna().to_numpy(), SMALLEST_TAIL_ROWS):
        rows = now & (past["as_of"] >= start).to_numpy() & past["volatility"].notna().to_numpy()
        if rows.any():
            parts.append(fit_tail(method, z, past, outcomes, train, config).predict(past[rows]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _segments(table: pd.DataFrame, usable: BoolArray, smallest: int) -> list[tuple[BoolArray, pd.Timestamp]]:
    """(rows of the half year after a refit date, that date), for dates by which enough outcomes were known."""
    dates = refit_dates(table["as_of"].min(), table["as_of"].max())
    found = []
    for date, following in itertools.pairwise([*dates, pd.Timestamp.max.tz_localize("UTC")]):
        if (known_by(table, date) & usable).sum() >= smallest:
            found.append((((table["as_of"] >= date) & (table["as_of"] < following)).to_numpy(), date))
    return found
