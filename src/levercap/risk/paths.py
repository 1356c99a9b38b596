"""AdversePaths: the scenarios in the layout the kernel reads, and the bound for instruments without a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levercap.core.errors import ModelError
from levercap.core.instrument import Instrument
from levercap.core.names import FloatArray, IntArray
from levercap.core.scenario import ScenarioSet
from levercap.instruments.perpetual import adverse_moves
from levercap.risk.kernel import LANES

__all__ = ["AdversePaths", "adverse_paths"]


@dataclass(frozen=True, eq=False)
class AdversePaths:
    """Adverse moves of every instrument and side, per unit of notional, blocked by scenario.

    Attributes
    ----------
    instruments : what the rows are of
    adverse : (2 * instruments, blocks, hours * LANES) float32; row ``2 k`` is the loss of a long in instrument k, row
        ``2 k + 1`` of a short, as `adverse_moves` gives them. Within a block the scenarios of one hour lie next to each
        other. The last block is padded with zeros.
    end : (instruments, scenarios) float32, simple return at the end of the horizon
    weights : (scenarios,) positive, sum to one
    stressed_factor : (instruments,) stressed volatility over today's
    bound, stressed_bound : loss per unit of notional assumed for an instrument without a forecast, in every
        scenario: the largest adverse move of any known instrument and side, and never less than all of the notional
    """

    instruments: tuple[Instrument, ...]
    adverse: NDArray[np.float32]
    end: NDArray[np.float32]
    weights: FloatArray
    stressed_factor: FloatArray
    bound: float
    stressed_bound: float

    def codes(self, instruments: Sequence[Instrument]) -> IntArray:
        """Row of each, shape (instruments + 1,): -1 where there is no forecast, and as last entry for code -1."""
        row = {instrument.name: k for k, instrument in enumerate(self.instruments)}
        return np.array([*(row.get(instrument.name, -1) for instrument in instruments), -1], dtype=np.int64)


def adverse_paths(scenarios: ScenarioSet, stressed_factor: FloatArray) -> AdversePaths:
    """Lay scenarios out for the kernel; raises ModelError when a return or a factor is not finite."""
    instruments, count, hours = scenarios.low.shape
    factor = np.asarray(stressed_factor, dtype=np.float64)
    _require_finite(scenarios, factor)
    blocks = -(-count // LANES)
    adverse = np.zeros((instruments, 2, blocks * LANES, hours), dtype=np.float32)
    adverse[:, 0, :count], adverse[:, 1, :count] = adverse_moves(scenarios.low, scenarios.high)
    blocked = adverse.reshape(2 * instruments, blocks, LANES, hours).transpose(0, 1, 3, 2)
    worst = np.maximum(adverse.max(axis=(1, 2, 3), initial=0.0), np.abs(scenarios.end).max(axis=1, initial=0.0))
    bound = max(1.0, float(worst.max(initial=0.0)))
    return AdversePaths(
        instruments=scenarios.instruments,
        adverse=np.ascontiguousarray(blocked).reshape(2 * instruments, blocks, hours * LANES),
        end=np.ascontiguousarray(scenarios.end, dtype=np.float32),
        weights=scenarios.weights / scenarios.weights.sum(),
        stressed_factor=factor,
        bound=bound,
        stressed_bound=max(bound, float((worst * factor).max(initial=0.0))),
    )


def _require_finite(scenarios: ScenarioSet, factor: FloatArray) -> None:
    count = len(scenarios.instruments)
    if factor.shape != (count,) or not (np.isfinite(factor).all() and (factor >= 0).all()):
        raise ModelError(
            f"stressed_factor must hold one finite number of at least zero for each of {count} instruments"
        )
    finite = [np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in (scenarios.low, scenarios.high, scenarios.end)]
    every = zip(scenarios.instruments, np.logical_and.reduce(finite), strict=True)
    broken = [instrument.name for instrument, good in every if not good]
    if broken:
        raise ModelError(f"scenarios hold returns that are not finite: {', '.join(broken)}")
