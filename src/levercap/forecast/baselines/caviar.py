"""CAViaR: the quantile itself follows a recursion, fitted by quantile regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.stats import norm

from levercap.core.compiled import compiled
from levercap.core.names import LEVELS, FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.model import CannotFit, Losses

__all__ = ["SMALLEST_CAVIAR_SAMPLE", "Caviar", "QuantileRecursion", "fit_recursion", "quantile_path", "regression_loss"]

SMALLEST_CAVIAR_SAMPLE = 500
START_DAYS = 300
ITERATIONS = 300
STARTS = tuple((persistence, share) for persistence in (0.75, 0.9, 0.96, 0.99) for share in (0.3, 0.7, 0.95))
"""Persistence, and the part of the level that comes from the news rather than the constant."""

REFERENCE_LEVEL = LEVELS[0]


@compiled
def quantile_path(losses: FloatArray, start: float, constant: float, persistence: float, news: float) -> FloatArray:
    """(days + 1,) quantile of the day AFTER each loss, entry 0 being that of the first day.

    q_(t+1) = constant + persistence q_t + news |x_t|: symmetric absolute value (Engle and Manganelli 2004). A missing
    day leaves the quantile as it is.
    """
    quantile = np.empty(len(losses) + 1)
    quantile[0] = start
    for i in range(len(losses)):
        x = losses[i]
        quantile[i + 1] = quantile[i] if np.isnan(x) else constant + persistence * quantile[i] + news * abs(x)
    return quantile


@compiled
def regression_loss(losses: FloatArray, start: float, level: float, parameters: FloatArray) -> float:
    """Mean quantile score of the recursion on losses without holes; infinite outside the admissible set.

    Admissible: constant and news not negative, persistence from 0 to below 1, which keeps every quantile positive.
    """
    constant, persistence, news = parameters[0], parameters[1], parameters[2]
    if constant < 0.0 or news < 0.0 or persistence < 0.0 or persistence >= 1.0:
        return np.inf
    q = start
    total = 0.0
    for i in range(len(losses)):
        x = losses[i]
        total += level * (x - q) if x > q else (level - 1.0) * (x - q)
        q = constant + persistence * q + news * abs(x)
    return total / len(losses)


@compiled
def descend(
    losses: FloatArray, start: float, level: float, simplex: FloatArray, iterations: int
) -> tuple[FloatArray, float]:
    """Nelder-Mead search (1965) for the smallest `regression_loss` from a simplex of shape (4, 3)."""
    n = simplex.shape[1]
    values = np.empty(n + 1)
    for k in range(n + 1):
        values[k] = regression_loss(losses, start, level, simplex[k])
    for _ in range(iterations):
        order = np.argsort(values)
        simplex, values = simplex[order], values[order]
        if values[n] - values[0] <= 1e-10 * abs(values[0]):
            break
        centre = np.zeros(n)
        for k in range(n):
            centre += simplex[k] / n
        reflected = 2.0 * centre - simplex[n]
        value = regression_loss(losses, start, level, reflected)
        if value < values[0]:
            expanded = 3.0 * centre - 2.0 * simplex[n]
            further = regression_loss(losses, start, level, expanded)
            if further < value:
                reflected, value = expanded, further
        elif value >= values[n - 1]:
            inner = reflected if value < values[n] else simplex[n]
            contracted = 0.5 * (centre + inner)
            nearer = regression_loss(losses, start, level, contracted)
            if nearer < value and nearer < values[n]:
                reflected, value = contracted, nearer
            else:
                for k in range(1, n + 1):
                    simplex[k] = 0.5 * (simplex[0] + simplex[k])
                    values[k] = regression_loss(losses, start, level, simplex[k])
                continue
        simplex[n], values[n] = reflected, value
    best = np.argmin(values)
    return simplex[best], values[best]


@dataclass(frozen=True)
class QuantileRecursion:
    """Fitted recursion of one side and level, in log returns.

    Attributes
    ----------
    start : quantile of the first day: the empirical one of the first 300
    constant, persistence, news : of the recursion
    shortfall : ES over VaR, the mean of x / q over the days with x > q (Taylor 2019: a constant multiple)
    """

    start: float
    constant: float
    persistence: float
    news: float
    shortfall: float

    def path(self, losses: FloatArray) -> FloatArray:
        """(days,) quantile of the day after each of the losses."""
        return quantile_path(losses, self.start, self.constant, self.persistence, self.news)[1:]


def fit_recursion(losses: FloatArray, level: float) -> QuantileRecursion:
    """Recursion with the smallest mean quantile score, from several starts; `losses` (days,) without holes."""
    scale = float(np.abs(losses).mean())
    if not scale > 0:
        raise CannotFit("no movement")
    x = losses / scale
    start = max(float(np.quantile(x[:START_DAYS], level)), 1e-3)
    typical = max(float(np.quantile(x, level)), 1e-3)
    best, smallest = np.zeros(3), np.inf
    for persistence, share in STARTS:
        point = np.array([(1 - persistence) * (1 - share) * typical, persistence, (1 - persistence) * share * typical])
        simplex = np.vstack([point, point * [1.5, 1, 1], point * [1, 0.95, 1], point * [1, 1, 1.5]])
        found, value = descend(x, start, level, simplex, ITERATIONS)
        if value < smallest:
            best, smallest = found, value
    restart = np.vstack([best, *(best + np.diag(0.1 * best * [1, -1, 1] + 1e-4 * np.array([1, -1, 1])))])
    best, smallest = descend(x, start, level, np.clip(restart, 0.0, [np.inf, 0.9999, np.inf]), 2 * ITERATIONS)
    if not np.isfinite(smallest):
        raise CannotFit("not converged")
    quantile = quantile_path(x, start, best[0], best[1], best[2])[:-1]
    ratio = x[x > quantile] / quantile[x > quantile]
    shortfall = float(ratio.mean()) if len(ratio) else 1.0
    return QuantileRecursion(start * scale, float(best[0]) * scale, float(best[1]), float(best[2]), shortfall)


@dataclass(frozen=True)
class Caviar:
    """Symmetric-absolute-value CAViaR of every side and level, in log returns (Engle and Manganelli 2004).

    Its volatility is what a normal distribution would need for the mean of the two 97.5 % quantiles. The model has no
    path: its path numbers are those of filtered simulation, path losses in units of this volatility.
    """

    recursions: Mapping[tuple[Side, float], QuantileRecursion]

    @classmethod
    def fit(cls, days: SymbolDays) -> Self:
        """Fit on the days that are there, holes closed up; raises CannotFit with fewer than 500."""
        returns = days.returns[~np.isnan(days.returns)]
        if len(returns) < SMALLEST_CAVIAR_SAMPLE:
            raise CannotFit("young")
        signed = {Side.LONG: -returns, Side.SHORT: returns}
        return cls({(side, level): fit_recursion(signed[side], level) for side in Side for level in LEVELS})

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) volatility implied by the 97.5 % quantiles; NaN before the first return."""
        long, short = (self._quantile(days, side, REFERENCE_LEVEL) for side in Side)
        return np.asarray((long + short) / (2.0 * norm.ppf(REFERENCE_LEVEL)), dtype=np.float64)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """The quantile, and the constant multiple of it, as losses."""
        sign = -1.0 if side is Side.LONG else 1.0
        quantile = self._quantile(days, side, level)[rows]
        shortfall = quantile * self.recursions[side, level].shortfall
        return sign * np.expm1(sign * quantile), sign * np.expm1(sign * shortfall)

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """By filtered simulation."""

    def _quantile(self, days: SymbolDays, side: Side, level: float) -> FloatArray:
        present = np.flatnonzero(~np.isnan(days.returns))
        out = np.full(len(days.returns), np.nan)
        if len(present):
            sign = -1.0 if side is Side.LONG else 1.0
            out[present[0] :] = self.recursions[side, level].path(sign * days.returns[present[0] :])
        return out
