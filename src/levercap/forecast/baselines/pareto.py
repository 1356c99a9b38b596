"""Peaks over threshold: a generalised Pareto tail, and GJR-GARCH with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar

from levercap.core.names import FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.garch import GarchT
from levercap.forecast.baselines.model import CannotFit, Losses

__all__ = ["GjrEvt", "ParetoTail", "fit_excesses"]

TAIL_SHARE = 0.10
SMALLEST_EXCESSES = 20
SMALLEST_SHAPE, LARGEST_SHAPE = -0.5, 0.9
"""Outside of these the likelihood has no maximum, or the mean beyond the quantile hardly exists."""

GRID = np.concatenate([-np.geomspace(1.0, 1e-4, 60), np.geomspace(1e-4, 50.0, 120)])
"""Starting points of the search, in units of the largest admissible negative rate, and of one over the mean excess."""


def fit_excesses(excesses: FloatArray) -> tuple[float, float]:
    """Maximum likelihood (shape, scale) of a generalised Pareto distribution.

    One-dimensional: for the rate theta = shape / scale the best shape is the mean of log(1 + theta y), which leaves the
    profile  log(shape / theta) + shape + 1  to be minimised (Grimshaw 1993).
    """
    mean, largest = float(excesses.mean()), float(excesses.max())
    if not mean > 0:
        raise CannotFit("no tail")

    def profile(theta: float) -> float:
        if abs(theta) * mean < 1e-8:
            return float(np.log(mean) + 1.0)
        shape = float(np.log1p(theta * excesses).mean())
        if not SMALLEST_SHAPE <= shape <= LARGEST_SHAPE:
            return np.inf
        return float(np.log(shape / theta) + shape + 1.0)

    grid = np.where(GRID < 0, GRID * (1.0 - 1e-9) / largest, GRID / mean)
    best = int(np.argmin([profile(theta) for theta in grid]))
    bracket = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(profile, bounds=bracket, method="bounded", options={"xatol": 1e-10 / mean})
    theta = float(found.x) if found.fun <= profile(grid[best]) else float(grid[best])
    if abs(theta) * mean < 1e-8:
        return 0.0, mean
    shape = float(np.log1p(theta * excesses).mean())
    return shape, shape / theta


@dataclass(frozen=True)
class ParetoTail:
    """Upper tail beyond a threshold.

    P(X > x) = share (1 + shape (x - threshold) / scale)^(-1/shape) for x above `threshold`, which `share` of the sample
    exceeds.
    """

    threshold: float
    share: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, values: FloatArray, share: float = TAIL_SHARE) -> Self:
        """Tail of the largest `share` of a sample, the threshold its next smaller value."""
        ordered = np.sort(values)[::-1]
        count = int(share * len(ordered))
        if count < SMALLEST_EXCESSES:
            raise CannotFit("young")
        threshold = float(ordered[count])
        shape, scale = fit_excesses(ordered[:count] - threshold)
        return cls(threshold, count / len(ordered), shape, scale)

    def var_es(self, level: float) -> tuple[float, float]:
        """Quantile and mean beyond it (McNeil and Frey 2000, equations 6 and 16)."""
        ratio = np.log((1.0 - level) / self.share)
        excess = -ratio if self.shape == 0 else np.expm1(-self.shape * ratio) / self.shape
        var = self.threshold + self.scale * excess
        return float(var), float((var + self.scale - self.shape * self.threshold) / (1.0 - self.shape))


@dataclass(frozen=True)
class GjrEvt:
    """GJR-GARCH(1,1)-t with a generalised Pareto tail on its standardised residuals, each side its own (McNeil and Frey
    2000, with 10 % of the residuals beyond the threshold).

    The model has no path: its path numbers are those of filtered simulation, path losses in units of this volatility.
    """

    garch: GarchT
    tails: Mapping[Side, ParetoTail]

    @classmethod
    def fit(cls, days: SymbolDays) -> Self:
        """Fit on the days that are there; raises CannotFit as `GarchT.fit` does."""
        garch = GarchT.fit(days, asymmetric=True)
        residuals = garch.residuals(days)
        residuals = residuals[np.isfinite(residuals)]
        return cls(garch, {Side.LONG: ParetoTail.fit(-residuals), Side.SHORT: ParetoTail.fit(residuals)})

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) filtered volatility of the day after each midnight."""
        return self.garch.volatility(days)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Pareto tail at today's volatility."""
        return self.garch.losses(self.volatility(days)[rows], side, *self.tails[side].var_es(level))

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """By filtered simulation."""
