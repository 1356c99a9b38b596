"""Predictor: one snapshot of the market in, limits for any accounts out. Touches no file and no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from levercap.book import Book, clean_book
from levercap.config import Config
from levercap.core.errors import Finding
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.names import BoolArray, FloatArray, Side, Status
from levercap.core.portfolio import Portfolio
from levercap.core.snapshot import Snapshot
from levercap.limits.assessor import Assessment, Assessor
from levercap.limits.flat_headroom import flat_headroom
from levercap.limits.frame import (
    RISK_COLUMNS,
    assemble,
    limit_columns,
    pass_through,
    spread,
    symbol_limit_columns,
)
from levercap.limits.hold import Hold, hold_limits
from levercap.limits.previous import PreviousLimits, previous_limits
from levercap.limits.symbol_states import any_held
from levercap.policy import (
    GUARDRAIL,
    Guarded,
    Terms,
    account_actions,
    apply_guardrails,
    join_reasons,
    jurisdiction_findings,
    rejected_actions,
)

__all__ = ["Predictor"]


class Predictor:
    """Limits for accounts and symbols as of one snapshot.

    Parameters
    ----------
    snapshot : forecasts, joint scenarios and venue tiers at one instant
    config : policy and guardrails
    noticed : findings about the snapshot, which `clean` puts before those of the book

    Raises
    ------
    ModelError
        when the snapshot holds scenario returns or stressed factors that are not finite or beyond all measure
    """

    def __init__(self, snapshot: Snapshot, config: Config, noticed: tuple[Finding, ...] = ()) -> None:
        self.snapshot = snapshot
        self.config = config
        self._noticed = noticed
        self._assessor = Assessor(snapshot, config.policy)

    def predict(
        self, accounts: pd.DataFrame, positions: pd.DataFrame, previous: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Limits of the accounts of a book as it comes in: `clean`, then `score`.

        A row depends on its own account only: it is the same, bit for bit, alone or in any batch.

        Parameters
        ----------
        accounts, positions : as in `clean`
        previous : as in `score`

        Raises
        ------
        DataError
            when a required column is missing, there is no account, or `previous` cannot be read
        """
        return self.score(self.clean(accounts, positions), previous)

    def clean(self, accounts: pd.DataFrame, positions: pd.DataFrame) -> Book:
        """Book coded in the instruments of the market, the scenarios and the tiers together.

        So an instrument that only the tiers know keeps its margin. Its findings report every symbol as unknown that the
        market does not know, whatever the tiers say.

        Parameters
        ----------
        accounts : account_id, equity, segment; optional jurisdiction, previous_max_leverage; other columns pass
            through, as ``input_<name>`` where the name is one of `limit_columns`
        positions : account_id, symbol, notional (signed, quote currency); accounts seen here only are appended,
            rejected

        Raises
        ------
        DataError
            when a required column is missing or there is no account
        """
        book = clean_book(accounts, positions, self._assessor.instruments, market=self._assessor.market)
        noticed = jurisdiction_findings(accounts, self.config.policy)
        return dataclasses.replace(book, findings=(*self._noticed, *book.findings, *noticed))

    def score(self, book: Book, previous: pd.DataFrame | None = None) -> pd.DataFrame:
        """Limits frame: one row for every account that came in, in input order, with `limit_columns` first.

        Parameters
        ----------
        book : made by `clean` of this predictor
        previous : limits of earlier runs: account_id, max_leverage, optional as_of (UTC). The latest row of an
            account that is not after the snapshot counts, before the accounts' own previous_max_leverage, which is
            taken to be `guardrails.previous_age_days` old. Optional resume_max_leverage: what a limit returns to when
            data that were out then are back.

        Raises
        ------
        DataError
            when `previous` cannot be read
        ValueError
            when the book is coded in other instruments
        """
        if book.portfolio.instruments != self._assessor.instruments:
            raise ValueError("the book is coded in other instruments than those of the snapshot: use Predictor.clean")
        before = previous_limits(book.accounts, previous, self.snapshot.as_of, self.config.guardrails.previous_age_days)
        columns = {name: spread(x, book) for name, x in self._score(book, before.take(book.rows)).items()}
        if book.rejected.any():
            _fill_rejected(columns, book, before)
        columns["account_id"] = book.accounts["account_id"].array
        columns["previous_max_leverage"] = np.where(np.isneginf(before.limit), np.nan, before.limit)
        limits = assemble(limit_columns(), {**columns, **self._provenance}, self.snapshot.as_of)
        return pd.concat([limits, pass_through(book.accounts)], axis=1)

    def symbol_limits(self) -> pd.DataFrame:
        """Limits of a fresh position of `policy.symbol_limit_notional` in every symbol of the market and side.

        Columns are `symbol_limit_columns`. The strictest profile and the default jurisdiction apply. Status is
        ``fallback`` for a symbol that is not scored from data.
        """
        market = self.snapshot.symbols["symbol"].astype("str").to_numpy(dtype=object)
        none = [None] * (2 * len(market))
        fresh = self._fresh_positions(perpetuals(tuple(market)))
        assessment = self._assessor.assess_fresh(fresh, Terms.of(none, None, self.config.policy))
        limit, binding = assessment.caps.tightest()
        columns = {
            "symbol": np.repeat(market, 2),
            "side": np.tile(np.array([Side.LONG.value, Side.SHORT.value], dtype=object), len(market)),
            "status": _status(assessment.incomplete, np.zeros(len(limit), dtype=bool)),
            "max_leverage": limit,
            "binding": binding,
            **{name: getattr(assessment.risk, name) for name in RISK_COLUMNS},
            **assessment.caps.bound,
        }
        return assemble(symbol_limit_columns(), {**columns, **self._provenance}, self.snapshot.as_of)

    def _fresh_positions(self, held: tuple[Instrument, ...]) -> Portfolio:
        """Two accounts per instrument, one long and one short, at leverage one."""
        instruments, stake = self._assessor.instruments, self.config.policy.symbol_limit_notional
        place = {instrument: i for i, instrument in enumerate(instruments)}
        code = np.repeat([place[instrument] for instrument in held], 2).astype(np.int64)
        notional = np.tile([stake, -stake], len(held))
        return Portfolio(instruments, np.full(len(code), stake), np.arange(len(code) + 1), code, notional)

    @property
    def _provenance(self) -> dict[str, str]:
        return {name: getattr(self.snapshot, name) for name in ("bundle_id", "config_hash", "data_hash")}

    def _score(self, book: Book, previous: PreviousLimits) -> dict[str, Any]:
        """Columns of the accounts that are not rejected."""
        policy, portfolio = self.config.policy, book.portfolio
        gross, equity = portfolio.gross_notional, portfolio.equity
        rows = book.accounts.iloc[book.rows] if len(book.rows) < len(book.accounts) else book.accounts
        places = _column(rows, "jurisdiction") if "jurisdiction" in rows.columns else None
        terms = Terms.of(_column(rows, "segment"), places, policy)
        assessment = self._assessor.assess(portfolio, terms)
        assessment, hold = hold_limits(self._assessor, portfolio, terms, assessment, previous, self.config.guardrails)
        doubtful = self._assessor.touches(portfolio, self._assessor.states.doubtful)
        unguarded, binding = assessment.caps.tightest()
        no_rise = assessment.incomplete | doubtful
        guarded = self._guarded(unguarded, previous, hold, no_rise)
        limit = guarded.max_leverage
        with np.errstate(over="ignore", invalid="ignore"):
            leverage = gross / equity
            headroom = limit * equity - gross
            effect = limit - unguarded
        flags = self._flags(portfolio, hold, doubtful) | _account_flags(
            book, previous.limit, assessment, terms, guarded
        )
        return {
            "status": _status(assessment.incomplete, hold.held),
            "max_leverage": limit,
            "unguarded_max_leverage": unguarded,
            "guardrail_effect": effect,
            "effective_leverage": leverage,
            "resume_max_leverage": np.where((hold.out | doubtful) & (hold.resume > limit), hold.resume, np.nan),
            "headroom": headroom,
            **flat_headroom(assessment.side_caps, equity, limit, hold.out, previous, no_rise, self.config),
            **{name: getattr(assessment.risk, name) for name in RISK_COLUMNS},
            "binding": np.where(limit == unguarded, binding, GUARDRAIL),
            **assessment.caps.bound,
            "action": account_actions(
                leverage, limit, assessment.risk.liquidation_probability, assessment.bounded, policy
            ),
            "reasons": join_reasons(flags | {"above_limit": leverage > limit}),
        }

    def _guarded(self, unguarded: FloatArray, previous: PreviousLimits, hold: Hold, no_rise: BoolArray) -> Guarded:
        """Limits after the hold and the guardrails."""
        config, fallback = self.config.guardrails, self.config.policy.fallback_max_leverage
        guarded = apply_guardrails(unguarded, previous.limit, previous.days, no_rise, fallback, config, previous.resume)
        if not hold.held.any():
            return guarded
        return Guarded(
            np.where(hold.held, hold.limit, guarded.max_leverage),
            guarded.rise_limited & ~hold.held,
            guarded.rise_held & ~hold.held,
            guarded.failed_closed & ~hold.held,
        )

    def _flags(self, portfolio: Portfolio, hold: Hold, doubtful: BoolArray) -> dict[str, BoolArray]:
        """Reason codes that speak of data, (accounts,) each."""
        flat = portfolio.gross_notional == 0
        held = {code: any_held(portfolio, mask) for code, mask in self._assessor.states.reasons.items()}
        return {
            "no_position": flat,
            **held,
            "symbol_doubtful": doubtful,
            "reference_out": hold.out & flat,
            "held": hold.held,
        }


def _account_flags(
    book: Book, previous: FloatArray, assessment: Assessment, terms: Terms, guarded: Guarded
) -> dict[str, BoolArray]:
    """Reason codes that speak of the account and of its guardrails, (accounts,) each."""
    return {
        "tier_missing": assessment.tier_missing & (book.portfolio.gross_notional > 0),
        "kind_not_supported": book.unsupported,
        "segment_unknown": terms.segment_unknown,
        "jurisdiction_unknown": terms.jurisdiction_unknown,
        "previous_invalid": ~np.isnan(previous) & ~((previous > 0) & (previous < np.inf)),
        "failed_closed": guarded.failed_closed,
        "rise_limited": guarded.rise_limited,
        "rise_held": guarded.rise_held,
    }


def _fill_rejected(columns: dict[str, Any], book: Book, previous: PreviousLimits) -> None:
    """Rejected accounts: no leverage, everything they hold is above it, and the book's reasons. What they were to
    resume stays.
    """
    gross, rejected = book.rejected_gross, book.rejected
    columns["headroom"][rejected] = 0.0 - gross
    resume = np.where(previous.usable & (previous.resume > previous.limit), previous.resume, np.nan)
    columns["resume_max_leverage"][rejected] = resume[rejected]
    columns["action"][rejected] = rejected_actions(gross)
    columns["status"][rejected] = Status.REJECTED.value
    columns["binding"][rejected] = Status.REJECTED.value
    columns["reasons"][rejected] = [";".join(book.reasons[row]) for row in np.flatnonzero(rejected)]
    for name in ("max_leverage", "unguarded_max_leverage", "guardrail_effect"):
        columns[name][rejected] = 0.0


def _status(incomplete: BoolArray, held: BoolArray) -> Any:
    status = np.where(incomplete, Status.FALLBACK.value, Status.SCORED.value)
    return np.where(held, Status.HELD.value, status).astype(object)


def _column(frame: pd.DataFrame, name: str) -> Sequence[object]:
    return frame[name].tolist() if name in frame.columns else [None] * len(frame)
