"""Daily history: what was known at every midnight, as arrays of days x symbols with holes kept as missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.horizon import DAY as HORIZON
from levercap.core.names import BoolArray, FloatArray, IntArray, Side
from levercap.forecast.history import known_by

__all__ = ["DailyHistory", "SymbolDays", "daily_history", "midnight"]

DAY = HORIZON.duration


@dataclass(frozen=True, eq=False)
class SymbolDays:
    """One symbol's past; entry i of every array became known at midnight i.

    Attributes
    ----------
    returns : (days,) log return of the 24 hours that ended at midnight i, NaN where a price is missing
    path : side -> (days,) worst loss within those 24 hours, as a fraction of the price at their beginning
    """

    returns: FloatArray
    path: Mapping[Side, FloatArray]

    def end(self, side: Side) -> FloatArray:
        """(days,) loss of the 24 hours that ended at midnight i, as a fraction of the price at their beginning."""
        growth = np.expm1(self.returns)
        return np.asarray(-growth if side is Side.LONG else growth, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class DailyHistory:
    """All symbols on one grid of midnights without gaps.

    Attributes
    ----------
    start : first midnight, UTC
    symbols : sorted names
    returns : (days, symbols), as in `SymbolDays`
    path : side -> (days, symbols), as in `SymbolDays`
    """

    start: pd.Timestamp
    symbols: tuple[str, ...]
    returns: FloatArray
    path: Mapping[Side, FloatArray]

    def of(self, symbol: str) -> SymbolDays:
        """One symbol's past."""
        j = self.symbols.index(symbol)
        path = {side: np.ascontiguousarray(values[:, j]) for side, values in self.path.items()}
        return SymbolDays(np.ascontiguousarray(self.returns[:, j]), path)

    def rows(self, table: pd.DataFrame) -> IntArray:
        """(rows,) the day of each origin of a table."""
        return np.asarray((table["as_of"] - self.start) // DAY, dtype=np.int64)

    def columns(self, table: pd.DataFrame) -> IntArray:
        """(rows,) the place of each row's symbol."""
        return np.asarray(pd.Index(self.symbols).get_indexer(pd.Index(table["symbol"])), dtype=np.int64)

    def joined(self, later: DailyHistory) -> DailyHistory:
        """This history continued by another one; where both know a number, this one's stays."""
        start = min(self.start, later.start)
        symbols = tuple(sorted({*self.symbols, *later.symbols}))
        ends = [h.start + len(h.returns) * DAY for h in (self, later)]
        shape = ((max(ends) - start) // DAY, len(symbols))

        def fill(mine: FloatArray, other: FloatArray) -> FloatArray:
            out = np.full(shape, np.nan)
            for part, values in ((later, other), (self, mine)):
                first = (part.start - start) // DAY
                place = np.ix_(
                    np.arange(first, first + len(values)), pd.Index(symbols).get_indexer(pd.Index(part.symbols))
                )
                out[place] = np.where(np.isnan(values), out[place], values)
            return out

        path = {side: fill(self.path[side], later.path[side]) for side in Side}
        return DailyHistory(start, symbols, fill(self.returns, later.returns), path)


def midnight(table: pd.DataFrame) -> BoolArray:
    """(rows,) whether the origin is a midnight, UTC."""
    return np.asarray(table["as_of"] == table["as_of"].dt.normalize())


def daily_history(
    features: pd.DataFrame, outcomes: pd.DataFrame | None, until: pd.Timestamp | None = None
) -> DailyHistory:
    """Daily history of the midnight origins of a feature table.

    The daily log return known at an origin is ``return_24h * exp(slow_level)``; the path losses that became known at it
    are the outcomes of the origin 24 hours before.

    Parameters
    ----------
    features : as_of, symbol, return_24h, slow_level
    outcomes : path_long and path_short, aligned with `features`, NaN where not known; None: no path losses are known
    until : only what was known at this instant is kept; None: everything
    """
    now = midnight(features) & (True if until is None else (features["as_of"] <= until).to_numpy())
    table = features.loc[now, ["as_of", "symbol"]]
    start, last = table["as_of"].min(), table["as_of"].max()
    symbols = tuple(sorted(set(table["symbol"])))
    shape = ((last - start) // DAY + 2, len(symbols))
    empty = DailyHistory(start, symbols, np.full(shape, np.nan), {side: np.full(shape, np.nan) for side in Side})
    i, j = empty.rows(table), empty.columns(table)
    daily = features["return_24h"].to_numpy() * np.exp(features["slow_level"].to_numpy())
    empty.returns[i, j] = daily[now]
    if outcomes is not None:
        known = np.ones(len(i), dtype=bool) if until is None else known_by(table, until, HORIZON)
        for side in Side:
            losses = outcomes[f"path_{side}"].to_numpy()[now]
            empty.path[side][i[known] + 1, j[known]] = losses[known]
    return empty
