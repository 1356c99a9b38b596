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
from levercap.policy import Caps, ConstraintInputs, Terms, account_caps
from levercap.risk import adverse_paths, risk_numbers
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
    """Risk numbers and caps of accounts, and what their data lacks; every array is (accounts,).

    Attributes
    ----------
    risk : risk numbers
    caps : bound of every constraint
    stale, unknown : holds a symbol whose data has stopped, or that the market does not know
    tier_missing : holds a symbol for which a venue that has tiers states none
    """

    risk: RiskNumbers
    caps: Caps
    stale: BoolArray
    unknown: BoolArray
    tier_missing: BoolArray

    @property
    def incomplete(self) -> BoolArray:
        """Whether a symbol held has no forecast."""
        return self.stale | self.unknown

    def replace(self, accounts: BoolArray, other: Assessment, rows: IntArray) -> Assessment:
        """The same with the marked accounts taken from the given rows of another assessment."""

        def merged(mine: Any, theirs: Any) -> Any:
            out = mine.copy()
            out[accounts] = theirs[rows]
            return out

        return Assessment(
            RiskNumbers(*(merged(getattr(self.risk, name), getattr(other.risk, name)) for name in _RISK_FIELDS)),
            self.caps.replace(accounts, other.caps, rows),
            merged(self.stale, other.stale),
            merged(self.unknown, other.unknown),
            merged(self.tier_missing, other.tier_missing),
        )


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
    """

    def __init__(self, snapshot: Snapshot, policy: PolicyConfig) -> None:
        market = snapshot.symbols["symbol"].astype("str").tolist()
        tiered = [] if snapshot.tiers is None else snapshot.tiers["symbol"].astype("str").unique().tolist()
        self.policy = policy
        self.market = frozenset(market)
        self.instruments = tuple(sorted({*perpetuals((*market, *tiered)), *snapshot.scenarios.instruments}))
        self._paths = adverse_paths(snapshot.scenarios, snapshot.stressed_factor)
        self._sheet = margin_sheet(
            snapshot.tiers,
            self.instruments,
            maintenance_margin_rate=policy.maintenance_margin_rate,
            missing_tier_max_leverage=policy.missing_tier_max_leverage,
            missing_tier_maintenance_share=policy.missing_tier_maintenance_share,
        )
        without_scenario = self._paths.codes(self.instruments) < 0  # the last entry of every mask is for code -1
        in_market = np.array([*(instrument.underlying in self.market for instrument in self.instruments), False])
        self._stale, self._unknown = without_scenario & in_market, without_scenario & ~in_market
        self._references = self._find_references(snapshot)
        self._reference_risk = risk_numbers(self._references, self._paths, policy)
        none = [None] * len(self._references)
        self.assess(self._references, Terms.of(none, None, policy))  # compiles: later calls touch no file

    def assess(self, portfolio: Portfolio, terms: Terms) -> Assessment:
        """Assessment of every account; one without a position gets that of its most restrictive reference position.

        The reference positions are both sides of the symbols of highest turnover, at leverage one. One whose symbol has
        lost its forecast stays among them, at the bound, and makes all accounts without a position incomplete.
        """
        gross = portfolio.gross_notional
        with np.errstate(divide="ignore", over="ignore"):
            room = (portfolio.equity - self._maintenance(portfolio)) / gross  # inf without a position
        risk = risk_numbers(portfolio, self._paths, self.policy, room)
        stale, unknown = _any(portfolio, self._stale), _any(portfolio, self._unknown)
        assessment = self._assessment(portfolio, risk, terms, stale, unknown)
        flat = gross == 0
        return self._with_references(assessment, portfolio.equity, terms, flat) if flat.any() else assessment

    def _with_references(self, assessment: Assessment, equity: FloatArray, terms: Terms, flat: BoolArray) -> Assessment:
        """Put the most restrictive of the reference positions in the place of the accounts without a position."""
        candidates = len(self._references)
        held = self._hold_references(equity[flat])
        which = np.tile(np.arange(candidates), int(flat.sum()))
        risk = RiskNumbers(*(getattr(self._reference_risk, name)[which] for name in _RISK_FIELDS))
        stale, unknown = (
            np.full(len(held), mask[self._references.instrument].any()) for mask in (self._stale, self._unknown)
        )
        tried = self._assessment(held, risk, terms.take(np.repeat(np.flatnonzero(flat), candidates)), stale, unknown)
        worst = tried.caps.tightest()[0].reshape(-1, candidates).argmin(axis=1)
        return assessment.replace(flat, tried, np.arange(len(worst)) * candidates + worst)

    def assess_fresh(self, portfolio: Portfolio, terms: Terms) -> Assessment:
        """Assessment of accounts whose one position has its notional, and as equity whatever the limit asks for."""
        risk = risk_numbers(portfolio, self._paths, self.policy)
        size = np.abs(portfolio.notional)
        maintenance = maintenance_margin(self._sheet, portfolio.instrument, portfolio.notional) / size
        with np.errstate(divide="ignore"):
            tiers = size / initial_margin(self._sheet, portfolio.instrument, portfolio.notional)
        stale, unknown = _any(portfolio, self._stale), _any(portfolio, self._unknown)
        return self._assessment(portfolio, risk, terms, stale, unknown, tiers, lambda loss: 1.0 / (loss + maintenance))

    def _assessment(
        self,
        portfolio: Portfolio,
        risk: RiskNumbers,
        terms: Terms,
        stale: BoolArray,
        unknown: BoolArray,
        tiers: FloatArray | None = None,
        liquidation: Callable[[FloatArray], FloatArray] | None = None,
    ) -> Assessment:
        """`liquidation` turns a loss into a leverage; it and `tiers` are solved along the portfolio by default."""
        inputs = ConstraintInputs(
            risk=risk,
            terms=terms,
            incomplete=stale | unknown,
            tier_cap=tier_cap(portfolio, self._sheet) if tiers is None else tiers,
            leverage_at_loss=liquidation or (lambda loss: liquidation_cap(portfolio, self._sheet, loss)),
            policy=self.policy,
        )
        return Assessment(risk, account_caps(inputs), stale, unknown, _any(portfolio, self._sheet.missing))

    def _maintenance(self, portfolio: Portfolio) -> FloatArray:
        margin = maintenance_margin(self._sheet, portfolio.instrument, portfolio.notional)
        return np.asarray(np.bincount(portfolio.account, margin, minlength=len(portfolio)), dtype=np.float64)

    def _find_references(self, snapshot: Snapshot) -> Portfolio:
        """One account of unit equity per reference position; an unknown symbol where nothing is known to trade."""
        traded = snapshot.symbols.dropna(subset=["turnover"]).astype({"symbol": "str"})
        count = self.policy.reference_symbols
        largest = traded.sort_values(["turnover", "symbol"], ascending=[False, True]).head(count)
        held = [self.instruments.index(instrument) for instrument in perpetuals(tuple(largest["symbol"]))]
        code = np.array(held or [-1], dtype=np.int64)
        side = np.tile([1.0, -1.0], len(code))
        return Portfolio(self.instruments, np.ones(len(side)), np.arange(len(side) + 1), np.repeat(code, 2), side)

    def _hold_references(self, equity: FloatArray) -> Portfolio:
        """For each equity, one account per reference position, at leverage one."""
        each = np.repeat(equity, len(self._references))
        return Portfolio(
            self.instruments,
            each,
            np.arange(len(each) + 1),
            np.tile(self._references.instrument, len(equity)),
            np.tile(self._references.notional, len(equity)) * each,
        )


def _any(portfolio: Portfolio, flag: BoolArray) -> BoolArray:
    """(accounts,) whether any instrument held has the flag."""
    return np.bincount(portfolio.account, flag[portfolio.instrument], minlength=len(portfolio)) > 0
