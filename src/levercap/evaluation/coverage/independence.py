"""Can hits be foreseen? Regressions of today's hit on what was known yesterday: one instrument, and a panel of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray, IntArray
from levercap.evaluation.coverage.grid import day_grid
from levercap.evaluation.coverage.hit_tests import TestResult
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = ["PanelDynamicQuantile", "dynamic_quantile", "panel_dynamic_quantile"]

CHUNK = 4_000_000
"""Numbers held at once while statistics are simulated."""

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


def dynamic_quantile(
    hits: ArrayLike, level: float, var: ArrayLike | None = None, lags: int = 4, draws: int = 999, seed: int = 0
) -> TestResult:
    """Dynamic quantile test of one instrument's hits, with its Monte Carlo p-value.

    Parameters
    ----------
    hits : (days,) booleans in time order, without gaps
    level : confidence of the value at risk
    var : (days,) the forecasts; when given, hits must not be foreseeable from their height either
    lags : earlier days whose hits are regressors; the first `lags` days are only that
    draws, seed : simulated series and where their random numbers start

    Notes
    -----
    With h = hit - (1 - level) and X = [1, h of the last `lags` days, var]: ``h' X (X'X)^-1 X' h / (level (1 - level))``
    (Engle and Manganelli, Journal of Business and Economic Statistics 2004), chi-squared with one degree per regressor
    in large samples. The p-value is of hits drawn independently with probability ``1 - level`` beside the same `var`,
    which is exact where forecasts do not follow hits and close where they do. Collinear regressors count once.
    """
    series = np.asarray(hits, dtype=bool)
    if series.ndim != 1 or len(series) < lags + 2:
        raise ValueError(f"dynamic_quantile needs the hits of one instrument on at least lags + 2 = {lags + 2} days")
    height = None if var is None else _standardised(np.asarray(var, dtype=np.float64), len(series))
    rate = 1.0 - level
    simulated = (np.random.default_rng(seed).random((draws, len(series))) < rate).astype(np.float64) - rate
    observed = _dynamic_quantile_statistic(series[None].astype(np.float64) - rate, height, lags)[0]
    step = max(1, CHUNK // (len(series) * (lags + 2)))
    null = [_dynamic_quantile_statistic(simulated[i : i + step], height, lags) for i in range(0, draws, step)]
    scale = level * rate
    return monte_carlo(float(observed / scale), np.concatenate(null) / scale)


def _dynamic_quantile_statistic(centred: FloatArray, height: FloatArray | None, lags: int) -> FloatArray:
    """(series,) squared length of the projection of `centred`, shape (series, days), on the regressors."""
    days = centred.shape[1]
    response = centred[:, lags:]
    columns = [np.ones_like(response), *(centred[:, lags - k : days - k] for k in range(1, lags + 1))]
    if height is not None:
        columns.append(np.broadcast_to(height[lags:], response.shape))
    design = np.stack(columns, axis=1)
    gram = design @ design.swapaxes(1, 2)
    moment = (design @ response[:, :, None])[:, :, 0]
    solved = (np.linalg.pinv(gram, rcond=SINGULAR, hermitian=True) @ moment[:, :, None])[:, :, 0]
    return np.asarray((moment * solved).sum(axis=1))


def _standardised(values: FloatArray, days: int) -> FloatArray | None:
    if values.shape != (days,) or not np.isfinite(values).all():
        raise ValueError(f"var must hold one finite forecast for each of the {days} days")
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-12 * max(abs(float(values.mean())), 1e-300) else None


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
    rearranged = [_slopes(*_panel_design(panel, _rearranged(panel.group, random), lags)) for _ in range(draws)]
    scale = level * (1.0 - level)
    test = monte_carlo(_slopes(design, response) / scale, np.array(rearranged) / scale)
    names = ["constant", *(f"hit_{k}_days_ago" for k in range(1, lags + 1)), "share_hit_yesterday"]
    table = _clustered(design, response, panel.row, names if panel.log_var is None else [*names, "log_var"])
    return PanelDynamicQuantile(table, test, len(np.unique(panel.row)), len(panel.row))


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
    _, group = np.unique(absent, axis=0, return_inverse=True)
    return _Panel(hit, np.nanmean(hit, axis=1), group.astype(np.int64).ravel(), log_var, row + lags, column)


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


def _rearranged(group: IntArray, random: np.random.Generator) -> IntArray:
    """An order of the days in which each changes place only with days of its group."""
    shuffled = np.argsort(group + random.random(len(group)))
    order = np.empty_like(shuffled)
    order[np.argsort(group, kind="stable")] = shuffled
    return order


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
