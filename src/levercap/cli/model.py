"""Verbs about models: train, evaluate, forecast, promote."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from levercap.cli.arguments import (
    Verbs,
    add_verb,
    bundle_flag,
    bundle_of,
    config_of,
    hours,
    instant,
    market_flag,
    market_of,
    timestamp_of,
    window_flags,
    window_of,
)
from levercap.cli.inspect import config_text
from levercap.cli.progress import progress_bar
from levercap.cli.result import Result, pairs, table
from levercap.core.errors import ConfigError

__all__ = ["register"]

logger = logging.getLogger(__name__)

EVALUATED_DAYS = 180
CHALLENGER = "models:/levercap@challenger"


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "train", train, "fit the models, write a bundle, register it as challenger")
    market_flag(verb)
    verb.add_argument("--until", type=instant, metavar="DATE", help="last instant to learn from; unset: the end")
    verb.add_argument(
        "--hold-back",
        type=hours,
        metavar="90d",
        help="learn up to this long before the end, so that `promote --market` can judge the bundle on what follows",
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="bundle folder to write or replace")
    verb.add_argument("--no-register", action="store_true", help="write the bundle only: no tracking, no registry")

    verb = add_verb(verbs, "evaluate", evaluate, "walk-forward evaluation with monthly refits, and its report")
    market_flag(verb)
    window_flags(verb, EVALUATED_DAYS)
    verb.add_argument(
        "--against",
        default="all",
        metavar="NAMES",
        help="baselines beside B1: all that can run (default), none, or names with commas between",
    )
    verb.add_argument("--no-report", action="store_true", help="write the evidence only: no report.html")
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "forecast", forecast, "forecasts of a fixed bundle over a period, for any symbols")
    bundle_flag(verb)
    market_flag(verb)
    window_flags(verb)
    verb.add_argument("--every", type=hours, default=24, metavar="24h", help="distance of instants (default 24h)")
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "promote", promote, "gate the challenger against the champion; exit 1 when it stays")
    verb.add_argument(
        "--bundle", default=CHALLENGER, metavar="MODEL", help=f"registered candidate (default {CHALLENGER})"
    )
    verb.add_argument("--champion", metavar="MODEL", help="registered model to beat (default: whoever is champion)")
    market_flag(verb, required=False, help="bars up to now, to judge days after both trainings; unset: the history")
    verb.add_argument("--rollback", action="store_true", help="make the version champion again that this one replaced")
    verb.add_argument("--out", type=Path, metavar="FOLDER", help="gets the decision and the gate's table")


def train(flags: argparse.Namespace) -> Result:
    """Fit on what was known at ``--until``, write the bundle, register it."""
    import pandas as pd

    from levercap.workflows.train import train as fit

    config = config_of(flags)
    market = market_of(flags, config)
    until = None if flags.until is None else timestamp_of(flags.until)
    if flags.hold_back is not None:
        if until is not None:
            raise ConfigError("--until and --hold-back both state the end of the training; leave one out")
        until = market.panel.end - pd.Timedelta(hours=flags.hold_back)
    with progress_bar("train", flags.quiet) as report:
        bundle = fit(market, until, config, flags.out, progress=report)
    method = bundle.forecaster.method
    if method != "levercap":
        logger.warning("the history is too short for the levercap models: the fallback %s was fitted", method)
    data = {
        "bundle": flags.out,
        "bundle_id": bundle.bundle_id,
        "forecaster": method,
        "symbols": len(market.panel.symbols),
    }
    if not flags.no_register:
        from levercap.storage import registry

        facts = {"symbols": len(market.panel.symbols)}
        version = registry.log_training(flags.out, facts, config_text(bundle.config))
        data["registered"] = f"models:/{registry.MODEL}/{version}, alias {registry.CHALLENGER}"
    return Result(pairs(data), data, market.findings)


def evaluate(flags: argparse.Namespace) -> Result:
    """Walk forward over the window beside the baselines and write the evidence."""
    from levercap.workflows.evaluate import evaluate as walk
    from levercap.workflows.evaluate import rivals

    config = config_of(flags)
    against = rivals(flags.against)
    for name, why in against.skipped:
        logger.warning("%s is left out: it %s", name, why)
    market = market_of(flags, config)
    start, stop = window_of(flags, market.panel.end, EVALUATED_DAYS)
    with progress_bar("evaluate", flags.quiet) as report:
        summary = walk(market, start, stop, config, flags.out, report, against)
    if not flags.no_report:
        from levercap.report.build import write_report

        write_report(flags.out, None, None, flags.out / "report.html")
    return Result(_evaluation_text(summary, flags.out), summary, market.findings)


def _evaluation_text(summary: Mapping[str, Any], out: Path) -> str:
    """The scores beside B1's, the hit rates, and plainly where levercap is not better."""
    facts = pairs(
        {
            "period": f"{summary['from'][:10]} .. {summary['to'][:10]}",
            "days": summary["origins"],
            "symbols": summary["symbols"],
            "models": ", ".join(summary["models"]),
            "backtests": "{passed} passed, {failed} failed, {not_computable} not computable".format(
                **summary["backtests"]
            ),
            "written to": out,
        }
    )
    scores = [[name, d, summary["hit_rate"][name]] for name, d in summary["d_fz0"].items()]
    header = ["loss", "FZ0 against B1 (below zero is better)", "hit rate"]
    return f"{facts}\n\n{table(header, scores)}\n\n{_verdict_text(summary)}"


def _verdict_text(summary: Mapping[str, Any]) -> str:
    rest = summary["not_better_than_b1"]
    mine = [line for line in rest if line["model"] == "levercap"]
    if not mine:
        return f"levercap is better than B1 in all {summary['rows']} rows (p < 5 %, adjusted for all of them)"
    lines = [f"  {line['side']} {line['kind']} {line['level']}: {line['why']}" for line in mine]
    return "\n".join([f"levercap is not shown to be better than B1 in {len(mine)} of {summary['rows']} rows", *lines])


def forecast(flags: argparse.Namespace) -> Result:
    """Forecasts from a fixed bundle at every ``--every`` hours of the window."""
    from levercap.workflows.forecast import forecast as run

    config = config_of(flags)
    bundle = bundle_of(flags.bundle)
    market = market_of(flags, config)
    start, stop = window_of(flags, market.panel.end, EVALUATED_DAYS)
    summary = run(bundle, market, start, stop, flags.every, flags.out)
    return Result(pairs({**summary, "out": flags.out}), summary, market.findings)


def promote(flags: argparse.Namespace) -> Result:
    """Move the champion alias when the candidate is better and covered, or back to the version before it."""
    from levercap.workflows.promote import promote as decide
    from levercap.workflows.promote import rollback

    if flags.rollback:
        decision = rollback(flags.out)
        return Result(f"champion is {decision['challenger']} again, no longer {decision['champion']}", decision)
    market = None if flags.market is None else market_of(flags, config_of(flags))
    decision = decide(flags.bundle, flags.champion, flags.out, market=market)
    names = ("challenger", "champion", "opponent", "common_days", "window")
    reasons = "\n".join(f"  {reason}" for reason in decision["reasons"])
    text = pairs({name.replace("_", " "): decision[name] for name in names})
    return Result(f"{text}\npromoted, because\n{reasons}", decision)
