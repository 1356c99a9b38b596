"""Memory: what a bundle was trained with, so that a market that lacks it is recognised and scored strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray, Side
from levercap.core.panel import Panel
from levercap.features.returns import ingredients
from levercap.features.volatility import b1_volatility
from levercap.forecast import Blocks, Forecaster
from levercap.forecast.history import volatility
from levercap.model.absence import state_factors, table_factors, unseen_factor
from levercap.model.series import SERIES, Series, hours_since_value

__all__ = ["Memory", "make_memory"]

YEAR: Final = 365
RECENT_DAYS: Final = 730
"""Length of the past that levels and forecast volatilities are remembered of."""

WEEK_DAYS: Final = 7


@dataclass(frozen=True, eq=False)
class Memory:
    """What the models of a bundle were fitted with and have seen.

    Attributes
    ----------
    until : end of the training
    symbols : one row per symbol of the scenarios: symbol, first_bar, volatility_last, volatility_median,
        volatility_highest (forecasts of the last two years, per 24 h), turnover_median (quote currency per day, last
        two years), largest_fall, largest_rise (largest adverse move of a long and of a short in the scenarios, in units
        of volatility)
    levels : one row per symbol and week: as_of, symbol, hours (bars known), slow_level (log, per 24 h), volatility
        (forecast), stressed_volatility (the largest of that of a snapshot and of the quantiles over two years and one)
    series : one row per optional table and symbol that it covers: table, symbol, first, last (instants at which its
        first and last value were known), low, median, high (range of its level, see `Series`, in the last two years)
    tiers : every snapshot of leverage tiers known by `until`, or None
    table_factors, state_factors, unseen_factor : see the functions of these names
    """

    until: pd.Timestamp
    symbols: pd.DataFrame
    levels: pd.DataFrame
    series: pd.DataFrame
    tiers: pd.DataFrame | None
    table_factors: Mapping[str, float]
    state_factors: Mapping[str, float]
    unseen_factor: float

    def at(self, as_of: pd.Timestamp) -> pd.DataFrame:
        """Levels of each symbol as they were known at `as_of`, index symbol; later ones are never used."""
        known = self.levels[self.levels["as_of"] <= as_of]
        return known.drop_duplicates("symbol", keep="last").set_index("symbol").sort_index()

    def expected(self, series: Series, as_of: pd.Timestamp) -> tuple[str, ...]:
        """Symbols that the table covered at `as_of`, or at the end of the training where that is earlier."""
        rows = self.series[self.series["table"] == series.table]
        alive = rows["last"] >= min(as_of, self.until) - pd.Timedelta(hours=series.carry_hours)
        return tuple(rows.loc[alive & (rows["first"] <= as_of), "symbol"])


def make_memory(
    panel: Panel,
    tiers: pd.DataFrame | None,
    features: pd.DataFrame,
    forecaster: Forecaster,
    blocks: Blocks,
    stressed_quantile: float,
    seed: int,
) -> Memory:
    """Memory of a training.

    Parameters
    ----------
    panel, features : what was known at the end of the training, and the features of every midnight
    tiers : of every snapshot, as in a Market; later ones are left out
    forecaster, blocks : the fitted models
    stressed_quantile : of the policy
    seed : of the scenarios
    """
    sigma = volatility(forecaster.scale, features)
    rows = features[["as_of", "symbol", "slow_level"]].assign(volatility=sigma)
    rows = rows[rows["symbol"].isin(blocks.symbols)]
    return Memory(
        until=panel.end,
        symbols=_symbols(panel, rows, blocks),
        levels=_levels(panel, rows, stressed_quantile),
        series=_series(panel),
        tiers=None if tiers is None else tiers[tiers["as_of"] <= panel.end].reset_index(drop=True),
        table_factors=table_factors(forecaster, features, sigma),
        state_factors=state_factors(forecaster, features, sigma),
        unseen_factor=unseen_factor(forecaster, blocks, seed),
    )


def _symbols(panel: Panel, rows: pd.DataFrame, blocks: Blocks) -> pd.DataFrame:
    recent = rows[rows["as_of"] > panel.end - pd.Timedelta(days=RECENT_DAYS)]
    table = pd.DataFrame({"symbol": pd.Series(blocks.symbols, dtype="str")})
    own = [panel.symbols.index(symbol) for symbol in blocks.symbols]
    table["first_bar"] = panel.timestamps[(~np.isnan(panel.close[:, own])).argmax(axis=0)]
    by_symbol = {"last": rows, "median": recent, "highest": recent}
    for name, statistic in (("last", "last"), ("median", "median"), ("highest", "max")):
        found = by_symbol[name].groupby("symbol", observed=True)["volatility"].agg(statistic)
        table[f"volatility_{name}"] = found.reindex(table["symbol"]).to_numpy()
    known = panel.timestamps > panel.end - pd.Timedelta(days=RECENT_DAYS)
    hourly = pd.DataFrame(panel.volume[known][:, own] * panel.close[known][:, own])
    table["turnover_median"] = (24.0 * hourly.rolling(24, min_periods=12).mean()).median().to_numpy()
    losses = dict(zip(Side, (-blocks.low.min(axis=(1, 2)), blocks.high.max(axis=(1, 2))), strict=True))
    for side, name in ((Side.LONG, "largest_fall"), (Side.SHORT, "largest_rise")):
        table[name] = np.maximum(losses[side].astype(float), 0.0)
    return table


def _levels(panel: Panel, rows: pd.DataFrame, quantile: float) -> pd.DataFrame:
    """One row per week and symbol; the last midnight is one of the weekly ones."""
    last = rows["as_of"].max()
    days = (last - rows["as_of"]).dt.days
    weekly = rows[days % WEEK_DAYS == 0]
    origins = pd.DatetimeIndex(np.sort(weekly["as_of"].unique()))
    known = np.array([panel.rows_known(t) for t in origins], dtype=np.int64) - 1
    hours = (~np.isnan(panel.close)).cumsum(axis=0)[known].astype(float)
    tables = {"hours": hours, "stressed_volatility": _stressed(panel, origins, quantile)}
    keys = pd.MultiIndex.from_frame(weekly[["as_of", "symbol"]])
    for name, values in tables.items():
        stacked = pd.DataFrame(values, index=origins, columns=list(panel.symbols)).stack()
        weekly = weekly.assign(**{name: stacked.reindex(keys).to_numpy()})
    columns = ["as_of", "symbol", "hours", "slow_level", "volatility", "stressed_volatility"]
    table: pd.DataFrame = weekly[columns].sort_values(["as_of", "symbol"], ignore_index=True)
    return table


def _stressed(panel: Panel, origins: pd.DatetimeIndex, quantile: float) -> FloatArray:
    """(origins, symbols) the largest of `stressed_volatility` and of the quantiles of a symbol's B1 volatilities over
    the last two years and the last year: a shorter history may see more stress than a longer one.
    """
    phase = panel.rows_known(origins[-1]) - 1
    b1 = pd.DataFrame(b1_volatility(ingredients(panel).daily)[phase % 24 :: 24])
    day = np.array([panel.rows_known(t) - 1 - phase % 24 for t in origins], dtype=np.int64) // 24
    own = b1.expanding(1).quantile(quantile).to_numpy()[day]
    present, old = b1.to_numpy()[day], b1.notna().cumsum().to_numpy()[day] >= YEAR
    ratios = pd.DataFrame(np.where(old, own / present, np.nan)).median(axis=1).to_numpy()[:, None]
    windows = [b1.rolling(n * YEAR, min_periods=1).quantile(quantile).to_numpy()[day] for n in (1, 2)]
    return np.asarray(np.fmax.reduce([own, *windows, np.where(old, own, ratios * present)]), dtype=np.float64)


def _series(panel: Panel) -> pd.DataFrame:
    """Coverage and levels of every optional table that the panel has."""
    parts = [_coverage(panel, series) for series in SERIES if series.values(panel) is not None]
    names = ["table", "symbol", "first", "last", "low", "median", "high"]
    if not parts:
        instants = pd.DatetimeIndex([], tz="UTC").as_unit("us")
        empty = {name: pd.Series(dtype="float64") for name in names}
        return pd.DataFrame(empty).astype({"table": "str", "symbol": "str"}).assign(first=instants, last=instants)
    return pd.concat(parts, ignore_index=True)[names]


def _coverage(panel: Panel, series: Series) -> pd.DataFrame:
    values = series.values(panel)
    assert values is not None
    known = ~np.isnan(values)
    some = np.flatnonzero(known.any(axis=0))
    ends = panel.timestamps + pd.Timedelta(hours=1)
    last = len(values) - 1 - hours_since_value(values[:, some]).astype(np.int64)
    start = max(0, len(values) - 24 * (RECENT_DAYS + 30))
    recent = panel.rows(start).select(tuple(panel.symbols[j] for j in some))
    levels = series.levels(recent)[list(recent.symbols)].iloc[min(24 * 30, len(values) - start - 1) :]
    return pd.DataFrame(
        {
            "table": pd.Series([series.table] * len(some), dtype="str"),
            "symbol": pd.Series([panel.symbols[j] for j in some], dtype="str"),
            "first": ends[known[:, some].argmax(axis=0)],
            "last": ends[last],
            "low": levels.min().to_numpy(),
            "median": levels.median().to_numpy(),
            "high": levels.max().to_numpy(),
        }
    )
