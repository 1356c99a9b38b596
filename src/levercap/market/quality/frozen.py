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
    run = _run_lengths(lifeless)
    days, there = _by_day(lifeless), _by_day(present)
    held = there.sum(axis=1)
    share = np.divide(days.sum(axis=1), held, out=np.full(held.shape, np.nan), where=held > 0)
    longest = np.where(held > 0, _by_day(run).max(axis=1), np.nan).astype(np.float64)
    habit, usual_share, usual_run = (_usual(x, recipe, how) for x, how in ((share, "mean"), (share, ""), (longest, "")))
    rare = habit < recipe.lifeless_share
    limit = np.maximum(recipe.lifeless_run_hours, recipe.lifeless_run_factor * usual_run + 1)
    full = (np.nan_to_num(share) > usual_share + recipe.lifeless_day_excess) | (
        np.nan_to_num(share) > recipe.lifeless_ceiling
    )
    full_hours = np.repeat(full, DAY, axis=0)[-len(lifeless) :]
    return np.asarray(lifeless & (rare | (run >= limit) | full_hours), dtype=np.bool_)


def _usual(daily: FloatArray, recipe: QualityRecipe, how: str) -> FloatArray:
    """(symbols,) usual daily value before the last 30 days: the mean of the lower 95 % of days, or their 95 % quantile.

    Zero for symbols with fewer than ten such days.
    """
    past = daily[:-MONTH]
    known = np.isfinite(past).sum(axis=0) >= FEWEST_DAYS
    out = np.zeros(daily.shape[1])
    if known.any():
        top = np.nanquantile(past[:, known], USUAL, axis=0)
        if how == "mean":
            below = np.where(past[:, known] <= top, past[:, known], np.nan)
            top = np.nanmean(below, axis=0)
        out[known] = top
    return out


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

    Only the last 30 days are judged, in blocks counted back from the end.
    """
    coarse = np.zeros(hours.present.shape, dtype=bool)
    close = hours.close
    moves = np.vstack([np.full((1, close.shape[1]), np.nan), np.diff(close, axis=0)])
    scale = long_scale(moves)
    for length in recipe.coarse_hours:
        step = price_step(hours, length) / scale
        recent = MONTH * DAY // length
        past = step[:-recent]
        known = np.isfinite(past).sum(axis=0) >= FEWEST_DAYS
        usual = np.zeros(step.shape[1])
        if known.any():
            usual[known] = np.nanmedian(past[:, known], axis=0)
        blocks = np.zeros(step.shape, dtype=bool)
        now = np.nan_to_num(step[-recent:])
        blocks[-recent:] = (now > recipe.coarse_step) & (now > recipe.coarse_ratio * usual)
        coarse |= np.repeat(blocks, length, axis=0)[-len(coarse) :]
    return coarse & hours.present


def price_step(hours: Hours, length: int) -> FloatArray:
    """(blocks, symbols) smallest relative difference of two different prices of each block, the step of their grid.

    Blocks of `length` hours are counted back from the end; NaN where fewer than half of the hours are there or all
    prices are the same.
    """
    fields = np.stack([hours.open, hours.high, hours.low, hours.close], axis=1)
    blocks = -(-len(fields) // length)
    padded = np.full((blocks * length, *fields.shape[1:]), np.nan)
    padded[blocks * length - len(fields) :] = fields
    values = np.sort(padded.reshape(blocks, 4 * length, -1), axis=1)
    step = np.diff(values, axis=1)
    step = np.where(step > 1e-9, step, np.inf)
    smallest = step.min(axis=1, initial=np.inf)
    enough = np.isfinite(values).sum(axis=1) >= 2 * length
    return np.where(enough & np.isfinite(smallest), smallest, np.nan)
