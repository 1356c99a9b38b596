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
from levercap.forecast.scale import B1Scale, BlendedScale, target
from levercap.forecast.shock import ShockModel, empty_table
from levercap.forecast.tail import ShrunkTail, standardise
from levercap.vocabulary import HORIZON_HOURS, BoolArray, FloatArray

__all__ = ["KINDS", "Kind", "fit_scale", "history", "known_by", "out_of_sample_tails", "refit_dates", "volatility"]

Kind = Literal["levercap", "b1"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Scale = BlendedScale | B1Scale

SMALLEST_TRAINING_ROWS = 1000
SMALLEST_TAIL_ROWS = 500


def known_by(table: pd.DataFrame, instant: pd.Timestamp) -> BoolArray:
    """(rows,) whether the outcome of each origin is known at `instant`."""
    return (table["as_of"] <= instant - pd.Timedelta(hours=HORIZON_HOURS)).to_numpy()


def refit_dates(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """1 January and 1 July of every year between `first` and `last`."""
    months = pd.date_range(first.ceil("D"), last, freq="MS", unit="us")
    return months[months.month.isin([1, 7])]


def fit_scale(
    kind: Kind, features: pd.DataFrame, outcomes: pd.DataFrame, until: pd.Timestamp, config: ForecastConfig
) -> Scale:
    """Scale model of the given kind from the outcomes known at `until`; recent ones weigh more."""
    if kind == "b1":
        return B1Scale().fit(features, np.empty(0))
    usable = known_by(features, until) & outcomes["realised_volatility"].notna().to_numpy()
    X = features[usable]
    age_days = (until - X["as_of"]).dt.total_seconds().to_numpy() / 86400.0
    weight = 0.5 ** (age_days / config.recency_half_life_days)
    model = BlendedScale(config.ridge_penalty, config.boosting_rounds, config.boosting_leaves, config.seed)
    return model.fit(X, target(X, outcomes.loc[usable, "realised_volatility"]), weight)


def volatility(scale: Scale, features: pd.DataFrame) -> FloatArray:
    """(rows,) volatility forecast per 24 h; NaN only where even the baseline has no number."""
    return np.asarray(np.exp(scale.predict(features) + features["slow_level"].to_numpy()), dtype=np.float64)


def history(kind: Kind, features: pd.DataFrame, outcomes: pd.DataFrame, config: ForecastConfig) -> pd.DataFrame:
    """Out-of-sample `volatility` and implied shock probabilities, one row per row of `features`.

    `outcomes` is aligned with `features`, NaN where not known. Rows before the first refit with enough outcomes are
    NaN.
    """
    out = features[["as_of", "symbol"]].copy()
    out["volatility"] = volatility(B1Scale(), features) if kind == "b1" else np.nan
    if kind != "b1":
        for now, train in _segments(
            features, outcomes["realised_volatility"].notna().to_numpy(), SMALLEST_TRAINING_ROWS
        ):
            scale = fit_scale(kind, features, outcomes, train, config)
            out.loc[now, "volatility"] = volatility(scale, features[now])
    return _with_implied_shocks(out, outcomes)


def _with_implied_shocks(out: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    z = standardise(outcomes, out["volatility"].to_numpy())
    tables = []
    for now, train in _segments(out, z["path_long"].notna().to_numpy(), SMALLEST_TAIL_ROWS):
        model = ShockModel().fit(z[known_by(out, train)])
        table = model.implied_table(out.loc[now, "volatility"].to_numpy())
        tables.append(table.set_index(np.flatnonzero(now)))
    implied = pd.concat(tables) if tables else empty_table()
    return pd.concat([out.reset_index(drop=True), implied.reindex(range(len(out)))], axis=1).set_index(out.index)


def out_of_sample_tails(
    past: pd.DataFrame, outcomes: pd.DataFrame, start: pd.Timestamp, config: ForecastConfig
) -> pd.DataFrame:
    """Tails of the rows of `past` (a history) from `start` on, each from ratios known at the refit date before it."""
    z = standardise(outcomes, past["volatility"].to_numpy())
    parts = []
    for now, train in _segments(past, z["path_long"].notna().to_numpy(), SMALLEST_TAIL_ROWS):
        rows = now & (past["as_of"] >= start).to_numpy() & past["volatility"].notna().to_numpy()
        if rows.any():
            tail = ShrunkTail(config.tail_shrinkage).fit(z[known_by(past, train)])
            parts.append(tail.predict(past[rows]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _segments(table: pd.DataFrame, usable: BoolArray, smallest: int) -> list[tuple[BoolArray, pd.Timestamp]]:
    """(rows of the half year after a refit date, that date), for dates by which enough outcomes were known."""
    dates = refit_dates(table["as_of"].min(), table["as_of"].max())
    found = []
    for date, following in itertools.pairwise([*dates, pd.Timestamp.max.tz_localize("UTC")]):
        if (known_by(table, date) & usable).sum() >= smallest:
            found.append((((table["as_of"] >= date) & (table["as_of"] < following)).to_numpy(), date))
    return found
