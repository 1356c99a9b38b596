"""AdversePaths: the scenarios in the layout the kernel reads, and the bound for instruments without a forecast."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from levercap.core.errors import ModelError
from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.scenario import ScenarioSet
from levercap.instruments.perpetual import adverse_moves

__all__ = ["LARGEST_FACTOR", "LARGEST_MOVE", "AdversePaths", "adverse_paths"]

LARGEST_MOVE: Final = 1e6
"""Largest simple return of a scenario, either sign, that is read as one; what lies beyond is damage."""

LARGEST_FACTOR: Final = 1e6
"""Largest stressed volatility over today's; with the largest move its losses stay far inside float32."""


@dataclass(frozen=True, eq=False)
class AdversePaths:
    """Adverse moves of every instrument and side, per unit of notional.

    Attributes
    ----------
    instruments : what the rows are of
    adverse : (2 * instruments, scenarios, hours) float32; row ``2 k`` is the loss of a long in instrument k, row
        ``2 k + 1`` of a short, as `adverse_moves` gives them
    worst : (2 * instruments, scenarios) float32, the largest of `adverse` over the hours
    end : (instruments, scenarios) float32, simple return at the end of the horizon
    weights : (scenarios,) positive, sum to one
    stressed_factor : (instruments,) stressed volatility over today's
    bound, stressed_bound : loss per unit of notional assumed for an instrument without a forecast, in every
        scenario: the largest adverse move of any instrument and side, and never less than all of the notional
    used : (instruments,) whether positions in it run through its scenarios; the others take the bound
    bounds_at_last_good : bound and stressed bound where every instrument is used
    """

    instruments: tuple[Instrument, ...]
    adverse: NDArray[np.float32]
    worst: NDArray[np.float32]
    end: NDArray[np.float32]
    weights: FloatArray
    stressed_factor: FloatArray
    bound: float
    stressed_bound: float
    used: BoolArray
    bounds_at_last_good: tuple[float, float]

    def at_last_good(self) -> AdversePaths:
        """The same with every instrument used: what is out runs through the scenarios of its last good data."""
        bound, stressed_bound = self.bounds_at_last_good
        used = np.ones(len(self.used), dtype=np.bool_)
        return dataclasses.replace(self, used=used, bound=bound, stressed_bound=stressed_bound)

    def codes(self, instruments: Sequence[Instrument]) -> IntArray:
        """Row of each, shape (instruments + 1,): -1 where it takes the bound, and as last entry for code -1."""
        row = {instrument.name: k for k, instrument in enumerate(self.instruments) if self.used[k]}
        return np.array([*(row.get(instrument.name, -1) for instrument in instruments), -1], dtype=np.int64)


def adverse_paths(
    scenarios: ScenarioSet,
    stressed_factor: FloatArray,
    used: BoolArray | None = None,
    at_least: tuple[float, float] = (math.nan, math.nan),
) -> AdversePaths:
    """Lay scenarios out for the kernel, and bound what has none.

    Parameters
    ----------
    scenarios, stressed_factor : as in Snapshot
    used : (instruments,) as in AdversePaths; None uses all. An instrument left out adds to the bound still, at the
        larger of its present and its stressed volatility: today's is not known
    at_least : smallest bound and stressed bound; NaN asks for nothing

    Raises
    ------
    ModelError
        when a return, a factor or a bound is not finite, or beyond `LARGEST_MOVE` or `LARGEST_FACTOR`
    """
    instruments, count, hours = scenarios.low.shape
    factor = np.asarray(stressed_factor, dtype=np.float64)
    _require_bounded(scenarios, factor)
    if not all(math.isnan(x) or 0.0 <= x <= LARGEST_MOVE * LARGEST_FACTOR for x in at_least):
        raise ModelError(f"the bound must be a number from zero to {LARGEST_MOVE * LARGEST_FACTOR:g}, got {at_least}")
    known = np.ones(instruments, dtype=np.bool_) if used is None else used
    adverse = np.empty((instruments, 2, count, hours), dtype=np.float32)
    adverse[:, 0], adverse[:, 1] = adverse_moves(scenarios.low, scenarios.high)
    largest = np.maximum(adverse.max(axis=(1, 2, 3), initial=0.0), np.abs(scenarios.end).max(axis=1, initial=0.0))
    bounds = _bounds(largest * np.where(known, 1.0, np.maximum(factor, 1.0)), largest * factor, at_least)
    by_row = adverse.reshape(2 * instruments, count, hours)
    return AdversePaths(
        instruments=scenarios.instruments,
        adverse=by_row,
        worst=by_row.max(axis=2),
        end=np.ascontiguousarray(scenarios.end, dtype=np.float32),
        weights=scenarios.weights / scenarios.weights.sum(),
        stressed_factor=factor,
        bound=bounds[0],
        stressed_bound=bounds[1],
        used=known,
        bounds_at_last_good=_bounds(largest, largest * factor, at_least),
    )


def _bounds(today: FloatArray, stressed: FloatArray, at_least: tuple[float, float]) -> tuple[float, float]:
    """Bound and stressed bound from the worst move of each instrument."""
    bound = float(np.fmax(max(1.0, float(today.max(initial=0.0))), at_least[0]))
    return bound, float(np.fmax(max(bound, float(stressed.max(initial=0.0))), at_least[1]))


def _require_bounded(scenarios: ScenarioSet, factor: FloatArray) -> None:
    count = len(scenarios.instruments)
    if factor.shape != (count,) or not ((factor >= 0) & (factor <= LARGEST_FACTOR)).all():
        raise ModelError(
            f"stressed_factor must hold one number from zero to {LARGEST_FACTOR:g} for each of {count} instruments"
        )
    for problem, sound in (("that are not finite", np.isfinite), (f"beyond {LARGEST_MOVE:g}", _plausible)):
        good = [sound(x).all(axis=tuple(range(1, x.ndim))) for x in (scenarios.low, scenarios.high, scenarios.end)]
        every = zip(scenarios.instruments, np.logical_and.reduce(good), strict=True)
        broken = [instrument.name for instrument, fine in every if not fine]
        if broken:
            raise ModelError(f"scenarios hold returns {problem}: {', '.join(broken)}")


def _plausible(returns: NDArray[np.float32]) -> BoolArray:
    return np.asarray(np.abs(returns) <= LARGEST_MOVE)
