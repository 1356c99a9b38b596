"""What every baseline is to the rest: one symbol's fitted model."""

from __future__ import annotations

from typing import Protocol

from levercap.core.names import FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays

__all__ = ["CannotFit", "Losses", "SymbolModel"]

Losses = tuple[FloatArray, FloatArray]
"""(rows,) value at risk and (rows,) expected shortfall, fractions of the price at the origin."""


class CannotFit(Exception):  # noqa: N818 - an outcome that has its fallback, not a malfunction
    """A symbol's own model could not be had; the message is the reason that is counted."""


class SymbolModel(Protocol):
    """One symbol's fitted model; entry i of what it returns depends on days up to i only."""

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) volatility of the 24 hours that follow each midnight; NaN before there is one."""
        ...

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses | None:
        """Tail at the end of the 24 hours after the midnights `rows`; None: the volatility times a common ratio."""
        ...

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses | None:
        """Tail of the worst moment within the 24 hours after the midnights `rows`; None as for `end`."""
        ...
