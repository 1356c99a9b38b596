"""States of the symbols from what was found in their hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.quality import SymbolState
from levercap.market.quality.coverage import covered
from levercap.market.quality.hours import last_row, rolling_count
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
    scoreable : (hours, symbols) whether the symbol could be scored from what was known at the close of the hour
    """

    state: tuple[SymbolState, ...]
    age: FloatArray
    history: IntArray
    scoreable: BoolArray


def symbol_states(faults: Faults, late: float, stale_hours: int, recipe: QualityRecipe) -> States:
    """States at the last row; `late` is the part of an hour from its close to the instant."""
    trusted = faults.trusted
    latest = last_row(trusted)[-1]
    age = np.where(latest >= 0, len(trusted) - 1 - latest + late, np.inf)
    disputed = _disputed(faults, recipe)
    enough = covered(trusted, faults.present, recipe)
    unfrozen = covered(trusted | faults.frozen, faults.present, recipe)[-1]
    since = np.arange(len(trusted))[:, None] > latest
    frozen_now = (faults.frozen & since).sum(axis=0)
    history = np.asarray(faults.usable.sum(axis=0), dtype=np.int64)
    checks: tuple[tuple[SymbolState, BoolArray], ...] = (
        (SymbolState.UNKNOWN, np.asarray(~(faults.present | faults.contradictory).any(axis=0))),
        (SymbolState.DISPUTED, disputed[-1]),
        (SymbolState.FROZEN, frozen_now >= recipe.lifeless_run_hours),
        (SymbolState.STALE, age > stale_hours),
        (SymbolState.FROZEN, ~enough[-1] & unfrozen),
        (SymbolState.GAPPY, ~enough[-1]),
        (SymbolState.YOUNG, history < 24 * recipe.young_days),
    )
    state = tuple(
        next((name for name, holds in checks if holds[j]), SymbolState.FRESH) for j in range(trusted.shape[1])
    )
    return States(state, age, history, trusted & enough & ~disputed)


def _disputed(faults: Faults, recipe: QualityRecipe) -> BoolArray:
    """(hours, symbols) within the stated hours of a print or a contradictory row, or days of a change of unit."""
    events = faults.disputes.prints | faults.contradictory
    recent = np.asarray(rolling_count(events, recipe.disputed_hours) > 0, dtype=np.bool_)
    rows, jump = np.arange(len(events))[:, None], faults.disputes.jump_row
    changed = (jump >= 0) & (rows >= jump) & (rows < jump + 24 * recipe.unit_jump_days)
    return np.asarray(recent | changed, dtype=np.bool_)
