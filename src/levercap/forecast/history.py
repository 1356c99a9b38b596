"""History: out-of-sample volatility forecasts of the past, made by models refitted on fixed calendar dates.

Every refit date (by the recipe 1 January and 1 July) sees only outcomes known by then, and its model forecasts the half
year that follows. A row of the history therefore depends on nothing after its own `as_of`, whenever and on however much
later data it is computed.
"""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import numpy as np
import pandas as pd

from levercap.core.horizon import Horizon
from levercap.core.names import BoolArray, FloatArray
from levercap.forecast.recipe import ForecastSpec, TailRecipe
from levercap.forecast.scale import B1Scale, BlendedScale, targets
from levercap.forecast.shock.history import out_of_sample_shocks
from levercap.forecast.tail.conditional import ConditionalTail
from levercap.forecast.tail.historical import ROWS, ShrunkTail, losses_table, standardise, tail_column

__all__ = [
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

LOSS_COLUMNS = [f"{tail_column(*row)}{suffix}" for row in ROWS for suffix in ("", "_es")]


def known_by(table: pd.DataFrame, instant: pd.Timestamp, horizon: Horizon) -> BoolArray:
    """(rows,) whether the outcome of each origin over `horizon` is known at `instant`."""
    return (table["as_of"] <= instant - horizon.duration).to_numpy()


def refit_dates(first: pd.Timestamp, last: pd.Timestamp, months_of_year: tuple[int, ...]) -> pd.DatetimeIndex:
    """First days of the given months of every year between `first` and `last`."""
    months = pd.date_range(first.ceil("D"), last, freq="MS", unit="us")
    return months[months.month.isin(months_of_year)]


def fit_scale(
    method: ForecastMethod, features: pd.DataFrame, outcomes: pd.DataFrame, until: pd.Timestamp, spec: ForecastSpec
) -> Scale:
    """Scale model of the given method from the outcomes known at `until`; recent ones weigh more."""
    if method == "b1":
        return B1Scale().fit(features, np.empty(0))
    config = spec.config
    usable = known_by(features, until, spec.horizon) & outcomes["realised_volatility"].notna().to_numpy()
    X = features[usable]
    age_days = (until - X["as_of"]).dt.total_seconds().to_numpy() / 86400.0
    weight = 0.5 ** (age_days / config.recency_half_life_days)
    learners = (config.ridge_penalty, config.boosting_rounds, config.boosting_leaves, config.seed)
    model = BlendedScale(*learners, spec.recipe.scale)
    return model.fit(X, targets(X, outcomes[usable], spec.recipe.scale), weight)


def volatility(scale: Scale, features: pd.DataFrame) -> FloatArray:
    """(rows,) volatility forecast per 24 h; NaN only where even the baseline has no number."""
    return np.asarray(np.exp(scale.predict(features) + features["slow_level"].to_numpy()), dtype=np.float64)


def forecast_frame(features: pd.DataFrame, sigma: FloatArray, recipe: TailRecipe) -> pd.DataFrame:
    """What a tail model predicts from: as_of, symbol, volatility, end_volatility and the state of the market."""
    frame = features.reindex(columns=["as_of", "symbol", *recipe.state])
    b1 = np.exp(features["b1_volatility"].to_numpy() + features["slow_level"].to_numpy())
    frame.insert(2, "volatility", sigma)
    frame.insert(3, "end_volatility", sigma ** (1.0 - recipe.end_memory) * b1**recipe.end_memory)
    return frame


def standardised(frame: pd.DataFrame, outcomes: pd.DataFrame, recipe: TailRecipe) -> pd.DataFrame:
    """What a tail model learns from: losses in units of the volatilities of `frame`, beside as_of and the state."""
    volatilities = (frame[name].to_numpy(dtype=float) for name in ("volatility", "end_volatility"))
    return pd.concat([standardise(outcomes, *volatilities), frame[["as_of", *recipe.state]]], axis=1)


def fit_tail(
    method: ForecastMethod,
    z: pd.DataFrame,
    past: pd.DataFrame,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
    spec: ForecastSpec,
) -> Tail:
    """Tail model of the given method from the outcomes known at `until`.

    `z` (from `standardised`), `past` (a history) and `outcomes` are aligned.
    """
    known = known_by(past, until, spec.horizon)
    tail = _tail(method, spec).fit(z[known])
    if isinstance(tail, ConditionalTail):
        guard = spec.recipe.guard
        recent = known & (past["as_of"] >= until - pd.Timedelta(days=guard.days)).to_numpy()
        tail.guard(outcomes[recent], past[recent], guard)
    return tail


def _tail(method: ForecastMethod, spec: ForecastSpec) -> Tail:
    recipe = spec.recipe.tail
    if method == "b1":
        return ShrunkTail(recipe.b1_shrinkage, recipe.smallest_own_sample)
    return ConditionalTail(spec.config.tail_shrinkage, spec.config.tail_state_penalty, recipe)


def history(method: ForecastMethod, features: pd.DataFrame, outcomes: pd.DataFrame, spec: ForecastSpec) -> pd.DataFrame:
    """Out-of-sample forecasts, one row per row of `features`.

    Columns of `forecast_frame`; those of `out_of_sample_shocks`; and value at risk and expected shortfall of every
    side, kind and level without the guard (``long_975``, ``long_975_es``, ...). `outcomes` is aligned with `features`,
    NaN where not known. Rows before the first refit with enough outcomes are NaN.
    """
    recipe = spec.recipe
    sigma = volatility(B1Scale(), features) if method == "b1" else np.full(len(features), np.nan)
    if method != "b1":
        learnable = outcomes["realised_volatility"].notna().to_numpy()
        for now, train in _segments(features, learnable, recipe.history.smallest_training_rows, spec):
            sigma[now] = volatility(fit_scale(method, features, outcomes, train, spec), features[now])
    past = forecast_frame(features, sigma, recipe.tail)
    z = standardised(past, outcomes, recipe.tail)
    segments = [
        (now, known_by(past, train, spec.horizon))
        for now, train in _segments(past, z["path_long"].notna().to_numpy(), recipe.history.smallest_tail_rows, spec)
    ]
    tails = [losses_table(_tail(method, spec).fit(z[known]), past[now]) for now, known in segments]
    losses = pd.concat(tails) if tails else pd.DataFrame(columns=LOSS_COLUMNS, dtype=float)
    shocks = out_of_sample_shocks(features if method == "levercap" else None, sigma, outcomes, segments, recipe.shock)
    return pd.concat([past, shocks, losses.reindex(past.index)], axis=1)


def out_of_sample_tails(
    method: ForecastMethod, past: pd.DataFrame, outcomes: pd.DataFrame, start: pd.Timestamp, spec: ForecastSpec
) -> pd.DataFrame:
    """Tails of the rows of `past` (a history) from `start` on, each by the model of the refit date before it."""
    z = standardised(past, outcomes, spec.recipe.tail)
    smallest = spec.recipe.history.smallest_tail_rows
    parts = []
    for now, train in _segments(past, z["path_long"].notna().to_numpy(), smallest, spec):
        rows = now & (past["as_of"] >= start).to_numpy() & past["volatility"].notna().to_numpy()
        if rows.any():
            parts.append(fit_tail(method, z, past, outcomes, train, spec).predict(past[rows], spec.horizon))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _segments(
    table: pd.DataFrame, usable: BoolArray, smallest: int, spec: ForecastSpec
) -> list[tuple[BoolArray, pd.Timestamp]]:
    """(rows from a refit date to the next, that date), for dates by which enough outcomes were known."""
    dates = refit_dates(table["as_of"].min(), table["as_of"].max(), spec.recipe.history.refit_months)
    found = []
    for date, following in itertools.pairwise([*dates, pd.Timestamp.max.tz_localize("UTC")]):
        if (known_by(table, date, spec.horizon) & usable).sum() >= smallest:
            found.append((((table["as_of"] >= date) & (table["as_of"] < following)).to_numpy(), date))
    return found
