"""ScenarioSet: weighted joint paths of all symbols over the next hours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levercap.core.names import FloatArray

__all__ = ["ScenarioSet"]


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """Weighted joint scenarios: the same historical block for every symbol, so that dependence and the path survive.

    Attributes
    ----------
    symbols : names, length ``symbols``
    weights : (scenarios,) positive, sum to one
    low, high : (symbols, scenarios, hours) float32, C-contiguous: worst and best simple return within each hour,
        against the price at `as_of`. Returns are linear in the scale forecast, so an extreme low may lie below -1; that
        is conservative and keeps every loss monotone in volatility.
    end : (symbols, scenarios) float32, simple return at the end of the horizon
    starts : (scenarios,) datetime64[us], when the historical block of each scenario began (UTC)
    """

    symbols: tuple[str, ...]
    weights: FloatArray
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    end: NDArray[np.float32]
    starts: NDArray[np.datetime64]

    def __post_init__(self) -> None:
        n, s = len(self.symbols), len(self.weights)
        if self.low.shape != self.high.shape or self.low.shape[:2] != (n, s) or self.end.shape != (n, s):
            raise ValueError(
                f"ScenarioSet shapes disagree: symbols {n}, weights {s}, low {self.low.shape}, "
                f"high {self.high.shape}, end {self.end.shape}"
            )
        if not np.isclose(self.weights.sum(), 1.0) or (self.weights <= 0).any():
            raise ValueError("ScenarioSet.weights must be positive and sum to one")

    def scaled(self, factor: FloatArray) -> ScenarioSet:
        """The same scenarios with every symbol's returns multiplied by `factor`, shape (symbols,)."""
        f = factor.astype(np.float32)
        return dataclasses.replace(
            self, low=self.low * f[:, None, None], high=self.high * f[:, None, None], end=self.end * f[:, None]
        )
