"""Verbs about limits: score, replay, explain."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levercap.cli.arguments import (
    END,
    Verbs,
    add_verb,
    book_flags,
    bundle_flag,
    bundle_of,
    config_of,
    hours,
    instant,
    instant_or_end,
    log_findings,
    market_flag,
    market_of,
    reason,
    timestamp_of,
    window_flags,
    window_of,
)
from levercap.cli.progress import progress_bar
from levercap.cli.result import Result, pairs, table
from levercap.config import Config, load_config
from levercap.config.reading import read_environment
from levercap.core.errors import ConfigError, Finding, Severity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["register"]

logger = logging.getLogger(__name__)

REPLAYED_DAYS = 180


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "score", score, "a limit for every account of a book")
    bundle_flag(verb)
    state = verb.add_mutually_exclusive_group(required=True)
    market_flag(state, required=False)
    state.add_argument("--snapshot", type=Path, metavar="FOLDER", help="market as snapshot/ of an earlier scoring run")
    book_flags(verb)
    verb.add_argument("--previous", type=Path, metavar="PATH", help="earlier limits, or a folder of scoring runs")
    verb.add_argument(
        "--as-of",
        type=instant_or_end,
        metavar="DATE",
        help="instant of the limits (default: the present hour); end: the end of the market, however long ago",
    )
    verb.add_argument("--now", type=instant, metavar="DATE", help="the present hour (default: by the clock)")
    verb.add_argument(
        "--max-age", type=hours, metavar="3h", help="refuse a market that ended longer before (default: 3h)"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets a folder as_of=... per run")
    verb.add_argument(
        "--publish-anyway", type=reason, metavar="REASON", help="publish a run that the breaker holds back; recorded"
    )

    verb = add_verb(verbs, "replay", replay, "daily limits of a fixed book over a period, and the policy's evidence")
    market_flag(verb)
    book_flags(verb)
    window_flags(verb, REPLAYED_DAYS)
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "explain", explain, "why an account has its limit, and what would change it")
    verb.add_argument("account", metavar="ACCOUNT", help="account_id")
    verb.add_argument("--scores", type=Path, required=True, metavar="FOLDER", help="what score wrote to")
    book_flags(verb, required=False)
    verb.add_argument("--as-of", type=instant, metavar="DATE", help="which scoring run (default: the latest)")


def score(flags: argparse.Namespace) -> Result:
    """Write limits for every account, whole or not at all."""
    from levercap.workflows.score import score as run

    summary = run(
        flags.bundle,
        accounts_path=flags.accounts,
        positions_path=flags.positions,
        out=flags.out,
        market_folder=flags.market,
        snapshot_folder=flags.snapshot,
        previous=flags.previous,
        as_of=_instant_to_score(flags),
        max_age_hours=flags.max_age,
        config=_policy(flags),
        publish_anyway=flags.publish_anyway,
    )
    found = summary["findings"]
    findings = [
        Finding(**{**f, "severity": Severity(f["severity"]), "examples": tuple(f.get("examples", ()))}) for f in found
    ]
    log_findings("market and book", findings, "summary.json says more")
    held = summary["outcome"] == "held"
    for finding in findings if held else ():
        if finding.severity is Severity.FATAL:
            logger.error("held back: %s (%s)", finding.message, finding.hint)
    return Result(_score_text(summary), summary, findings, exit_code=1 if held else 0)


def _instant_to_score(flags: argparse.Namespace) -> pd.Timestamp | None:
    """Instant of the limits: as given, else the present hour; None is the end of the market."""
    if flags.as_of == END:
        return None
    return timestamp_of(flags.as_of or flags.now or datetime.now(UTC)).floor("h")


def _policy(flags: argparse.Namespace) -> Config | None:
    """Configuration to score with: ``--config``, else the bundle's under the environment; None is the bundle's own."""
    if flags.config is not None:
        return config_of(flags)
    if not read_environment(os.environ):
        return None
    return load_config(defaults=bundle_of(flags.bundle).config)


def _score_text(summary: Mapping[str, Any]) -> str:
    """The counts a risk officer reads first."""
    totals = summary["totals"]
    facts = pairs(
        {
            "as of": summary["provenance"]["as_of"],
            "outcome": "; ".join(["held back, not published", *(trip["message"] for trip in summary["tripped"])])
            if summary["outcome"] == "held"
            else "published",
            "accounts": summary["accounts"],
            "over their limit": summary["over_limit"],
            "to reduce, quote currency": totals["to_reduce"],
            "written to": summary["folder"],
        }
    )
    names = [name for name in ("status", "action", "binding", "reasons") if summary[name]]
    counts = [table([name, "accounts"], list(summary[name].items())) for name in names]
    limits = table(
        ["max_leverage", "accounts", "5 %", "median", "95 %"],
        [[name, q["accounts"], q["q05"], q["q50"], q["q95"]] for name, q in summary["max_leverage"].items()],
    )
    return "\n\n".join([facts, *counts, limits])


def replay(flags: argparse.Namespace) -> Result:
    """Score a fixed book on every day of the window with models fitted on earlier days only."""
    from levercap.book import read_book
    from levercap.workflows.replay import replay as run

    config = config_of(flags)
    accounts, positions = read_book(flags.accounts, flags.positions)
    market = market_of(flags, config)
    start, stop = window_of(flags, market.panel.end, REPLAYED_DAYS)
    with progress_bar("replay", flags.quiet) as report:
        evidence = run(market, accounts, positions, start, stop, config, flags.out, progress=report)
    plain = {name: value for name, value in evidence.items() if not isinstance(value, Mapping | list)}
    return Result(pairs({**plain, "written to": flags.out}), evidence, market.findings)


def explain(flags: argparse.Namespace) -> Result:
    """Caps, risk numbers, positions, worst scenarios and what would change the limit of one account."""
    from levercap.cli.explanation import explanation_text
    from levercap.workflows.explain import explain as run

    if (flags.accounts is None) != (flags.positions is None):
        raise ConfigError("--accounts and --positions belong together")
    as_of = None if flags.as_of is None else timestamp_of(flags.as_of)
    answer = run(flags.scores, flags.account, as_of, flags.accounts, flags.positions)
    findings = [_changed(name) for name in answer["changed_inputs"]]
    for finding in findings:
        logger.warning("%s: %s", finding.where, finding.message)
    return Result(explanation_text(answer), answer, findings)


def _changed(where: str) -> Finding:
    message = "not the file that was scored (sha256 differs): positions and scenarios may not belong to this limit"
    return Finding("book_changed", Severity.WARNING, where, message, hint="the accounts and positions that were scored")
