"""Leverage tiers that are absent, or milder than the bundle remembers: carried, or the stricter of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from levercap.config import Config
from levercap.core.errors import Finding, Severity
from levercap.model.listing import EXAMPLES, listed
from levercap.model.memory import Memory
from levercap.venue.ladders import EMPTY_TIERS, flat_ladders, milder_ladders, stricter_ladders
from levercap.venue.tiers import tiers_as_of

__all__ = ["strict_tiers"]

TABLE = "leverage_tiers"


def strict_tiers(
    tiers: pd.DataFrame | None,
    memory: Memory,
    as_of: pd.Timestamp,
    symbols: tuple[str, ...],
    config: Config,
    previous: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame | None, tuple[Finding, ...]]:
    """Tiers to score with, and a finding for each way in which those of the market are missing or milder.

    Tiers that the bundle knew and the market lacks are carried for ``market.tier_carry_days`` after the training; after
    that, and for single symbols at once, the stricter of the remembered ladder and the value of a missing tier holds.
    Ladders milder than the remembered ones by more than ``market.tier_loosening`` are replaced by the stricter of both
    at every notional: for all symbols where that is more than half of them.

    Where that happens, `previous`, the tiers of the run before, hold too where they are stricter. A symbol that only
    they have gets the stricter of its ladder there and the value of a missing tier. Ladders that tonight's table states
    and the bundle does not doubt are tonight's, whatever was scored before: what was strict for a night ends with it.
    """
    kept, findings = _by_memory(tiers, memory, as_of, symbols, config)
    if previous is None or previous.empty:
        return kept, findings
    own = previous[previous["symbol"].isin(symbols)]
    doubted = set() if kept is tiers else _changed(tiers, kept)
    gone = tuple(sorted(set(own["symbol"]) - (set() if tiers is None else set(tiers["symbol"])) - doubted))
    if gone:
        message = "in the run before and gone: the stricter of those and of a missing tier holds"
        findings = (*findings, _finding("tiers_missing", message, gone, "tiers of every symbol"))
    mine = EMPTY_TIERS if kept is None else kept
    replaced = mine["symbol"].isin(doubted)
    theirs = own[own["symbol"].isin(doubted | {*gone})]
    if theirs.empty:
        return kept, findings
    stricter = stricter_ladders(stricter_ladders(mine[replaced], theirs), _flat(gone, config))
    return _sorted([mine[~replaced], stricter]), findings


def _changed(tiers: pd.DataFrame | None, kept: pd.DataFrame | None) -> set[str]:
    """Symbols whose ladder in `kept` is not that of `tiers`."""
    present = _ladders(tiers)
    return {s for s, ladder in _ladders(kept).items() if s not in present or not ladder.equals(present[s])}


def _ladders(tiers: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Numbers of each symbol's ladder."""
    if tiers is None:
        return {}
    groups = tiers.groupby("symbol", observed=True)
    return {str(s): g.drop(columns="symbol").reset_index(drop=True) for s, g in groups}


def _by_memory(
    tiers: pd.DataFrame | None, memory: Memory, as_of: pd.Timestamp, symbols: tuple[str, ...], config: Config
) -> tuple[pd.DataFrame | None, tuple[Finding, ...]]:
    """Tiers and findings by what the bundle remembers alone."""
    earlier = tiers_as_of(memory.tiers, as_of)
    if earlier is None or earlier.empty:
        return tiers, ()
    if tiers is None or tiers.empty:
        return _absent(earlier, memory, as_of, symbols, config)
    remembered, present = set(earlier["symbol"]) & set(symbols), set(tiers["symbol"])
    findings = []
    gone = tuple(sorted(remembered - present))
    if gone:
        old = earlier[earlier["symbol"].isin(gone)]
        tiers = _sorted([tiers, stricter_ladders(old, _flat(gone, config))])
        message = "gone since the bundle was trained: the stricter of those and of a missing tier holds"
        findings.append(_finding("tiers_missing", message, gone, "tiers of every symbol"))
    both = tuple(sorted(remembered & present))
    milder = milder_ladders(tiers, earlier, both, config.market.tier_loosening) if both else np.zeros(0, dtype=bool)
    if milder.any():
        whole = 2 * milder.sum() > len(both)
        names = both if whole else tuple(s for s, flag in zip(both, milder, strict=True) if flag)
        tiers = _replaced(tiers, earlier, names)
        message = (
            f"{'the table is' if whole else 'ladders are'} milder than those of the training by more than a factor of "
            f"{config.market.tier_loosening:g}: the stricter of both holds"
        )
        hint = "the venue's tiers in quote currency and shares; if it did loosen them, a bundle trained since"
        findings.append(_finding("tiers_milder", message, names, hint))
    return tiers, tuple(findings)


def _replaced(tiers: pd.DataFrame, earlier: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """`tiers` with the ladders of `names` replaced by the stricter of both."""
    now, old = tiers["symbol"].isin(names), earlier["symbol"].isin(names)
    return _sorted([tiers[~now], stricter_ladders(tiers[now], earlier[old])])


def _sorted(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True).sort_values(["symbol", "tier"], ignore_index=True)


def _absent(
    earlier: pd.DataFrame, memory: Memory, as_of: pd.Timestamp, symbols: tuple[str, ...], config: Config
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    days = config.market.tier_carry_days
    own = earlier[earlier["symbol"].isin(symbols)].reset_index(drop=True)
    if as_of <= memory.until + pd.Timedelta(days=days):
        tiers, message = own, f"no tiers are known: those of the training are carried, until {days:g} days after it"
    else:
        names = tuple(own["symbol"].unique())
        tiers = stricter_ladders(own, _flat(names, config)) if names else EMPTY_TIERS
        message = f"no tiers are known, {days:g} days and more after the training: those of a missing tier, or stricter"
    hint = f"a table {TABLE} with tiers known at as_of"
    return tiers, (_finding("table_missing", message, tuple(own["symbol"].unique()), hint),)


def _flat(names: tuple[str, ...], config: Config) -> pd.DataFrame:
    """The value of a missing tier, by the policy."""
    policy = config.policy
    share = policy.missing_tier_maintenance_share / policy.missing_tier_max_leverage
    return flat_ladders(names, policy.missing_tier_max_leverage, max(policy.maintenance_margin_rate, share))


def _finding(code: str, message: str, names: tuple[str, ...], hint: str) -> Finding:
    text = f"{TABLE} of {listed(names) or 'all symbols'}: {message}"
    return Finding(code, Severity.WARNING, TABLE, text, max(1, len(names)), names[:EXAMPLES], hint)
