"""SymbolStates: which instruments are scored from data, and what is known of those that are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray
from levercap.core.portfolio import Portfolio
from levercap.core.quality import SCORED, SymbolState
from levercap.core.snapshot import Snapshot

__all__ = ["REASONS", "SymbolStates", "any_held", "largest_symbols", "share_held", "symbol_states"]

REASONS: Final = {
    "symbol_unknown": SymbolState.UNKNOWN,
    "symbol_stale": SymbolState.STALE,
    "symbol_frozen": SymbolState.FROZEN,
    "symbol_gappy": SymbolState.GAPPY,
    "symbol_disputed": SymbolState.DISPUTED,
    "symbol_young": SymbolState.YOUNG,
}
"""Reason code of an account -> state of the symbol that it holds and that is not scored from data."""

REFERENCE_HOURS: Final = 720.0
"""A symbol counts among those of highest turnover until this long after its last good bar: turnover is a mean of 30
days."""


@dataclass(frozen=True, eq=False)
class SymbolStates:
    """Quality of the data of every instrument; arrays are (instruments + 1,), the last entry for code -1.

    Attributes
    ----------
    reasons : by reason code, the instruments that are not scored from data for it; those without any are left out
    out : not scored from data: in no state of `SCORED`, or without scenarios
    last_good : out, but with scenarios of their last good hour
    hours_out : hours since then; 0 where scored, inf without a good hour
    doubtful : scored, but no limit may rise on it
    """

    reasons: dict[str, BoolArray]
    out: BoolArray
    last_good: BoolArray
    hours_out: FloatArray
    doubtful: BoolArray


def symbol_states(snapshot: Snapshot, instruments: tuple[Instrument, ...]) -> SymbolStates:
    """States of the instruments by their underlying; one that the market does not know is unknown.

    A snapshot without hours_out does not say when a symbol was last good: then nothing is held for it.
    """
    table = snapshot.symbols.assign(symbol=snapshot.symbols["symbol"].astype("str")).set_index("symbol")
    underlying = [instrument.underlying for instrument in instruments]
    modelled = {instrument.name for instrument in snapshot.scenarios.instruments}
    has_scenarios = np.array([*(instrument.name in modelled for instrument in instruments), False])
    unknown = SymbolState.UNKNOWN.value
    state = [*table["state"].astype("str").reindex(underlying, fill_value=unknown).tolist(), unknown]
    out = ~(np.isin(state, [one.value for one in SCORED]) & has_scenarios)
    causes = np.array([_cause(one) for one in state])
    reasons = {code: out & (causes == cause.value) for code, cause in REASONS.items()}
    hours = _column(table, "hours_out", underlying)
    return SymbolStates(
        reasons={code: mask for code, mask in reasons.items() if mask.any()},
        out=out,
        last_good=out & has_scenarios,
        hours_out=np.where(out, np.where(hours >= 0, hours, np.inf), 0.0),
        doubtful=~out & (_column(table, "doubtful", underlying) == 1),
    )


def largest_symbols(snapshot: Snapshot, count: int) -> tuple[str, ...]:
    """Symbols of highest turnover, largest first, symbols that are out at their last known turnover among them."""
    table = snapshot.symbols.astype({"symbol": "str"})
    traded = table[table["turnover"].notna()]
    if "hours_out" in traded:
        long_out = (traded["hours_out"] > REFERENCE_HOURS) & np.isfinite(traded["hours_out"])
        traded = traded[traded["state"].isin([one.value for one in SCORED]) | ~long_out]
    largest = traded.sort_values(["turnover", "symbol"], ascending=[False, True]).head(count)
    return tuple(largest["symbol"])


def any_held(portfolio: Portfolio, mask: BoolArray) -> BoolArray:
    """(accounts,) whether any position is in an instrument of the mask, (instruments + 1,)."""
    held = mask[portfolio.instrument]
    if not held.any():
        return np.zeros(len(portfolio), dtype=np.bool_)
    return np.bincount(portfolio.account, held, minlength=len(portfolio)) > 0


def share_held(portfolio: Portfolio, mask: BoolArray) -> FloatArray:
    """(accounts,) share of gross notional in instruments of the mask; 0 without a position."""
    size = np.abs(portfolio.notional)
    part = np.bincount(portfolio.account, np.where(mask[portfolio.instrument], size, 0.0), minlength=len(portfolio))
    gross = portfolio.gross_notional
    return np.divide(part, gross, out=np.zeros(len(portfolio)), where=gross > 0)


def _cause(state: str) -> str:
    """State that stands for why a symbol is out; a fresh one is so for want of scenarios, as if it were stale."""
    if state == SymbolState.FRESH.value:
        return SymbolState.STALE.value
    return state if state in set(SymbolState) else SymbolState.UNKNOWN.value


def _column(table: pd.DataFrame, name: str, underlying: list[str]) -> FloatArray:
    """(instruments + 1,) numbers of a column, NaN where there are none."""
    if name not in table:
        return np.full(len(underlying) + 1, np.nan)
    values = pd.to_numeric(table[name], errors="coerce").reindex(underlying)
    return np.append(values.to_numpy(dtype=np.float64, na_value=np.nan), np.nan)
