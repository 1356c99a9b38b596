"""Dynamic quantile test of a panel: can hits be foreseen from what was known the day before?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.evaluation.coverage.grid import day_grid
from levercap.evaluation.resampling.montecarlo import TestResult, monte_carlo

__all__ = ["PanelDynamicQuantile", "panel_dynamic_quantile", "rearranged_days", "same_listing"]

SINGULAR = 1e-10
"""Directions of the regressors with less than this share of the largest moment are taken as collinear."""


@dataclass(frozen=True, eq=False)
class PanelDynamicQuantile:
    """Regression of the hits of many instruments, minus their nominal rate, on what was known before.

    Attributes
    ----------
    coefficients : one row per regressor, with estimate (how much a unit of it adds to the probability of a hit),
        standard_error (clustered by day) and t: where to look, not what to test, since t is far from normal when hits
        are few
    independence : that all but the constant are zero
    days, rows : days and instrument-days in the regression
    """

    coefficients: pd.DataFrame
    independence: TestResult
    days: int
    rows: int


def panel_dynamic_quantile(
    hits: ArrayLike,
    day: ArrayLike,
    symbol: ArrayLike,
    level: float,
    var: ArrayLike | None = None,
    lags: int = 4,
    draws: int = 499,
    seed: int = 0,
) -> PanelDynamicQuantile:
    """Dynamic quantile regression pooled over instruments, with days as the independent unit.

    Parameters
    ----------
    hits : (rows,) booleans, one row per instrument and day, in any order
    day, symbol : (rows,) of each row; the days that occur count as neighbours
    level : confidence of the value at risk
    var : (rows,) positive forecasts; their logarithm becomes a regressor
    lags : earlier days whose own hits are regressors
    draws, seed : rearrangements and where their random numbers start

    Notes
    -----
    Regressors: 1, own hits of the last `lags` days, yesterday's share of instruments hit, log var. The statistic is the
    pooled one of Engle and Manganelli without the constant, and its p-value comes from rearranging whole days among the
    days on which the same instruments were listed: hits of one day stay together, so that co-movement is no evidence
    against independence; where co-movement itself comes in spells it rejects the truth too often (9 %
    instead of 5 % when correlations of 0.1 and 0.9 take turns every 60 days). A quadratic form in the day-clustered
    covariance would need far more hits: with 20 instruments, a year of 97.5 % forecasts and a correlation of 0.5 it
    rejects the truth in a third of cases. Whether hits are as many as they should be is for `pooled_coverage` to say.
    """
    panel = _panel(hits, day, symbol, var, 1.0 - level, lags)
    random = np.random.default_rng(seed)
    design, response = _panel_design(panel, np.arange(len(panel.share)), lags)
    rearranged = [_slopes(*_panel_design(panel, rearranged_days(panel.group, random), lags)) for _ in range(draws)]
    scale = level * (1.0 - level)
    test = monte_carlo(_slopes(design, response) / scale, np.array(rearranged) / scale)
    names = ["constant", *(f"hit_{k}_days_ago" for k in range(1, lags + 1)), "share_hit_yesterday"]
    table = _clustered(design, response, panel.row, names if panel.log_var is None else [*names, "log_var"])
    return PanelDynamicQuantile(table, test, len(np.unique(panel.row)), len(panel.row))


def same_listing(absent: BoolArray) -> IntArray:
    """(days,) code of the instruments that are listed; `absent` is (days, instruments)."""
    _, group = np.unique(absent, axis=0, return_inverse=True)
    return group.astype(np.int64).ravel()


def rearranged_days(group: IntArray, random: np.random.Generator) -> IntArray:
    """An order of the days in which each changes place only with days of its group."""
    shuffled = np.argsort(group + random.random(len(group)))
    order = np.empty_like(shuffled)
    order[np.argsort(group, kind="stable")] = shuffled
    return order


@dataclass(frozen=True, eq=False)
class _Panel:
    """What the regression is made of; days run over the whole panel, rows over the regression.

    Attributes
    ----------
    hit : (days, instruments) hits minus their nominal rate, NaN where there is no row
    share : (days,) mean of `hit` over instruments
    group : (days,) code of who was listed
    log_var : (rows,) regressor
    row, column : (rows,) places with hits on the day and on all lagged days
    """

    hit: FloatArray
    share: FloatArray
    group: IntArray
    log_var: FloatArray | None
    row: IntArray
    column: IntArray


def _panel(hits: ArrayLike, day: ArrayLike, symbol: ArrayLike, var: ArrayLike | None, rate: float, lags: int) -> _Panel:
    hit = day_grid(np.asarray(hits, dtype=bool), day, symbol) - rate
    if len(hit) < lags + 2:
        raise ValueError(f"panel_dynamic_quantile needs at least lags + 2 = {lags + 2} days, got {len(hit)}")
    absent = np.isnan(hit)
    usable = ~absent[lags:]
    for k in range(1, lags + 1):
        usable &= ~absent[lags - k : len(hit) - k]
    row, column = np.nonzero(usable)
    if len(row) == 0:
        raise ValueError(f"no instrument has hits on {lags + 1} days in a row")
    log_var: FloatArray | None = None
    if var is not None:
        height = np.asarray(var, dtype=np.float64)
        if not (np.isfinite(height) & (height > 0)).all():
            raise ValueError("var must be positive and finite in every row")
        log_var = day_grid(np.log(height) - np.log(height).mean(), day, symbol)[row + lags, column]
    return _Panel(hit, np.nanmean(hit, axis=1), same_listing(absent), log_var, row + lags, column)


def _panel_design(panel: _Panel, order: IntArray, lags: int) -> tuple[FloatArray, FloatArray]:
    """Regressors (columns, rows) and response (rows,), with the hits of day `order[t]` on day t."""
    hit = panel.hit[order]
    columns = [np.ones(len(panel.row)), *(hit[panel.row - k, panel.column] for k in range(1, lags + 1))]
    columns.append(panel.share[order][panel.row - 1])
    if panel.log_var is not None:
        columns.append(panel.log_var)
    return np.stack(columns), hit[panel.row, panel.column]


def _slopes(design: FloatArray, response: FloatArray) -> float:
    """Squared length of the projection of the response on all regressors but the constant, given the constant."""
    slopes = design[1:] - design[1:].mean(axis=1, keepdims=True)
    moment = slopes @ response
    return float(moment @ np.linalg.pinv(slopes @ slopes.T, rcond=SINGULAR, hermitian=True) @ moment)


def _clustered(design: FloatArray, response: FloatArray, day: IntArray, names: list[str]) -> pd.DataFrame:
    """Least squares with errors that may be dependent within a day (Liang and Zeger, 1986)."""
    inverse = np.linalg.pinv(design @ design.T, rcond=SINGULAR, hermitian=True)
    estimate = inverse @ (design @ response)
    residual = response - estimate @ design
    _, index = np.unique(day, return_inverse=True)
    scores = np.array([np.bincount(index, column * residual) for column in design])
    days = scores.shape[1]
    covariance = inverse @ (scores @ scores.T) @ inverse * days / max(days - 1, 1)
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    t = np.divide(estimate, error, out=np.full(len(names), np.nan), where=error > 0)
    return pd.DataFrame(
        {"estimate": estimate, "standard_error": error, "t": t}, index=pd.Index(names, name="regressor")
    )
