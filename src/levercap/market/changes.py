"""Symbol changes: redenominations and new tickers, applied to the older history of a symbol in every table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.align import HOUR_MICROSECONDS
from levercap.market.clock import market_hours
from levercap.market.rows import MISSING, keys
from levercap.market.stamps import EARLIEST, LATEST, MICROS
from levercap.market.tables import Table

__all__ = ["CHANGES", "apply_changes"]

CHANGES: Final = "symbol_changes"
MULTIPLIED: Final = {"bars": ("open", "high", "low", "close")}
DIVIDED: Final = {"bars": ("volume",), "open_interest": ("open_interest",)}
STAMPED_BEFORE: Final = ("bars", "leverage_tiers")
"""Tables whose stamps begin what they state; a value of the others is stamped when it is known, the change included."""
HINT: Final = "timestamp, symbol and a positive ratio, or a new_symbol, or both; one row per symbol and instant"


@dataclass(frozen=True)
class Change:
    """One change: before `instant` (microseconds since 1970), `symbol` had another unit or another name than after it.

    Attributes
    ----------
    ratio : new units per old unit of price
    new_symbol : name under which the older history goes on; that of the symbol itself where only the unit changed
    """

    instant: int
    symbol: str
    ratio: float
    new_symbol: str


def apply_changes(tables: Mapping[str, Table]) -> tuple[dict[str, Table], list[Finding]]:
    """The tables without `symbol_changes`, their history before each change in the new unit and under the new name.

    Prices of bars that opened before a change are multiplied by its ratio; their volumes, and open interest stamped
    until the change, are divided by it. Changes are applied in the order of time, so that one goes on where another
    ended. Those after the market's end are not applied yet, and rows that cannot be used change nothing; both are
    named.
    """
    changed = {name: table for name, table in tables.items() if name != CHANGES}
    if CHANGES not in tables or "bars" not in tables or not len(tables[CHANGES].frame):
        return changed, []
    table, end = tables[CHANGES], _end(tables["bars"])
    usable = _usable(table, tables["bars"])
    _, stamps = keys(table)
    ahead = usable & (stamps > end)
    message = (
        "changes that cannot be used: without a ratio or new symbol, contradicting, or before all bars of the symbol"
    )
    findings = table.finding("symbol_change_unusable", Severity.WARNING, ~usable, message, hint=HINT)
    message = "changes after the market's end; not applied yet"
    findings += table.finding("symbol_change_ahead", Severity.WARNING, ahead, message, ["timestamp"], HINT)
    rows = np.flatnonzero(usable & ~ahead & ~table.frame.duplicated().to_numpy(dtype=bool))
    rows = rows[np.argsort(stamps[rows], kind="stable")]
    changes = [_change(table.frame.iloc[row], int(stamps[row])) for row in rows]
    return {name: _changed(some, changes) for name, some in changed.items()}, findings


def _end(bars: Table) -> int:
    """Close of the market's last bar, microseconds since 1970; the earliest possible without any."""
    code, stamps = keys(bars)
    there = (code >= 0) & (stamps >= EARLIEST * MICROS) & (stamps < LATEST * MICROS)
    if not there.any():
        return EARLIEST * MICROS
    return (market_hours(code[there], stamps[there] // HOUR_MICROSECONDS)[1] + 1) * HOUR_MICROSECONDS


def _usable(table: Table, bars: Table) -> BoolArray:
    """Rows that state a possible change, one only for their symbol and instant, to a history that there is."""
    frame = table.frame
    ratio, new = frame["ratio"].to_numpy(dtype=np.float64), frame["new_symbol"]
    renamed = (new != "").to_numpy(dtype=bool)
    possible = np.where(np.isnan(ratio), renamed, (ratio > 0) & np.isfinite(ratio))
    possible &= new.map(str.isprintable).to_numpy(dtype=bool) & ~table.unread
    same = frame.assign(ratio=frame["ratio"].fillna(0.0)).groupby(["timestamp", "symbol"], observed=True, dropna=False)
    for name in ("ratio", "new_symbol"):
        possible &= (same[name].transform("nunique") <= 1).to_numpy(dtype=bool)
    known = frame["symbol"].astype("str").map(_begin(bars)).to_numpy(dtype=np.float64) < keys(table)[1]
    known |= frame["symbol"].isin(new[renamed]).to_numpy(dtype=bool)
    return np.asarray(possible & known, dtype=bool)


def _begin(bars: Table) -> dict[str, int]:
    """Open of the first bar of each symbol, microseconds since 1970."""
    code, stamps = keys(bars)
    there = (code >= 0) & (stamps != MISSING)
    first = pd.Series(stamps[there]).groupby(code[there]).min()
    names = bars.frame["symbol"].cat.categories
    return {str(names[i]): int(stamp) for i, stamp in zip(first.index.to_numpy(), first.to_numpy(), strict=True)}


def _change(row: pd.Series, instant: int) -> Change:
    symbol, ratio = str(row["symbol"]), float(row["ratio"])
    return Change(instant, symbol, 1.0 if np.isnan(ratio) else ratio, str(row["new_symbol"]) or symbol)


def _changed(table: Table, changes: Sequence[Change]) -> Table:
    """The table with every change applied to its older rows; rows of one symbol stay in the order of time."""
    code, stamps = keys(table)
    names = [str(name) for name in table.frame["symbol"].cat.categories]
    factor, renames = np.ones(len(code)), np.zeros(len(code), dtype=np.int64)
    for change in changes:
        if change.symbol not in names:
            continue
        limit = change.instant + (table.name not in STAMPED_BEFORE)
        older = (code == names.index(change.symbol)) & (stamps < limit)
        factor[older] *= change.ratio
        if change.new_symbol != change.symbol and older.any():
            names += [change.new_symbol] * (change.new_symbol not in names)
            code[older] = names.index(change.new_symbol)
            renames[older] += 1
    frame = _scaled(table, factor)
    if not renames.any():
        return dataclasses.replace(table, frame=frame)
    order = np.lexsort((-renames, code))
    frame = frame.assign(symbol=_categories(code, names)).iloc[order].reset_index(drop=True)
    numbers = np.arange(len(code)) if table.numbers is None else table.numbers
    return dataclasses.replace(table, frame=frame, unread=table.unread[order], numbers=numbers[order])


def _scaled(table: Table, factor: FloatArray) -> pd.DataFrame:
    """Prices times and amounts over `factor`."""
    if (factor == 1.0).all():
        return table.frame
    columns = {name: table.frame[name] * factor for name in MULTIPLIED.get(table.name, ())}
    columns |= {name: table.frame[name] / factor for name in DIVIDED.get(table.name, ())}
    return table.frame.assign(**columns)


def _categories(code: IntArray, names: Sequence[str]) -> pd.Categorical:
    """Symbols of the rows, categories sorted and none without rows."""
    symbols = pd.Index(list(names), dtype="str")
    return (
        pd.Categorical.from_codes(code, symbols)
        .remove_unused_categories()
        .reorder_categories(sorted({names[i] for i in np.unique(code[code >= 0])}))
    )
