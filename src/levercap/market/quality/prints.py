"""Doubtful prints: opens far from the close before, moves and wicks far outside the own scale and unconfirmed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.quality.confirmation import long_scale, over_others, recent_scale, volume_surge
from levercap.market.quality.hours import Hours, last_row
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["Doubts", "doubtful_moves"]

WEEK = 168


@dataclass(frozen=True, eq=False)
class Doubts:
    """Doubtful moves, each (hours, symbols), zero where there is none.

    Attributes
    ----------
    gap : log distance of the open to the last good close before, the move of the other symbols taken off
    body : log move from open to close, likewise
    wick : whether a wick is doubtful
    """

    gap: FloatArray
    body: FloatArray
    wick: BoolArray


@dataclass(frozen=True, eq=False)
class _Market:
    """Bars, which of them are good, and the symbols' scales.

    Attributes
    ----------
    before : (hours, symbols) last good row before each, -1 without one
    carried : (hours, symbols) last good log close, the row's own included
    moves : (hours, symbols) distance to the last good close before, NaN where the bar is not good
    long : (symbols,) hourly standard deviation
    """

    hours: Hours
    good: BoolArray
    before: IntArray
    carried: FloatArray
    moves: FloatArray
    long: FloatArray
    recipe: QualityRecipe

    def scale(self, row: IntArray, own: IntArray) -> FloatArray:
        return recent_scale(self.moves, self.long, row, own, self.recipe)

    def violence(self, row: IntArray, own: IntArray) -> FloatArray:
        """(cases,) median log ranges of the other symbols, that of the hour plus that of the one before."""
        hours = self.hours

        def width(at: IntArray) -> FloatArray:
            return np.where(self.good[at], hours.high[at] - hours.low[at], np.nan)

        now = over_others(lambda k: width(row[k]), own)
        earlier = over_others(lambda k: width(np.maximum(row[k] - 1, 0)), own)
        return np.asarray(now + earlier, dtype=np.float64)


def doubtful_moves(hours: Hours, good: BoolArray, recipe: QualityRecipe) -> Doubts:
    """Doubtful moves among the `good` hours (hours, symbols); distances across missing hours included."""
    latest = last_row(good)
    before = np.vstack([np.full((1, good.shape[1]), -1), latest[:-1]])
    column = np.arange(good.shape[1])
    carried = np.where(latest >= 0, hours.close[np.maximum(latest, 0), column], np.nan)
    moves = np.where(good, hours.close - _earlier(carried), np.nan)
    market = _Market(hours, good, before, carried, moves, long_scale(moves), recipe)
    return Doubts(_gaps(market), *_within_hours(market))


def _earlier(values: FloatArray) -> FloatArray:
    return np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])


def _gaps(market: _Market) -> FloatArray:
    recipe, hours = market.recipe, market.hours
    out = np.zeros(market.good.shape)
    gap = hours.open - _earlier(market.carried)
    least = np.maximum(recipe.opening_gap, recipe.opening_gap_scales * market.long)
    row, own = np.nonzero(market.good & (np.abs(gap) > least))
    begin, scale = market.before[row, own], market.scale(row, own)
    others = over_others(lambda k: hours.open[row[k]] - market.carried[begin[k]], own)
    missing = row - begin - 1
    allowed = np.maximum(recipe.opening_gap, recipe.opening_gap_scales * scale)
    allowed = allowed + recipe.bridging_scales * scale * np.sqrt(missing)
    ranges = np.where(missing > 0, recipe.market_ranges, recipe.market_ranges_of_gaps)
    allowed = allowed + ranges * market.violence(row, own)
    excess = gap[row, own] - others
    far = np.abs(excess) > allowed
    out[row[far], own[far]] = excess[far]
    return out


def _within_hours(market: _Market) -> tuple[FloatArray, BoolArray]:
    """(hours, symbols) doubtful moves from open to close, and doubtful wicks.

    Only the last days are looked at: older ones matter to no window. Moves that could be a change of unit are looked
    for in all hours.
    """
    hours, recipe, shape = market.hours, market.recipe, market.good.shape
    first = max(shape[0] - 24 * recipe.print_days, 0)
    tail = slice(first, None)
    surge = np.full(shape, np.nan)
    begin = max(first - WEEK, 0)
    surge[begin:] = volume_surge(hours.volume[begin:])
    body, wick = np.zeros(shape), np.zeros(shape, dtype=bool)
    size = hours.close - hours.open
    recent = np.arange(shape[0])[:, None] >= first
    row, own = _candidates(market, np.abs(size), recent | (np.abs(size) > recipe.unit_jump_move))
    excess = _excess(size, row, own)
    far = _far(market, np.abs(excess), surge, row, own)
    body[row[far], own[far]] = excess[far]
    top, bottom = np.maximum(hours.open[tail], hours.close[tail]), np.minimum(hours.open[tail], hours.close[tail])
    for beyond in (hours.high[tail] - top, bottom - hours.low[tail]):
        size = np.full(shape, np.nan)
        size[tail] = beyond
        row, own = _candidates(market, size, recent)
        far = _far(market, _excess(size, row, own), surge, row, own)
        wick[row[far], own[far]] = True
    return body, wick


def _excess(size: FloatArray, row: IntArray, own: IntArray) -> FloatArray:
    """(cases,) the symbol's size less the median of the others in the same hour."""
    return np.asarray(size[row, own] - over_others(lambda k: size[row[k]], own), dtype=np.float64)


def _candidates(market: _Market, size: FloatArray, where: BoolArray) -> tuple[IntArray, IntArray]:
    recipe = market.recipe
    row, own = np.nonzero(where & market.good & (size > np.maximum(recipe.move, recipe.move_scales * market.long)))
    return row, own


def _far(market: _Market, excess: FloatArray, surge: FloatArray, row: IntArray, own: IntArray) -> BoolArray:
    """(cases,) whether a move or wick is beyond the limits: a low one without a surge of volume, a high one with."""
    recipe, scale = market.recipe, market.scale(row, own)
    violence = recipe.market_ranges * market.violence(row, own)
    low = np.maximum(recipe.move, recipe.move_scales * scale) + violence
    high = np.maximum(recipe.extreme_move, recipe.extreme_move_scales * scale) + violence
    others = over_others(lambda k: surge[row[k]], own)
    quiet = ~(np.nan_to_num(surge[row, own], nan=0.0) / np.maximum(others, 1.0) >= recipe.surge)
    return np.asarray((excess > high) | ((excess > low) & quiet), dtype=np.bool_)
