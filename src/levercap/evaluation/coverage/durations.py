"""Duration test of the hits of value at risk against the geometric distribution of a memoryless process.

A correct value at risk is exceeded with the same probability every day, whatever happened before, so the waiting time
is geometric. Clustered hits give many short waits and a few long ones, at whatever distance they cluster; a regression
on the last few days sees only those.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.evaluation.coverage.grid import day_grid
from levercap.evaluation.coverage.independence import rearranged_days, same_listing
from levercap.evaluation.resampling.montecarlo import TestResult, monte_carlo

__all__ = ["panel_durations"]


def panel_durations(
    hits: ArrayLike, day: ArrayLike, symbol: ArrayLike, moments: int = 3, draws: int = 299, seed: int = 0
) -> TestResult:
    """Moment test of the days between hits against the geometric distribution, summed over instruments.

    Parameters
    ----------
    hits : (rows,) booleans, one row per instrument and day, in any order
    day, symbol : (rows,) of each row; the days that an instrument has count as neighbours
    moments : number of polynomials; at least 2
    draws, seed : rearrangements and where their random numbers start

    Notes
    -----
    Candelon, Colletaz, Hurlin and Tokpavi (Journal of Financial Econometrics 2011): the polynomials ``M_j`` that are
    orthonormal for the geometric distribution have mean zero under the null hypothesis, and the statistic of an
    instrument is ``sum_j (sum_i M_j(d_i))^2 / N`` over its N hits, with its own hit rate: the number of hits is for
    `pooled_coverage` to judge. Waits are complete ones and the one before the first hit, which is geometric too. Zero
    without a hit. The p-value comes from rearranging whole days among the days on which the same instruments were
    listed, as in `panel_dynamic_quantile`: hits of one day stay together, so that co-movement is no evidence of memory.
    """
    if moments < 2:
        raise ValueError(f"panel_durations needs at least 2 moments, got {moments}")
    grid = day_grid(np.asarray(hits, dtype=bool), day, symbol)
    if len(grid) < 2:
        raise ValueError("panel_durations needs hits on at least two days")
    listed = ~np.isnan(grid)
    hit, group = grid == 1.0, same_listing(~listed)
    random = np.random.default_rng(seed)
    orders = np.array([np.arange(len(grid)), *(rearranged_days(group, random) for _ in range(draws))])
    statistic = np.zeros(1 + draws)
    for column, known in zip(hit.T, listed.T, strict=True):
        statistic += _moment_statistic(column[orders[:, known]], moments)
    return monte_carlo(float(statistic[0]), statistic[1:])


def _hit_places(series: BoolArray) -> tuple[IntArray, IntArray]:
    """(series, most) one-based day of every hit, zeros behind the last, and (series,) number of hits."""
    row, day = np.nonzero(series)
    count = np.bincount(row, minlength=len(series))
    places = np.zeros((len(series), max(int(count.max(initial=0)), 1)), dtype=np.int64)
    places[row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)] = day + 1
    return places, count


def _moment_statistic(series: BoolArray, moments: int) -> FloatArray:
    """(series,) sum of squared polynomial moments, each series with its own rate; `series` is (series, days)."""
    places, count = _hit_places(series)
    wait = np.diff(places, axis=1, prepend=0).astype(np.float64)
    present = np.arange(places.shape[1]) < count[:, None]
    p = np.clip(count / series.shape[1], 1e-12, 1.0 - 1e-12)[:, None]
    before, now = np.zeros_like(wait), np.ones_like(wait)
    statistic = np.zeros(len(series))
    for j in range(moments):
        step = ((1.0 - p) * (2 * j + 1) + p * (j - wait + 1.0)) / ((j + 1) * np.sqrt(1.0 - p))
        before, now = now, step * now - j / (j + 1) * before
        statistic += (now * present).sum(axis=1) ** 2 / np.maximum(count, 1)
    return statistic
