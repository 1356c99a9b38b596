"""Why an account has its limit: its caps, what each position adds to its risk, and its worst scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap import book
from levercap.book import clean_book, read_book
from levercap.core.errors import DataError, Finding, Severity
from levercap.core.instrument import perpetuals
from levercap.core.names import IntArray, Status
from levercap.core.portfolio import Portfolio
from levercap.core.quality import SymbolState
from levercap.core.scenario import ScenarioSet
from levercap.limits.drivers import drivers
from levercap.limits.symbol_states import SymbolStates, symbol_states
from levercap.policy import LIMIT_REASONS, binding_constraint
from levercap.storage.manifest import sha256
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import read_snapshot
from levercap.storage.tables import as_text

__all__ = ["explain"]

UNSUPPORTED: Final = "(no linear perpetual)"
"""Stands for the symbol of positions of an unsupported kind."""


def explain(
    scores: Path,
    account: str,
    as_of: pd.Timestamp | None = None,
    accounts_path: Path | None = None,
    positions_path: Path | None = None,
) -> dict[str, Any]:
    """Everything that explains one account's limit, as plain values.

    Parameters
    ----------
    scores : folder that `score` wrote to
    account : account_id
    as_of : which scoring run; None is the latest
    accounts_path, positions_path : the book that was scored; None leaves positions and scenarios out

    Returns
    -------
    limit : the account's row of the limits
    reasons : code and meaning
    caps : cap (name of the constraint), max_leverage and binding of every finite cap, smallest first
    relief : smallest cap above the limit: what would bind next, or binds without the guardrail that holds the limit
    guardrail : the limit before the guardrails, as the caps alone allow it, when they moved it, else None
    shock_barrier : loss that the shock probability refers to, as configured; None when the run does not state it
    changed_inputs : those of the given files that are not what was scored
    hold : for an account with the reason ``held`` the limit before and the one to return to, else None
    out : symbol, state and hours_out of the account's symbols that are not scored from data
    positions, scenarios : what the risk consists of; empty without a book

    Raises
    ------
    DataError : no such run, account or book
    """
    run = ScoringRun.find(scores, as_of)
    row = _row(pd.read_parquet(run.limits), account, run)
    result: dict[str, Any] = {
        "folder": run.folder,
        **_limit(row),
        "shock_barrier": run.read_summary().get("settings", {}).get("policy", {}).get("shock_barrier"),
        "changed_inputs": _changed_inputs(run, {"accounts": accounts_path, "positions": positions_path}),
        "out": [],
        "positions": [],
        "scenarios": [],
    }
    if accounts_path is None or positions_path is None or row["status"] == Status.REJECTED:
        return result
    return result | _positions(run, account, accounts_path, positions_path, row["status"] == Status.HELD.value)


def _limit(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the account's row alone explains: reasons, caps, the next cap and the guardrail."""
    caps = _caps(row)
    looser = [cap for cap in caps if cap["max_leverage"] > row["max_leverage"]]
    unguarded = row["unguarded_max_leverage"]
    return {
        "limit": row,
        "reasons": [{"code": code, "meaning": _meaning(code)} for code in row["reasons"].split(";") if code],
        "caps": caps,
        "relief": looser[0] if looser else None,
        "guardrail": None if unguarded == row["max_leverage"] else unguarded,
        "hold": _hold(row) if row["status"] == Status.HELD.value else None,
    }


def _hold(row: Mapping[str, Any]) -> dict[str, Any]:
    """Limit in force before, what the last good data allow, and what the limit returns to when data return."""
    resume = row.get("resume_max_leverage")
    return {
        "previous": row["previous_max_leverage"],
        "last_computed": row["unguarded_max_leverage"],
        "resume": row["max_leverage"] if resume is None else resume,
    }


def _row(limits: pd.DataFrame, account: str, run: ScoringRun) -> dict[str, Any]:
    found = limits[limits["account_id"] == account]
    if found.empty:
        near = tuple(limits["account_id"].head(3))
        message = f"no account {account!r} among {len(limits):,}"
        finding = Finding("account_unknown", Severity.FATAL, str(run.limits), message, 1, near)
        raise DataError("the account cannot be explained", [finding])
    return {str(name): _value(value) for name, value in found.iloc[0].items()}


def _meaning(code: str) -> str:
    """Meaning of a reason code, whether it comes from the policy or from the book."""
    return LIMIT_REASONS.get(code) or book.REJECTION_REASONS[code].message


def _caps(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Finite caps, smallest first; the binding one leads its ties."""
    caps = [(name.removeprefix("cap_"), value) for name, value in row.items() if name.startswith("cap_")]
    finite = [(name, value) for name, value in caps if value is not None and np.isfinite(value)]
    binding = binding_constraint(row["binding"])
    ordered = sorted(finite, key=lambda cap: (cap[1], cap[0] != binding))
    return [{"cap": name, "max_leverage": value, "binding": name == binding} for name, value in ordered]


def _changed_inputs(run: ScoringRun, given: Mapping[str, Path | None]) -> list[str]:
    """Names of the given files whose sha256 differs from the one the scoring run states; folders are not compared."""
    stated = run.provenance()
    return [
        str(path)
        for name, path in given.items()
        if path is not None and path.exists() and stated.get(f"{name}_sha256", sha256(path)) != sha256(path)
    ]


def _positions(run: ScoringRun, account: str, accounts_path: Path, positions_path: Path, held: bool) -> dict[str, Any]:
    """Positions with their parts of the path ES, and the worst scenarios, of an account of the given book."""
    snapshot = read_snapshot(run.snapshot)
    accounts, positions = read_book(accounts_path, positions_path)
    mine = [frame[np.array(as_text(frame["account_id"]).to_pylist()) == account] for frame in (accounts, positions)]
    if mine[0].empty:
        message = f"no account {account!r}; is it the book that was scored?"
        raise DataError(
            "the book cannot be used", [Finding("account_unknown", Severity.FATAL, str(accounts_path), message)]
        )
    known_symbols = tuple(snapshot.symbols["symbol"])
    unknown_symbols = set(as_text(mine[1]["symbol"]).to_pylist()) - {*known_symbols, ""}  # kept, to be shown by name
    portfolio = clean_book(mine[0], mine[1], perpetuals((*known_symbols, *sorted(unknown_symbols)))).portfolio
    states = symbol_states(snapshot, portfolio.instruments)
    rows = _scenario_rows(portfolio, snapshot.scenarios)
    facts = snapshot.symbols.set_index("symbol")
    out = states.out[portfolio.instrument]
    known = (rows >= 0) & (~out | held)  # a limit that is held rests on the last good scenarios
    parts = np.full(len(rows), np.nan)
    worst: list[dict[str, Any]] = []
    names = [portfolio.instruments[code].name if code >= 0 else UNSUPPORTED for code in portfolio.instrument]
    if known.all() and len(rows):
        split = drivers(portfolio.share, rows, snapshot.scenarios)
        parts = split.contribution
        starts = pd.DatetimeIndex(snapshot.scenarios.starts).tz_localize("UTC")
        worst = [
            {"start": starts[s], "hour": int(h), "path_loss": float(x), "worst_position": names[c]}
            for s, x, h, c in zip(split.scenario, split.loss, split.hour, split.worst_position, strict=True)
        ]
    lines = [
        {
            "symbol": name,
            "notional": float(notional),
            "share": float(share),
            "volatility": _value(facts["volatility"].get(name)),
            "path_es_part": _value(part),
        }
        for name, notional, share, part in zip(names, portfolio.notional, portfolio.share, parts, strict=True)
    ]
    return {"positions": lines, "scenarios": worst, "out": _out(portfolio, states, facts)}


def _out(portfolio: Portfolio, states: SymbolStates, facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Symbols held that are not scored from data, with their state and since when."""
    codes = portfolio.instrument[states.out[portfolio.instrument]].tolist()
    names = [(portfolio.instruments[code], code) for code in codes if code >= 0]
    return [
        {
            "symbol": instrument.name,
            "state": facts["state"].get(instrument.underlying, SymbolState.UNKNOWN.value),
            "hours_out": float(states.hours_out[code]) if np.isfinite(states.hours_out[code]) else None,
        }
        for instrument, code in names
    ]


def _scenario_rows(portfolio: Portfolio, scenarios: ScenarioSet) -> IntArray:
    """(positions,) row of each position's instrument in the scenarios, -1 where it has none."""
    rows = {instrument.name: i for i, instrument in enumerate(scenarios.instruments)}
    by_code = np.array([*(rows.get(instrument.name, -1) for instrument in portfolio.instruments), -1], dtype=np.int64)
    return by_code[portfolio.instrument]


def _value(value: Any) -> Any:
    """Plain value: not-a-number is None, numpy scalars are Python's."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
