"""Doubtful prints: opens far from the close before, moves and wicks far outside the own scale and unconfirmed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.quality.confirmation import hourly_scale, over_others, volume_surge
from levercap.market.quality.hours import Hours, last_row
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["Doubts", "doubtful_moves"]


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
    """What every check needs: the hours, the last good row before each, scales and ranges."""

    hours: Hours
    before: IntArray
    carried: FloatArray
    scale: FloatArray
    surge: FloatArray
    width: FloatArray
    recipe: QualityRecipe

    def violence(self, row: IntArray, own: IntArray) -> FloatArray:
        """(cases,) by how much the ranges of the other symbols, in the hour and the one before, widen the limits."""
        now = over_others(lambda k: self.width[row[k]], own)
        earlier = over_others(lambda k: self.width[np.maximum(row[k] - 1, 0)], own)
        return self.recipe.market_ranges * np.asarray(now + earlier, dtype=np.float64)

    def without_surge(self, row: IntArray, own: IntArray) -> BoolArray:
        """(cases,) whether volume did not rise with the move, beyond that of the other symbols, or is not known."""
        market = over_others(lambda k: self.surge[row[k]], own)
        surge = self.surge[row, own] / np.maximum(market, 1.0)
        return ~(np.nan_to_num(surge, nan=0.0) >= self.recipe.surge)


def doubtful_moves(hours: Hours, good: BoolArray, recipe: QualityRecipe) -> Doubts:
    """Doubtful moves among the `good` hours (hours, symbols); distances across missing hours included."""
    latest = last_row(good)
    before = np.vstack([np.full((1, good.shape[1]), -1), latest[:-1]])
    column = np.broadcast_to(np.arange(good.shape[1]), good.shape)
    carried = np.where(latest >= 0, hours.close[np.maximum(latest, 0), column], np.nan)
    moves = np.where(good & (before >= 0), hours.close - _earlier(carried), np.nan)
    width = np.where(good, hours.high - hours.low, np.nan)
    market = _Market(hours, before, carried, hourly_scale(moves, recipe), volume_surge(hours), width, recipe)
    gap, body = np.zeros(good.shape), np.zeros(good.shape)
    _gaps(market, good, gap)
    _bodies(market, good, body)
    return Doubts(gap, body, _wicks(market, good))


def _earlier(values: FloatArray) -> FloatArray:
    return np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])


def _gaps(market: _Market, good: BoolArray, out: FloatArray) -> None:
    recipe, hours = market.recipe, market.hours
    gap = hours.open - _earlier(market.carried)
    limit = np.maximum(recipe.opening_gap, recipe.opening_gap_scales * market.scale)
    row, own = np.nonzero(good & (market.before >= 0) & (np.nan_to_num(np.abs(gap)) > limit))
    begin = market.before[row, own]
    others = over_others(lambda k: hours.open[row[k]] - market.carried[begin[k]], own)
    missing = row - begin - 1
    allowed = limit[row, own] + recipe.bridging_scales * market.scale[row, own] * np.sqrt(missing)
    allowed = allowed + market.violence(row, own) * np.where(missing > 0, 1.0, 0.5)
    excess = gap[row, own] - others
    far = np.abs(excess) > allowed
    out[row[far], own[far]] = excess[far]


def _bodies(market: _Market, good: BoolArray, out: FloatArray) -> None:
    hours = market.hours
    body = hours.close - hours.open
    row, own = _candidates(market, good, np.abs(body))
    excess = _excess(body, row, own)
    far = _far(market, np.abs(excess), row, own)
    out[row[far], own[far]] = excess[far]


def _wicks(market: _Market, good: BoolArray) -> BoolArray:
    hours = market.hours
    doubtful = np.zeros(good.shape, dtype=bool)
    upper = hours.high - np.maximum(hours.open, hours.close)
    lower = np.minimum(hours.open, hours.close) - hours.low
    for wick in (upper, lower):
        row, own = _candidates(market, good, wick)
        far = _far(market, _excess(wick, row, own), row, own)
        doubtful[row[far], own[far]] = True
    return doubtful


def _excess(size: FloatArray, row: IntArray, own: IntArray) -> FloatArray:
    """(cases,) the symbol's size less the median of the others in the same hour."""
    return np.asarray(size[row, own] - over_others(lambda k: size[row[k]], own), dtype=np.float64)


def _candidates(market: _Market, good: BoolArray, size: FloatArray) -> tuple[IntArray, IntArray]:
    recipe = market.recipe
    limit = np.maximum(recipe.move, recipe.move_scales * market.scale)
    row, own = np.nonzero(good & (np.nan_to_num(size) > limit))
    return row, own


def _far(market: _Market, excess: FloatArray, row: IntArray, own: IntArray) -> BoolArray:
    """(cases,) whether a move or wick is beyond the limits: a low one without a surge of volume, a high one with."""
    recipe, scale = market.recipe, market.scale[row, own]
    violence = market.violence(row, own)
    low = np.maximum(recipe.move, recipe.move_scales * scale) + violence
    high = np.maximum(recipe.extreme_move, recipe.extreme_move_scales * scale) + violence
    return (excess > high) | ((excess > low) & market.without_surge(row, own))
