"""ScenarioSet: weighted joint paths of all instruments over the horizon."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levercap.core.horizon import Horizon
from levercap.core.instrument import Instrument
from levercap.core.names import FloatArray

__all__ = ["ScenarioSet"]


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """Weighted joint scenarios: the same historical block for every instrument, so that dependence and the path
    survive.

    Attributes
    ----------
    instruments : no two of one name, length ``instruments``
    weights : (scenarios,) positive, sum to one
    low, high : (instruments, scenarios, hours) float32, C-contiguous: worst and best simple return within each hour,
        against the price at `as_of`. Returns are linear in the scale forecast, so an extreme low may lie below -1; that
        is conservative and keeps every loss monotone in volatility.
    end : (instruments, scenarios) float32, simple return at the end of the horizon
    starts : (scenarios,) datetime64[us], when the historical block of each scenario began (UTC)
    horizon : how far the paths reach; its hours are the length of their last axis
    """

    instruments: tuple[Instrument, ...]
    weights: FloatArray
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    end: NDArray[np.float32]
    starts: NDArray[np.datetime64]
    horizon: Horizon

    def __post_init__(self) -> None:
        n, s = len(self.instruments), len(self.weights)
        path = (n, s, self.horizon.hours)
        if self.low.shape != path or self.high.shape != path or self.end.shape != (n, s):
            raise ValueError(
                f"ScenarioSet shapes disagree: instruments {n}, weights {s}, horizon {self.horizon}, "
                f"low {self.low.shape}, high {self.high.shape}, end {self.end.shape}"
            )
        if len({instrument.name for instrument in self.instruments}) != n:
            raise ValueError("ScenarioSet.instruments holds two instruments of one name")
        if not np.isclose(self.weights.sum(), 1.0) or (self.weights <= 0).any():
            raise ValueError("ScenarioSet.weights must be positive and sum to one")

    def with_reduced_gains(self, share: FloatArray) -> ScenarioSet:
        """The same scenarios with favourable moves multiplied by `share`, shape (instruments,), from 0 to 1: of longs
        where the low of an hour is above the price at `as_of`, of shorts where its high is below.

        Losses stay, so no position is worse off alone; as a hedge it pays less.
        """
        f = share.astype(np.float32)[:, None, None]
        low, high = np.where(self.low > 0, self.low * f, self.low), np.where(self.high < 0, self.high * f, self.high)
        return dataclasses.replace(self, low=low, high=high)

    def scaled(self, factor: FloatArray) -> ScenarioSet:
        """The same scenarios with every instrument's returns multiplied by `factor`, shape (instruments,)."""
        f = factor.astype(np.float32)
        return dataclasses.replace(
            self, low=self.low * f[:, None, None], high=self.high * f[:, None, None], end=self.end * f[:, None]
        )
