"""Assessor: portfolios in, their risk numbers and the bound of every constraint on their leverage out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.instrument import perpetuals
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.core.risk_numbers import RiskNumbers
from levercap.core.snapshot import Snapshot
from levercap.limits.symbol_states import SymbolStates, any_held, largest_symbols, share_held, symbol_states
from levercap.policy import Caps, ConstraintInputs, Terms, account_caps
from levercap.risk import AdversePaths, adverse_paths, risk_numbers
from levercap.venue.margin import (
    initial_margin,
    liquidation_cap,
    maintenance_margin,
    margin_sheet,
    tier_cap,
)

__all__ = ["Assessment", "Assessor"]

_RISK_FIELDS: Final = tuple(field.name for field in dataclasses.fields(RiskNumbers))


@dataclass(frozen=True, eq=False)
class Assessment:
    """Risk numbers and caps of accounts, and what their data lack; arrays are (accounts,) but
    for side_caps.

    Attributes
    ----------
    risk : risk numbers
    caps : bound of every constraint
    bounded : a position counts at the bound, for want of data
    incomplete : more than `policy.fallback_share` of gross notional does; or a reference position of an account that
        holds nothing
    tier_missing : holds a symbol for which a venue that has tiers states none
    side_caps : (accounts, 2) smallest cap of the long and of the short reference positions; NaN with a position
    """

    risk: RiskNumbers
    caps: Caps
    bounded: BoolArray
    incomplete: BoolArray
    tier_missing: BoolArray
    side_caps: FloatArray

    def replace(self, accounts: BoolArray, other: Assessment, rows: IntArray) -> Assessment:
        """The same with the marked accounts taken from the given rows of another assessment."""

        def merged(mine: Any, theirs: Any) -> Any:
            out = mine.copy()
            out[accounts] = theirs[rows]
            return out

        return Assessment(
            RiskNumbers(*(merged(getattr(self.risk, name), getattr(other.risk, name)) for name in _RISK_FIELDS)),
            self.caps.replace(accounts, other.caps, rows),
            merged(self.bounded, other.bounded),
            merged(self.incomplete, other.incomplete),
            merged(self.tier_missing, other.tier_missing),
            merged(self.side_caps, other.side_caps),
        )


@dataclass(frozen=True, eq=False)
class _Basis:
    """What portfolios are assessed on.

    Attributes
    ----------
    paths : adverse paths
    bounded : (instruments + 1,) without a row in them
    reference_risk : risk numbers of the reference positions
    """

    paths: AdversePaths
    bounded: BoolArray
    reference_risk: RiskNumbers


class Assessor:
    """Assesses portfolios as of one snapshot.

    Parameters
    ----------
    snapshot : forecasts, joint scenarios and venue tiers at one instant
    policy : budgets and caps

    Attributes
    ----------
    instruments : every one of the market, the scenarios and the tiers, sorted by name: what portfolios are coded in
    market : symbols of the market
    states : what the data of the instruments are worth
    references : one account of unit equity per reference position: both sides of the symbols of highest turnover
    """

    def __init__(self, snapshot: Snapshot, policy: PolicyConfig) -> None:
        market = snapshot.symbols["symbol"].astype("str").tolist()
        tiered = [] if snapshot.tiers is None else snapshot.tiers["symbol"].astype("str").unique().tolist()
        self.policy = policy
        self.market = frozenset(market)
        self.instruments = tuple(sorted({*perpetuals((*market, *tiered)), *snapshot.scenarios.instruments}))
        self.states: SymbolStates = symbol_states(snapshot, self.instruments)
        self.references = self._find_references(snapshot)
        self._sheet = margin_sheet(
            snapshot.tiers,
            self.instruments,
            maintenance_margin_rate=policy.maintenance_margin_rate,
            missing_tier_max_leverage=policy.missing_tier_max_leverage,
            missing_tier_maintenance_share=policy.missing_tier_maintenance_share,
        )
        self._conservative = self._basis(self._paths(snapshot))
        self._last_good = self._conservative
        if self.states.last_good.any():
            self._last_good = self._basis(self._conservative.paths.at_last_good())
        none = [None] * len(self.references)
        self.assess(self.references, Terms.of(none, None, policy))  # compiles: later calls touch no file

    def assess(self, portfolio: Portfolio, terms: Terms) -> Assessment:
        """Assessment of every account with positions that are not scored from data at the bound.

        An account without a position gets that of its most restrictive reference position. A reference in a symbol
        that is out stays, at the bound.
        """
        return self._assess(portfolio, terms, self._conservative)

    def assess_last_good(self, portfolio: Portfolio, terms: Terms) -> Assessment:
        """The same with what is out at its last good data, where it has any."""
        return self._assess(portfolio, terms, self._last_good)

    def _assess(self, portfolio: Portfolio, terms: Terms, basis: _Basis) -> Assessment:
        gross = portfolio.gross_notional
        with np.errstate(divide="ignore", over="ignore"):
            room = (portfolio.equity - self._maintenance(portfolio)) / gross  # inf without a position
        risk = risk_numbers(portfolio, basis.paths, self.policy, room)
        assessment = self._assessment(portfolio, risk, terms, basis)
        flat = gross == 0
        if not flat.any():
            return assessment
        return self._with_references(assessment, portfolio.equity, terms, flat, basis)

    def touches(self, portfolio: Portfolio, mask: BoolArray) -> BoolArray:
        """(accounts,) whether a position, or without any a reference position, is in an instrument of the mask."""
        references = bool(mask[self.references.instrument].any())
        flat: BoolArray = portfolio.gross_notional == 0
        return any_held(portfolio, mask) | (flat & references)

    def _with_references(
        self, assessment: Assessment, equity: FloatArray, terms: Terms, flat: BoolArray, basis: _Basis
    ) -> Assessment:
        """Put the most restrictive of the reference positions in the place of the accounts without a position."""
        candidates = len(self.references)
        held = self._hold_references(equity[flat])
        which = np.tile(np.arange(candidates), int(flat.sum()))
        risk = RiskNumbers(*(getattr(basis.reference_risk, name)[which] for name in _RISK_FIELDS))
        bounded = np.full(len(held), basis.bounded[self.references.instrument].any())
        each = terms.take(np.repeat(np.flatnonzero(flat), candidates))
        tried = self._assessment(held, risk, each, basis, flags=(bounded, bounded))
        limits = tried.caps.tightest()[0].reshape(-1, candidates)
        tried.side_caps[:] = limits.reshape(len(limits), -1, 2).min(axis=1).repeat(candidates, axis=0)
        return assessment.replace(flat, tried, np.arange(len(limits)) * candidates + limits.argmin(axis=1))

    def assess_fresh(self, portfolio: Portfolio, terms: Terms) -> Assessment:
        """Assessment of accounts whose one position has its notional, and as equity whatever the limit asks for."""
        risk = risk_numbers(portfolio, self._conservative.paths, self.policy)
        size = np.abs(portfolio.notional)
        maintenance = maintenance_margin(self._sheet, portfolio.instrument, portfolio.notional) / size
        with np.errstate(divide="ignore"):
            tiers = size / initial_margin(self._sheet, portfolio.instrument, portfolio.notional)
        return self._assessment(
            portfolio, risk, terms, self._conservative, None, tiers, lambda loss: 1.0 / (loss + maintenance)
        )

    def _assessment(
        self,
        portfolio: Portfolio,
        risk: RiskNumbers,
        terms: Terms,
        basis: _Basis,
        flags: tuple[BoolArray, BoolArray] | None = None,
        tiers: FloatArray | None = None,
        liquidation: Callable[[FloatArray], FloatArray] | None = None,
    ) -> Assessment:
        """`flags` are what is bounded and incomplete, by the positions where None. `liquidation` turns a loss into a
        leverage; it and `tiers` are solved along the portfolio by default.
        """
        bounded, incomplete = flags or self._coverage(portfolio, basis.bounded)
        inputs = ConstraintInputs(
            risk=risk,
            terms=terms,
            incomplete=incomplete,
            tier_cap=tier_cap(portfolio, self._sheet) if tiers is None else tiers,
            leverage_at_loss=liquidation or (lambda loss: liquidation_cap(portfolio, self._sheet, loss)),
            policy=self.policy,
        )
        tier_missing = any_held(portfolio, self._sheet.missing)
        sides = np.full((len(portfolio), 2), np.nan)
        return Assessment(risk, account_caps(inputs), bounded, incomplete, tier_missing, sides)

    def _coverage(self, portfolio: Portfolio, bounded: BoolArray) -> tuple[BoolArray, BoolArray]:
        """(accounts,) whether a position counts at the bound, and whether too large a share of them does."""
        held = any_held(portfolio, bounded)
        if not held.any():
            return held, held
        return held, held & (share_held(portfolio, bounded) > self.policy.fallback_share)

    def _paths(self, snapshot: Snapshot) -> AdversePaths:
        """Adverse paths of the symbols that are scored from data; the bound covers all that have scenarios."""
        place = {instrument.name: i for i, instrument in enumerate(self.instruments)}
        used = [not self.states.out[place[instrument.name]] for instrument in snapshot.scenarios.instruments]
        return adverse_paths(
            snapshot.scenarios,
            snapshot.stressed_factor,
            np.array(used, dtype=np.bool_),
            (snapshot.bound, snapshot.stressed_bound),
        )

    def _basis(self, paths: AdversePaths) -> _Basis:
        return _Basis(paths, paths.codes(self.instruments) < 0, risk_numbers(self.references, paths, self.policy))

    def _maintenance(self, portfolio: Portfolio) -> FloatArray:
        margin = maintenance_margin(self._sheet, portfolio.instrument, portfolio.notional)
        return np.asarray(np.bincount(portfolio.account, margin, minlength=len(portfolio)), dtype=np.float64)

    def _find_references(self, snapshot: Snapshot) -> Portfolio:
        """One account of unit equity per reference position; an unknown symbol where nothing is known to trade."""
        largest = largest_symbols(snapshot, self.policy.reference_symbols)
        held = [self.instruments.index(instrument) for instrument in perpetuals(largest)]
        code = np.array(held or [-1], dtype=np.int64)
        side = np.tile([1.0, -1.0], len(code))
        return Portfolio(self.instruments, np.ones(len(side)), np.arange(len(side) + 1), np.repeat(code, 2), side)

    def _hold_references(self, equity: FloatArray) -> Portfolio:
        """For each equity, one account per reference position, at leverage one."""
        each = np.repeat(equity, len(self.references))
        return Portfolio(
            self.instruments,
            each,
            np.arange(len(each) + 1),
            np.tile(self.references.instrument, len(equity)),
            np.tile(self.references.notional, len(equity)) * each,
        )
