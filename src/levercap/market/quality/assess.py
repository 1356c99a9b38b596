"""Assessment of a market's data at one instant: masks, states, conservative filling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import Finding
from levercap.core.names import BoolArray, IntArray
from levercap.core.panel import BAR_FIELDS, HOUR, Panel
from levercap.core.quality import SCORED, SymbolState
from levercap.market.quality.feed import feed_outage
from levercap.market.quality.filling import fill_missing
from levercap.market.quality.findings import feed_finding, filled_finding, state_findings
from levercap.market.quality.frozen import frozen_hours
from levercap.market.quality.hours import Hours, known_panel, last_true, recent_hours
from levercap.market.quality.levels import disputed_hours
from levercap.market.quality.prints import doubtful_moves
from levercap.market.quality.reasons import state_reasons
from levercap.market.quality.recipe import QUALITY, QualityRecipe
from levercap.market.quality.states import Faults, States, symbol_states

__all__ = ["MarketQuality", "assess_quality"]


@dataclass(frozen=True, eq=False)
class MarketQuality:
    """What the data of a market are worth at one instant.

    Attributes
    ----------
    panel : as known at the instant and extended up to it; hours that are not trustworthy are NaN in all five fields of
        the bar, small gaps of the scored symbols are filled at a conservative value. Symbols without a bar in the
        longest window are left as they are: no forecast looks at them
    symbols : one row per symbol, in the order of the panel: symbol, state (a `SymbolState` value), last_good (UTC: the
        close of the last hour at which the symbol could be scored, NaT without one), hours_out (0 where it is scored
        from its data, else hours from `last_good` to the instant, inf without), reason (empty where it is fresh)
    findings : one per kind, naming the symbols concerned; all warnings
    """

    panel: Panel
    symbols: pd.DataFrame
    findings: tuple[Finding, ...]


def assess_quality(
    panel: Panel,
    as_of: pd.Timestamp,
    stale_hours: int,
    disputes: pd.DataFrame | None = None,
    recipe: QualityRecipe = QUALITY,
) -> MarketQuality:
    """State of every symbol at `as_of`, and the panel that can be scored from; `panel` itself is left as it is.

    Parameters
    ----------
    panel : bars, after known changes of unit and name were applied
    stale_hours : largest age of the last good bar of a symbol that is scored
    disputes : symbol, timestamp (open of the hour), reason: hours whose rows contradicted themselves when they were
        read; missing in the panel

    Raises
    ------
    DataError
        when no bar is known at `as_of`
    """
    known = known_panel(panel, as_of)
    hours = recent_hours(known, recipe.history_days)
    faults = find_faults(hours, _contradictory(hours, known.symbols, disputes), recipe)
    states = symbol_states(hours, faults, float((as_of - known.end) / HOUR), stale_hours, recipe)
    reasons = state_reasons(states, faults, hours.timestamps, stale_hours, recipe)
    state, last_good = list(states.state), _last_good(states, faults, known)
    for j in map(int, np.flatnonzero(~faults.present.any(axis=0) & (last_good >= 0))):
        state[j], reasons[j] = SymbolState.STALE, f"no bar for more than {recipe.history_days} days"
    findings = state_findings(known.symbols, state, reasons, recipe.listed)
    outage = feed_outage(state, faults.present, states.scoreable, recipe)
    if outage is not None:
        findings = [feed_finding(known.symbols, outage, known.end, recipe.listed), *findings]
        last_good = np.minimum(last_good, outage.last_good + len(known.timestamps) - len(states.scoreable))
        state, reasons = outage.states, [outage.reason(own) for own in reasons]
    alive = faults.present[-max(recipe.window_hours) :].any(axis=0)
    _mask(known, ~faults.usable & faults.present & alive)
    _mask(known, _lifeless(known, faults) & alive)
    findings += _fill(known, state, np.where(alive, last_good, -1), faults, recipe)
    return MarketQuality(known, _table(known, as_of, state, last_good, reasons), tuple(findings))


def find_faults(hours: Hours, contradictory: BoolArray, recipe: QualityRecipe) -> Faults:
    """What is wrong with each hour."""
    frozen = frozen_hours(hours, recipe)
    good = hours.present & ~frozen
    disputes = disputed_hours(hours, good, doubtful_moves(hours, good, recipe), recipe)
    return Faults(hours.present, frozen, contradictory, disputes)


def _contradictory(hours: Hours, symbols: tuple[str, ...], disputes: pd.DataFrame | None) -> BoolArray:
    flags = np.zeros(hours.present.shape, dtype=bool)
    if disputes is not None and len(disputes):
        row = hours.timestamps.get_indexer(pd.DatetimeIndex(disputes["timestamp"]).as_unit(hours.timestamps.unit))
        column = pd.Index(symbols).get_indexer(pd.Index(disputes["symbol"].astype(str)))
        keep = (row >= 0) & (column >= 0)
        flags[row[keep], column[keep]] = True
    return flags


def _lifeless(panel: Panel, faults: Faults) -> BoolArray:
    """(all hours, symbols) those of symbols without one usable hour in the days assessed: no earlier hour is used."""
    lifeless = faults.present.any(axis=0) & ~faults.usable.any(axis=0)
    return np.broadcast_to(lifeless, panel.close.shape)


def _mask(panel: Panel, flags: BoolArray) -> None:
    for name in BAR_FIELDS:
        getattr(panel, name)[-len(flags) :][flags] = np.nan


def _last_good(states: States, faults: Faults, panel: Panel) -> IntArray:
    """(symbols,) panel row of the last hour at which each symbol could be scored, -1 without one.

    A symbol without a bar in the days that `scoreable` covers takes its last bar.
    """
    count, recent = len(panel.timestamps), len(states.scoreable)
    latest = last_true(states.scoreable)
    silent = np.flatnonzero(~faults.present[-recent:].any(axis=0))
    out = np.where(latest >= 0, latest + count - recent, -1)
    out[silent] = last_true(np.isfinite(panel.close[: count - recent, silent])) if count > recent else -1
    return out


def _fill(
    panel: Panel, state: list[SymbolState], last_good: IntArray, faults: Faults, recipe: QualityRecipe
) -> list[Finding]:
    """Fill the small gaps of scored symbols, and of the others those before their last good hour."""
    hours = max(recipe.window_hours)
    scored = np.array([own in SCORED for own in state], dtype=bool)
    missing = ~np.isfinite(panel.close)
    fill_missing(panel, hours, np.where(scored, len(panel.timestamps), last_good + 1))
    filled = (missing & np.isfinite(panel.close))[-len(faults.present) :]
    lines = {}
    for j in np.flatnonzero(filled.any(axis=0)):
        own = filled[:, j]
        kinds = {"frozen": faults.frozen, "disputed": faults.disputes.prints | faults.contradictory}
        counts = {name: int((own & flags[:, j]).sum()) for name, flags in kinds.items()}
        counts["missing"] = int(own.sum()) - sum(counts.values())
        lines[panel.symbols[j]] = counts
    return filled_finding(lines, recipe.listed)


def _table(
    panel: Panel, as_of: pd.Timestamp, state: list[SymbolState], last_good: IntArray, reasons: list[str]
) -> pd.DataFrame:
    known = last_good >= 0
    stamps = pd.Series(panel.timestamps[np.maximum(last_good, 0)] + HOUR).where(known)
    out = np.where(known, (as_of - panel.timestamps[np.maximum(last_good, 0)] - HOUR) / HOUR, np.inf)
    scored = np.array([own in SCORED for own in state], dtype=bool)
    return pd.DataFrame(
        {
            "symbol": np.array(panel.symbols, dtype=object),
            "state": np.array([own.value for own in state], dtype=object),
            "last_good": stamps,
            "hours_out": np.where(scored, 0.0, out),
            "reason": np.array(reasons, dtype=object),
        }
    ).astype({"symbol": "str", "state": "str", "reason": "str"})
