"""Strictness: what a market lacks of what a bundle was trained with, and how much stricter it is scored for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from levercap.config import Config
from levercap.core.errors import Finding
from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.core.quality import SCORED, SymbolState
from levercap.core.snapshot import EarlierMarket
from levercap.model.memory import Memory
from levercap.model.strict_series import strict_series
from levercap.model.strict_symbols import cut_history, unseen_symbols
from levercap.model.strict_tiers import strict_tiers

__all__ = ["Strictness", "strictness"]

PER_SYMBOL_OUT: Final = 0.3
"""Growth of volatility per share of symbols out. Ten perps, one of them out, at a calm and a violent instant: the
limits of others rose by at most 2.2 % without it."""

LONG_OUT_HOURS: Final = 168.0
"""A symbol without a bar for a week is not part of the market, as for its end and its age."""

SHORTEST_HOURS: Final = 480
"""Fewer hours of bars have no features, and tell the others nothing."""


@dataclass(frozen=True, eq=False)
class Strictness:
    """What a snapshot is made with where a market lacks what its bundle knew.

    Attributes
    ----------
    panel : the market as it was known, without optional values that are doubtful or incomplete
    tiers : leverage tiers to use, or None when the venue has none
    multiplier : of volatility, and with it of VaR and ES, by symbol; at least 1, and 1 for a symbol that is not in it
    stressed_multiplier : the same of the stressed volatility
    gain_shares : factor, at most 1, of favourable moves in the scenarios, by symbol: one that is scored at more than
        its volatility pays no more as a hedge
    stressed_level : stressed volatility by symbol, per 24 h, in place of tonight's
    stressed_floor : smallest stressed volatility by symbol, per 24 h
    state_factors : of volatility where a feature of the state of the tail, by its name, is missing; at least 1
    findings : one per kind and table, all warnings
    """

    panel: Panel
    tiers: pd.DataFrame | None
    multiplier: Mapping[str, float] = field(default_factory=dict)
    stressed_multiplier: Mapping[str, float] = field(default_factory=dict)
    gain_shares: Mapping[str, float] = field(default_factory=dict)
    stressed_level: Mapping[str, float] = field(default_factory=dict)
    stressed_floor: Mapping[str, float] = field(default_factory=dict)
    state_factors: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def with_symbols_out(self, quality: pd.DataFrame, known: Collection[str]) -> Strictness:
        """Stricter where the cross-section lacks symbols that the bundle knows.

        Every multiplier grows by `PER_SYMBOL_OUT` times their share: what the others tell about a symbol is less, and
        may be milder. One that is out itself is seen as of its last good hour, and lacks only those that were out
        then: what was computed at that hour is what is held. Symbols that are out for longer than `LONG_OUT_HOURS` are
        dead and not counted.

        Parameters
        ----------
        quality : symbol, state, hours_out
        known : symbols of the bundle
        """
        mine = quality[quality["symbol"].isin(set(known))]
        recent = (mine["hours_out"] <= LONG_OUT_HOURS) | ~mine["state"].isin((SymbolState.STALE, SymbolState.UNKNOWN))
        hours = dict(zip(self.panel.symbols, np.isfinite(self.panel.close).sum(axis=0).tolist(), strict=True))
        short = mine["symbol"].map(hours).fillna(0) < SHORTEST_HOURS
        lacking = (recent & (short | (mine["hours_out"] > 0.0) | ~mine["state"].isin(SCORED))).to_numpy()
        if not lacking.any():
            return self
        since = np.where(short, np.inf, mine["hours_out"])[lacking]
        own = np.where(quality["state"].isin(SCORED), -1.0, quality["hours_out"])
        factor = 1.0 + PER_SYMBOL_OUT * (since > own[:, None]).sum(axis=1) / int(recent.sum())
        each = zip(quality["symbol"], factor.tolist(), strict=True)
        multiplier = {symbol: value * self.multiplier.get(symbol, 1.0) for symbol, value in each}
        return dataclasses.replace(self, multiplier=multiplier)

    def of_rows(self, features: pd.DataFrame) -> FloatArray:
        """(rows,) multiplier of volatility of the rows of a feature table."""
        product = np.array([self.multiplier.get(symbol, 1.0) for symbol in features["symbol"]], dtype=np.float64)
        for name, factor in self.state_factors.items():
            if name in features:
                product = product * np.where(features[name].isna(), factor, 1.0)
        return product

    def of_gains(self, symbols: tuple[str, ...]) -> FloatArray:
        """(symbols,) factor of favourable moves."""
        return np.array([self.gain_shares.get(symbol, 1.0) for symbol in symbols], dtype=np.float64)

    def of_stressed(self, symbols: tuple[str, ...], values: FloatArray) -> FloatArray:
        """(symbols,) stressed volatilities: multiplied, no smaller than their floors, or the level in their place."""
        multiplier = np.array([self.stressed_multiplier.get(symbol, 1.0) for symbol in symbols])
        floor = np.array([self.stressed_floor.get(symbol, np.nan) for symbol in symbols])
        level = np.array([self.stressed_level.get(symbol, np.nan) for symbol in symbols])
        own = np.fmax(values * multiplier, floor)
        return np.asarray(np.where(np.isnan(level), own, level), dtype=np.float64)


def strictness(
    panel: Panel,
    tiers: pd.DataFrame | None,
    memory: Memory,
    as_of: pd.Timestamp,
    config: Config,
    previous: EarlierMarket | None = None,
) -> Strictness:
    """Strictness of a market at `as_of`; one that lacks nothing has no multiplier above one and no floor.

    Parameters
    ----------
    panel : as it was known at `as_of`
    tiers : those in force then, or None
    memory : of the bundle that scores
    config : how long absent tiers are carried, how far tiers may be loosened, which share of the history must be there;
        the value of a missing tier
    previous : market of the run before, scored by the same bundle: where tiers are missing or milder, or a history is
        cut, the stricter of what the bundle remembers and of this holds
    """
    panel, factor, lost = strict_series(panel, memory, as_of)
    cut = cut_history(panel, memory, as_of, config.market.history_share, config.policy.stressed_quantile)
    unseen, new = unseen_symbols(panel, memory)
    before = None if previous is None else previous.tiers
    tiers, ladders = strict_tiers(tiers, memory, as_of, panel.symbols, config, before)
    own = {s: cut.multiplier.get(s, 1.0) * unseen.get(s, 1.0) for s in panel.symbols}
    return Strictness(
        panel,
        tiers,
        multiplier={s: factor * value for s, value in own.items()},
        stressed_multiplier=unseen,
        gain_shares={s: cut.gain_share.get(s, 1.0 / value) for s, value in own.items() if value > 1.0},
        stressed_level=_stricter_levels(cut.stressed_level, previous),
        stressed_floor=cut.stressed_floor,
        state_factors=memory.state_factors,
        findings=(*lost, *cut.findings, *new, *ladders),
    )


def _stricter_levels(levels: Mapping[str, float], previous: EarlierMarket | None) -> dict[str, float]:
    """Stressed volatility by symbol, no smaller than that of the run before."""
    if previous is None:
        return dict(levels)
    before = dict(zip(previous.symbols["symbol"], previous.symbols["stressed_volatility"].tolist(), strict=True))
    return {symbol: float(np.fmax(level, before.get(symbol, np.nan))) for symbol, level in levels.items()}
