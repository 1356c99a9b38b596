"""Simulation from a window of the past: historical simulation, and its filtered form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.model import Losses
from levercap.forecast.baselines.scaled import ewma_volatility, window_volatility

__all__ = ["FilteredSimulation", "HistoricalSimulation", "window_tail"]

SMALLEST_WINDOW = 20


def window_tail(values: FloatArray, rows: IntArray, window: int, level: float) -> Losses:
    """Empirical quantile, and mean at or beyond it, of the last `window` values known at each row.

    `values[i]` became known at i; missing ones are skipped and do not count. NaN with fewer than 20.
    """
    known = np.flatnonzero(~np.isnan(values))
    kept = values[known]
    count = np.searchsorted(known, rows, side="right")
    size = np.minimum(count, window)
    var, es = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for n in np.unique(size[size >= SMALLEST_WINDOW]):
        here = size == n
        sample = kept[count[here][:, None] - n + np.arange(n)]
        var[here] = np.quantile(sample, level, axis=1)
        es[here] = np.mean(sample, axis=1, where=sample >= var[here][:, None])
    return var, es


@dataclass(frozen=True)
class HistoricalSimulation:
    """Empirical quantile of the last `window` daily losses, end and path alike.

    The end window rolls with every midnight that `predict` is given; the path window too where it is given outcomes.
    """

    window: int

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) root mean square of the window's returns."""
        return window_volatility(days.returns, self.window, SMALLEST_WINDOW)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Tail of the window."""
        return window_tail(days.end(side), rows, self.window, level)

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Tail of the window."""
        return window_tail(days.path[side], rows, self.window, level)


@dataclass(frozen=True)
class FilteredSimulation:
    """Filtered historical simulation: losses of the last `window` days in units of the EWMA volatility at their start,
    times today's (Barone-Adesi, Giannopoulos and Vosper 1999).
    """

    window: int
    decay: float

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) EWMA volatility."""
        return ewma_volatility(days.returns, self.decay)

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Tail of the window, at today's volatility."""
        return self._tail(days, days.end(side), rows, level)

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Tail of the window, at today's volatility."""
        return self._tail(days, days.path[side], rows, level)

    def _tail(self, days: SymbolDays, losses: FloatArray, rows: IntArray, level: float) -> Losses:
        sigma = self.volatility(days)
        before = np.append(np.nan, sigma[:-1])
        ratio = np.divide(losses, before, out=np.full_like(losses, np.nan), where=before > 0)
        var, es = window_tail(ratio, rows, self.window, level)
        return var * sigma[rows], es * sigma[rows]
