"""AdversePaths: the scenarios in the layout the kernel reads, and the bound for symbols without a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levercap.core.errors import ModelError
from levercap.core.names import FloatArray, IntArray
from levercap.core.scenario import ScenarioSet
from levercap.risk.kernel import LANES

__all__ = ["AdversePaths", "adverse_paths"]


@dataclass(frozen=True, eq=False)
class AdversePaths:
    """Adverse moves of every symbol and side, per unit of notional, blocked by scenario.

    Attributes
    ----------
    symbols : names of the rows
    adverse : (2 * symbols, blocks, hours * LANES) float32; row ``2 k`` is the loss of a long in symbol k (minus the
        low), row ``2 k + 1`` of a short (the high). Within a block the scenarios of one hour lie next to each other.
        The last block is padded with zeros.
    end : (symbols, scenarios) float32, simple return at the end of the horizon
    weights : (scenarios,) positive, sum to one
    stressed_factor : (symbols,) stressed volatility over today's
    bound, stressed_bound : loss per unit of notional assumed for a symbol without a forecast, in every scenario: the
        largest adverse move of any known symbol and side, and never less than all of the notional
    """

    symbols: tuple[str, ...]
    adverse: NDArray[np.float32]
    end: NDArray[np.float32]
    weights: FloatArray
    stressed_factor: FloatArray
    bound: float
    stressed_bound: float

    def codes(self, symbols: Sequence[str]) -> IntArray:
        """Row of each name, shape (symbols + 1,): -1 where there is no forecast, and as last entry for code -1."""
        row = {name: k for k, name in enumerate(self.symbols)}
        return np.array([*(row.get(name, -1) for name in symbols), -1], dtype=np.int64)


def adverse_paths(scenarios: ScenarioSet, stressed_factor: FloatArray) -> AdversePaths:
    """Lay scenarios out for the kernel; raises ModelError when a return or a factor is not finite."""
    symbols, count, hours = scenarios.low.shape
    factor = np.asarray(stressed_factor, dtype=np.float64)
    _require_finite(scenarios, factor)
    blocks = -(-count // LANES)
    adverse = np.zeros((symbols, 2, blocks * LANES, hours), dtype=np.float32)
    adverse[:, 0, :count] = -scenarios.low
    adverse[:, 1, :count] = scenarios.high
    blocked = adverse.reshape(2 * symbols, blocks, LANES, hours).transpose(0, 1, 3, 2)
    worst = np.maximum(adverse.max(axis=(1, 2, 3), initial=0.0), np.abs(scenarios.end).max(axis=1, initial=0.0))
    bound = max(1.0, float(worst.max(initial=0.0)))
    return AdversePaths(
        symbols=scenarios.symbols,
        adverse=np.ascontiguousarray(blocked).reshape(2 * symbols, blocks, hours * LANES),
        end=np.ascontiguousarray(scenarios.end, dtype=np.float32),
        weights=scenarios.weights / scenarios.weights.sum(),
        stressed_factor=factor,
        bound=bound,
        stressed_bound=max(bound, float((worst * factor).max(initial=0.0))),
    )


def _require_finite(scenarios: ScenarioSet, factor: FloatArray) -> None:
    if factor.shape != (len(scenarios.symbols),) or not (np.isfinite(factor).all() and (factor >= 0).all()):
        raise ModelError(
            f"stressed_factor must hold one finite number of at least zero for each of {len(scenarios.symbols)} symbols"
        )
    finite = [np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in (scenarios.low, scenarios.high, scenarios.end)]
    broken = [name for name, good in zip(scenarios.symbols, np.logical_and.reduce(finite), strict=True) if not good]
    if broken:
        raise ModelError(f"scenarios hold returns that are not finite: {', '.join(broken)}")
