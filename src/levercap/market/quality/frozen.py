"""Frozen feeds: lifeless hours and coarse prices, against the symbol's own history."""

from __future__ import annotations

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.quality.confirmation import long_scale
from levercap.market.quality.hours import Hours, last_row
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["coarse_hours", "frozen_hours", "lifeless_hours", "price_step"]

DAY = 24
MONTH = 30
FEWEST_DAYS = 10
USUAL = 0.95

SAME = 1e-9
"""Log distance within which two prices are the same."""


def frozen_hours(hours: Hours, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) hours in which the feed repeats itself beyond the symbol's own habit, or is too coarse."""
    lifeless = lifeless_hours(hours)
    return np.asarray(_beyond_habit(lifeless, hours.present, recipe) | coarse_hours(hours, recipe), dtype=np.bool_)


def lifeless_hours(hours: Hours) -> BoolArray:
    """(hours, symbols) present hours without range (an unchanged price included) or without volume."""
    lifeless = (hours.high == hours.low) | (hours.volume == 0)
    return np.asarray(hours.present & lifeless, dtype=np.bool_)


def _beyond_habit(lifeless: BoolArray, present: BoolArray, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) lifeless hours that are rare for the symbol, in long runs, or on days full of them.

    The habit is that of the days before the last 30; a symbol with fewer than ten such days has none.
    """
    out = np.zeros(lifeless.shape, dtype=bool)
    some = np.flatnonzero(lifeless.any(axis=0))
    if not len(some):
        return out
    lifeless, present = lifeless[:, some], present[:, some]
    run, held = _run_lengths(lifeless), _by_day(present).sum(axis=1)
    share = np.divide(_by_day(lifeless).sum(axis=1), held, out=np.full(held.shape, np.nan), where=held > 0)
    longest = np.where(held > 0, _by_day(run).max(axis=1), np.nan)
    mean, most = _usual(share)
    rare = mean < recipe.lifeless_share
    limit = np.maximum(recipe.lifeless_run_hours, recipe.lifeless_run_factor * _usual(longest)[1] + 1)
    full = np.nan_to_num(share) > np.minimum(most + recipe.lifeless_day_excess, recipe.lifeless_ceiling)
    full_hours = np.repeat(full, DAY, axis=0)[-len(lifeless) :]
    out[:, some] = lifeless & (rare | (run >= limit) | full_hours)
    return out


def _usual(daily: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(symbols,) mean of the lower 95 % of the days before the last 30, and their 95 % quantile.

    Zero for symbols with fewer than ten such days.
    """
    past = daily[:-MONTH]
    known = np.isfinite(past).sum(axis=0) >= FEWEST_DAYS
    mean, top = np.zeros(daily.shape[1]), np.zeros(daily.shape[1])
    if known.any():
        top[known] = np.nanquantile(past[:, known], USUAL, axis=0)
        mean[known] = np.nanmean(np.where(past[:, known] <= top[known], past[:, known], np.nan), axis=0)
    return mean, top


def _by_day(values: BoolArray | IntArray) -> IntArray:
    """(days, 24, symbols) blocks of 24 hours counted back from the end; the first is filled up with zeros."""
    hours, symbols = values.shape
    days = -(-hours // DAY)
    padded = np.zeros((days * DAY, symbols), dtype=np.int64)
    padded[days * DAY - hours :] = values
    return padded.reshape(days, DAY, symbols)


def _run_lengths(flags: BoolArray) -> IntArray:
    """(hours, symbols) length of the run of true hours that each belongs to, zero where it is false."""
    row = np.broadcast_to(np.arange(len(flags))[:, None], flags.shape)
    begin = last_row(~flags)
    end = len(flags) - 1 - last_row(~flags[::-1])[::-1]
    return np.asarray(np.where(flags & (row >= 0), end - begin - 1, 0), dtype=np.int64)


def coarse_hours(hours: Hours, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) hours of blocks whose prices stand on a grid far coarser than the symbol's own.

    Only the last 30 days are judged, in blocks counted back from the end, against the 60 days before them.
    """
    coarse = np.zeros(hours.present.shape, dtype=bool)
    rows = slice(-3 * MONTH * DAY, None)
    prices = np.stack([hours.open[rows], hours.high[rows], hours.low[rows], hours.close[rows]], axis=1)
    scale = long_scale(np.diff(hours.close, axis=0))
    past = price_step(prices[: -MONTH * DAY], DAY)[::3] / scale
    known = np.isfinite(past).sum(axis=0) >= FEWEST_DAYS
    usual = np.zeros(len(scale))
    if known.any():
        usual[known] = np.nanmedian(past[:, known], axis=0)
    for length in recipe.coarse_hours:
        step = np.nan_to_num(price_step(prices[-MONTH * DAY :], length) / scale)
        blocks = (step > recipe.coarse_step) & (step > recipe.coarse_ratio * usual)
        flags = np.repeat(blocks, length, axis=0)[-len(coarse) :]
        coarse[-len(flags) :] |= flags
    return coarse & hours.present


def price_step(prices: FloatArray, length: int) -> FloatArray:
    """(blocks, symbols) smallest relative difference of two different prices of each block, the step of their grid.

    Blocks of `length` hours are counted back from the end of the log prices (hours, 4, symbols); NaN where fewer than
    half of the hours are there or all prices are the same.
    """
    blocks = -(-len(prices) // length)
    padded = np.full((blocks * length, *prices.shape[1:]), np.nan)
    padded[blocks * length - len(prices) :] = prices
    values = np.sort(padded.reshape(blocks, 4 * length, -1), axis=1)
    step = np.diff(values, axis=1)
    step = np.where(step > SAME, step, np.inf)
    smallest = step.min(axis=1, initial=np.inf)
    enough = np.isfinite(values).sum(axis=1) >= 2 * length
    return np.where(enough & np.isfinite(smallest), smallest, np.nan)
