"""Findings of data quality: one per kind, naming the symbols concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.panel import HOUR
from levercap.core.quality import SymbolState
from levercap.market.quality.feed import FeedOutage
from levercap.market.quality.reasons import instant

__all__ = ["feed_finding", "filled_finding", "state_findings"]

WHERE = "bars"

KINDS: Mapping[SymbolState, tuple[str, str, str]] = {
    SymbolState.DISPUTED: (
        "symbol_disputed",
        "symbols whose prices contradict themselves or are not confirmed; not scored from data",
        "confirmed prices; a redenomination or reused ticker belongs into symbol_changes",
    ),
    SymbolState.FROZEN: ("symbol_frozen", "symbols whose feed repeats itself; not scored from data", "a live feed"),
    SymbolState.GAPPY: (
        "symbol_gappy",
        "symbols with too many hours missing within 24 hours, 7 or 30 days; not scored from data",
        "every hour",
    ),
    SymbolState.STALE: ("symbol_stale", "symbols whose last good bar is too old; not scored from data", "fresh bars"),
    SymbolState.UNKNOWN: ("symbol_unknown_data", "symbols without any usable hour; not scored from data", "bars"),
    SymbolState.YOUNG: ("symbol_young", "symbols with a short history; some numbers are missing or bounds", "90 days"),
}
"""Code, message and hint of the finding of each state."""


def state_findings(
    symbols: Sequence[str], states: Sequence[SymbolState], reasons: Sequence[str], listed: int
) -> list[Finding]:
    """One finding per state that occurs, other than fresh."""
    findings = []
    for state, (code, message, hint) in KINDS.items():
        lines = [f"{s}: {r}" for s, own, r in zip(symbols, states, reasons, strict=True) if own == state]
        if lines:
            findings.append(_finding(code, message, len(lines), lines, hint, listed))
    return findings


def filled_finding(hours: Mapping[str, Mapping[str, int]], listed: int) -> list[Finding]:
    """Hours that were missing or masked and are filled at a conservative value: by symbol, how many of what kind."""
    if not hours:
        return []
    totals = {symbol: sum(counts.values()) for symbol, counts in hours.items()}
    lines = []
    for symbol in sorted(totals, key=lambda name: (-totals[name], name)):
        parts = [f"{count} {kind}" for kind, count in hours[symbol].items() if count]
        lines.append(f"{symbol}: {totals[symbol]} h ({', '.join(parts)})")
    message = f"hours of the last 30 days of {len(hours)} symbols are filled as the largest hour around them"
    return [_finding("hours_filled", message, sum(totals.values()), lines, "every hour", listed)]


def feed_finding(symbols: Sequence[str], outage: FeedOutage, end: pd.Timestamp, listed: int) -> Finding:
    """So many symbols are out at once that none is scored from data; `end` is the close of the last hour."""
    hours = outage.rows - 1 - outage.whole
    when = f"last at {instant(end - hours * HOUR)}" if outage.whole >= 0 else "at no hour that is known"
    message = (
        f"{len(outage.out)} of the {outage.traded} symbols that traded within a week are out: the cross-section cannot "
        f"be trusted and no symbol is scored from data; the market was whole {when}"
    )
    lines = [f"{symbols[j]}: {own.value}" for j, own in zip(outage.out, outage.own, strict=True)]
    return _finding("feed_incomplete", message, len(outage.out), lines, "the whole feed", listed)


def _finding(code: str, message: str, count: int, lines: list[str], hint: str, listed: int) -> Finding:
    more = len(lines) - listed
    examples = (*lines[:listed], f"and {more:,} more") if more > 0 else tuple(lines)
    return Finding(code, Severity.WARNING, WHERE, message, count, examples, hint)
