"""States of the symbols from what was found in their hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.quality import SymbolState
from levercap.market.quality.coverage import covered, violent_holes
from levercap.market.quality.hours import Hours, last_true, rolling_count
from levercap.market.quality.levels import Disputes
from levercap.market.quality.recipe import QualityRecipe

__all__ = ["Faults", "States", "symbol_states"]


@dataclass(frozen=True, eq=False)
class Faults:
    """What is wrong with each hour, (hours, symbols).

    Attributes
    ----------
    present : the bar is there
    frozen : it repeats the price, has no range or volume, or is too coarse
    contradictory : its rows contradicted themselves when the files were read; not present
    disputes : prints and changes of unit
    """

    present: BoolArray
    frozen: BoolArray
    contradictory: BoolArray
    disputes: Disputes

    @property
    def trusted(self) -> BoolArray:
        """Hours worth what they say, those before a change of unit included."""
        return self.present & ~self.frozen & ~self.disputes.prints

    @property
    def usable(self) -> BoolArray:
        """Trusted hours in the unit of now."""
        return self.trusted & ~self.disputes.earlier


@dataclass(frozen=True, eq=False)
class States:
    """State of each symbol at the last hour, and when it could be scored.

    Attributes
    ----------
    state : (symbols,) `SymbolState` values
    age : (symbols,) hours from the close of the last trusted hour to the instant, inf without one
    history : (symbols,) usable hours
    violent : (symbols,) whether the missing hours are the violent ones
    scoreable : (hours, symbols) of the last 90 days, whether the symbol could be scored at the close of the hour, as
        far as is known now
    """

    state: tuple[SymbolState, ...]
    age: FloatArray
    history: IntArray
    violent: BoolArray
    scoreable: BoolArray


def symbol_states(hours: Hours, faults: Faults, late: float, stale_hours: int, recipe: QualityRecipe) -> States:
    """States at the last row; `late` is the part of an hour from its close to the instant."""
    usable = faults.usable
    latest = last_true(usable)
    age = np.where(latest >= 0, len(usable) - 1 - latest + late, np.inf)
    history = np.asarray(usable.sum(axis=0), dtype=np.int64)
    since = np.arange(len(usable))[:, None] > latest
    frozen_now = (faults.frozen & since).sum(axis=0)
    silent = ~(faults.present | faults.contradictory).any(axis=0)
    recent = _tail(faults, 24 * recipe.unit_jump_days + max(recipe.window_hours))
    trusted, disputed = recent.trusted, _disputed(recent, recipe)
    violent = violent_holes(hours, usable, recipe)
    enough = covered(trusted, recent.present, recipe)
    unfrozen = covered(trusted | recent.frozen, recent.present, recipe)[-1]
    checks: tuple[tuple[SymbolState, Any], ...] = (
        (SymbolState.UNKNOWN, silent),
        (SymbolState.DISPUTED, disputed[-1]),
        (SymbolState.FROZEN, frozen_now >= recipe.lifeless_run_hours),
        (SymbolState.STALE, age > stale_hours),
        (SymbolState.FROZEN, ~enough[-1] & unfrozen),
        (SymbolState.GAPPY, ~enough[-1] | (violent >= 0)),
        (SymbolState.YOUNG, history < 24 * recipe.young_days),
    )
    state = tuple(next((name for name, holds in checks if holds[j]), SymbolState.FRESH) for j in range(len(age)))
    missing = (violent >= 0) & (np.arange(len(usable) - len(trusted), len(usable))[:, None] >= violent)
    return States(state, age, history, violent >= 0, trusted & enough & ~disputed & ~missing)


def _tail(faults: Faults, rows: int) -> Faults:
    """The last rows."""
    first = max(len(faults.present) - rows, 0)
    d = faults.disputes
    jump_row = np.where(d.jump_row >= first, d.jump_row - first, -1)
    disputes = Disputes(d.prints[first:], d.earlier[first:], jump_row, d.jump)
    return Faults(faults.present[first:], faults.frozen[first:], faults.contradictory[first:], disputes)


def _disputed(faults: Faults, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) within the stated hours of a print or a contradictory row, or days of a change of unit."""
    events = faults.disputes.prints | faults.contradictory
    recent = np.zeros(events.shape, dtype=bool)
    some = np.flatnonzero(events.any(axis=0))
    recent[:, some] = rolling_count(events[:, some], recipe.disputed_hours) > 0
    rows, jump = np.arange(len(events))[:, None], faults.disputes.jump_row
    changed = (jump >= 0) & (rows >= jump) & (rows < jump + 24 * recipe.unit_jump_days)
    return np.asarray(recent | changed, dtype=np.bool_)
