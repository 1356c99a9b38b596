"""Comparison of leverage tiers: which symbols a table treats more mildly than an earlier one, and the stricter of two.

A ladder is the tiers of one symbol in one table, as `tiers_as_of` gives them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.core.instrument import perpetuals
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.venue.margin import envelope, initial_margin, maintenance_margin, margin_sheet
from levercap.venue.tiers import maintenance_amounts

__all__ = ["EMPTY_TIERS", "flat_ladders", "milder_ladders", "stricter_ladders"]

NOTIONALS: Final = np.logspace(2, 10, 81)
"""Notionals at which ladders are compared, quote currency."""

COLUMNS: Final = (
    "symbol",
    "tier",
    "notional_floor",
    "notional_cap",
    "max_leverage",
    "maintenance_margin_rate",
    "maintenance_amount",
)

EMPTY_TIERS: Final = pd.DataFrame({name: pd.Series(dtype="float64") for name in COLUMNS}).astype(
    {"symbol": "str", "tier": "int64"}
)
"""Tiers of a venue that has them, for no symbol: each gets the value for a missing tier."""


def milder_ladders(now: pd.DataFrame, earlier: pd.DataFrame, symbols: tuple[str, ...], factor: float) -> BoolArray:
    """(symbols,) whether the ladder in `now` is milder than that in `earlier` by more than `factor`.

    A ladder may honestly be loosened: its rates lowered and its notionals raised by up to `factor` each. Milder is one
    whose initial or maintenance margin lies, at any notional within its last cap, below what that gives, or whose last
    cap lies above. Every symbol must be in both.
    """
    present = _margins(now, symbols, NOTIONALS)
    allowed = _margins(earlier, symbols, NOTIONALS / factor)
    milder = (present < allowed / factor * (1.0 - 1e-9)) & np.isfinite(present[:1])
    return np.asarray(milder.any(axis=(0, 2)), dtype=np.bool_)


def _margins(tiers: pd.DataFrame, symbols: tuple[str, ...], notionals: FloatArray) -> FloatArray:
    """(2, symbols, notionals) initial and maintenance margin per unit of notional."""
    sheet = margin_sheet(
        tiers,
        perpetuals(symbols),
        maintenance_margin_rate=0.0,
        missing_tier_max_leverage=1.0,
        missing_tier_maintenance_share=1.0,
    )
    code: IntArray = np.repeat(np.arange(len(symbols)), len(notionals))
    size = np.tile(notionals, len(symbols))
    margins = [margin(sheet, code, size) / size for margin in (initial_margin, maintenance_margin)]
    return np.asarray(np.reshape(margins, (2, len(symbols), len(notionals))), dtype=np.float64)


def stricter_ladders(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Tiers of every symbol of either table: at least the margin of both, up to the smaller of their last caps.

    Maintenance margins are continuous, so the rates of the two ladders are compared, not their amounts. A symbol of
    one table alone keeps its ladder there.
    """
    parts = {str(s): [g] for s, g in first.groupby("symbol", sort=True, observed=True)}
    for symbol, group in second.groupby("symbol", sort=True, observed=True):
        parts.setdefault(str(symbol), []).append(group)
    frames = [p[0] if len(p) == 1 else _stricter(symbol, p[0], p[1]) for symbol, p in sorted(parts.items())]
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)] if frames else EMPTY_TIERS


def _stricter(symbol: str, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    last = min(first["notional_cap"].max(), second["notional_cap"].max())
    rows = pd.concat([first, second], ignore_index=True)
    rows = rows[rows["notional_floor"] < last]
    ladder = envelope(rows.assign(notional_cap=np.minimum(rows["notional_cap"], last)))
    cap, initial, rate = ladder.T
    floor = np.append(0.0, cap[:-1])
    return _table(symbol, floor, cap, 1.0 / initial, rate)


def flat_ladders(symbols: tuple[str, ...], max_leverage: float, maintenance_margin_rate: float) -> pd.DataFrame:
    """One tier for all notionals for each symbol."""
    zero, infinity = np.zeros(1), np.full(1, np.inf)
    tables = [_table(s, zero, infinity, np.full(1, max_leverage), np.full(1, maintenance_margin_rate)) for s in symbols]
    return pd.concat(tables, ignore_index=True) if tables else EMPTY_TIERS


def _table(symbol: str, floor: FloatArray, cap: FloatArray, leverage: FloatArray, rate: FloatArray) -> pd.DataFrame:
    columns = (symbol, np.arange(1, len(cap) + 1), floor, cap, leverage, rate, maintenance_amounts(floor, rate))
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))).astype({"symbol": "str"})
