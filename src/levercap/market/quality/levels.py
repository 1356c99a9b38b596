"""Levels of a price: bars at another level than that of now are prints that came back, or another unit or coin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.quality.hours import Hours
from levercap.market.quality.prints import Doubts
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["Disputes", "disputed_hours"]

TOLERANCE = 0.25
"""Share of a shift within which two levels are the same."""

SEGMENTS = 500
"""Levels that are looked at for that of now, latest first."""


@dataclass(frozen=True, eq=False)
class Disputes:
    """What is disputed.

    Attributes
    ----------
    prints : (hours, symbols) doubtful bars
    earlier : (hours, symbols) bars before a change of unit or coin
    jump_row : (symbols,) first row after the last such change, -1 without one
    jump : (symbols,) its log size, 0 without one
    """

    prints: BoolArray
    earlier: BoolArray
    jump_row: IntArray
    jump: FloatArray


def disputed_hours(hours: Hours, good: BoolArray, doubts: Doubts, recipe: QualityRecipe) -> Disputes:
    """Doubtful prints and changes of unit among the `good` hours (hours, symbols)."""
    prints, earlier = doubts.wick & good, np.zeros(good.shape, dtype=bool)
    jump_row, jump = np.full(good.shape[1], -1), np.zeros(good.shape[1])
    for j in np.flatnonzero(((doubts.gap != 0) | (doubts.body != 0)).any(axis=0)):
        rows = np.flatnonzero(good[:, j])
        gap, body = doubts.gap[rows, j], doubts.body[rows, j]
        moved = hours.close[rows, j] - hours.open[rows, j]
        shift = gap + _kept_moves(gap, body, moved, recipe)
        size = np.abs(shift[shift != 0])
        tolerance = max(recipe.opening_gap / 2, TOLERANCE * size.min()) if len(size) else recipe.opening_gap / 2
        both = (gap != 0) & _cancel(gap, moved)
        other, before = _other_levels(np.cumsum(shift), tolerance, recipe)
        prints[rows[other | both], j] = True
        earlier[rows[before], j] = True
        if before.any():
            last = int(np.flatnonzero(before)[-1])
            jump_row[j], jump[j] = rows[last + 1], np.sum(shift[last + 1 :])
    return Disputes(prints, earlier, jump_row, jump)


def _kept_moves(gap: FloatArray, body: FloatArray, moved: FloatArray, recipe: QualityRecipe) -> FloatArray:
    """(bars,) moves within an hour that trading has not confirmed: too recent, ended by a gap, or too large.

    A doubtful move (`body`) is confirmed by `persistence_hours` good bars after it, none of which opens far from the
    close before (`gap`). Any move (`moved`) that the next open takes back is unconfirmed.
    """
    kept = np.where(np.abs(body) > recipe.unit_jump_move, body, 0.0)
    for i in np.flatnonzero((body != 0) & (kept == 0)):
        after = gap[i + 1 : i + 1 + recipe.persistence_hours]
        if len(after) < recipe.persistence_hours or np.any(after * body[i] < 0):
            kept[i] = body[i]
    taken_back = (gap[1:] != 0) & _cancel(gap[1:], moved[:-1])
    kept[:-1] = np.where(taken_back, moved[:-1], kept[:-1])
    return kept


def _cancel(gap: FloatArray, move: FloatArray) -> BoolArray:
    """(bars,) whether the move takes the gap back."""
    return np.asarray(np.abs(gap + move) <= TOLERANCE * np.abs(gap), dtype=np.bool_)


def _other_levels(level: FloatArray, tolerance: float, recipe: QualityRecipe) -> tuple[BoolArray, BoolArray]:
    """(bars,) prints at another level than that of now, and bars before a change of unit.

    A small shift that lasts a day is a real move.
    """
    start = np.flatnonzero(np.append(True, np.diff(level) != 0))
    length = np.diff(np.append(start, len(level)))
    value = level[start]
    now = _level_of_now(value, length, tolerance, recipe)
    distance = np.abs(value - now)
    real = (distance <= tolerance) | ((distance <= recipe.unit_jump) & (length >= recipe.level_hours))
    first = int(np.argmax(real))
    before = np.arange(len(value)) < first
    return np.repeat(~real & ~before, length), np.repeat(before & (distance > recipe.unit_jump), length)


def _level_of_now(value: FloatArray, length: IntArray, tolerance: float, recipe: QualityRecipe) -> float:
    """The latest level held for `level_hours` good bars, short departures from it allowed; else the longest."""
    for k in range(len(value) - 1, max(-1, len(value) - SEGMENTS), -1):
        some = slice(max(0, k - recipe.level_hours), k + 1)
        if length[some][np.abs(value[some] - value[k]) <= tolerance].sum() >= recipe.level_hours:
            return float(value[k])
    return float(value[int(np.argmax(length))])
