"""Verbs about models: train, evaluate, forecast, promote."""

from __future__ import annotations

import argparse
from pathlib import Path

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
from levercap.cli.progress import progress_bar
from levercap.cli.result import Result, pairs

__all__ = ["register"]

EVALUATED_DAYS = 180


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "train", train, "fit the models, write a bundle, register it as challenger")
    market_flag(verb)
    verb.add_argument("--until", type=instant, metavar="DATE", help="last instant to learn from; unset: the end")
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="bundle folder to write or replace")
    verb.add_argument("--no-register", action="store_true", help="write the bundle only: no tracking, no registry")

    verb = add_verb(verbs, "evaluate", evaluate, "walk-forward evaluation with monthly refits, and its report")
    market_flag(verb)
    window_flags(verb, EVALUATED_DAYS)
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "forecast", forecast, "forecasts of a fixed bundle over a period, for any symbols")
    bundle_flag(verb)
    market_flag(verb)
    window_flags(verb)
    verb.add_argument("--every", type=hours, default=24, metavar="24h", help="distance of instants (default 24h)")
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "promote", promote, "gate the challenger against the champion; exit 1 when it stays")
    market_flag(verb)
    verb.add_argument("--bundle", metavar="BUNDLE", help="candidate (default models:/levercap@challenger)")
    window_flags(verb, EVALUATED_DAYS)


def train(flags: argparse.Namespace) -> Result:
    """Fit on what was known at ``--until``, write the bundle, register it."""
    from levercap.pipeline.train import train as fit

    config = config_of(flags)
    market = market_of(flags, config)
    until = None if flags.until is None else timestamp_of(flags.until)
    with progress_bar("train", flags.quiet) as report:
        bundle = fit(market, until, config, flags.out, progress=report)
    data = {"bundle": flags.out, "bundle_id": bundle.bundle_id, "symbols": len(market.panel.symbols)}
    if not flags.no_register:
        from levercap import registry

        data["registered"] = registry.log_training(bundle, flags.out)
    return Result(pairs(data), data, market.findings)


def evaluate(flags: argparse.Namespace) -> Result:
    """Walk forward over the window and write the evidence."""
    from levercap.pipeline.walkforward import evaluate as walk

    config = config_of(flags)
    market = market_of(flags, config)
    start, stop = window_of(flags, market.panel.end, EVALUATED_DAYS)
    summary = walk(market, start, stop, config, flags.out)
    return Result(pairs({**summary, "out": flags.out}), summary, market.findings)


def forecast(flags: argparse.Namespace) -> Result:
    """Forecasts from a fixed bundle at every ``--every`` hours of the window."""
    from levercap.pipeline.forecasting import forecast as run

    config = config_of(flags)
    bundle = bundle_of(flags.bundle)
    market = market_of(flags, config)
    start, stop = window_of(flags, market.panel.end, EVALUATED_DAYS)
    summary = run(bundle, market, start, stop, flags.every, flags.out)
    return Result(pairs({**summary, "out": flags.out}), summary, market.findings)


def promote(flags: argparse.Namespace) -> Result:
    """Move the champion alias when the candidate is better and covered."""
    raise SystemExit("pending")
