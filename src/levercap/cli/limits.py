"""Verbs about limits: score, replay, explain."""

from __future__ import annotations

import argparse
from pathlib import Path

from levercap.cli.arguments import (
    Verbs,
    add_verb,
    book_flags,
    bundle_flag,
    instant,
    market_flag,
    window_flags,
)
from levercap.cli.result import Result

__all__ = ["register"]

REPLAYED_DAYS = 180


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "score", score, "a limit for every account of a book")
    bundle_flag(verb)
    market_flag(verb)
    book_flags(verb)
    verb.add_argument(
        "--previous", type=Path, metavar="FILE", help="limits of the day before; unset: the last ones in --out"
    )
    verb.add_argument(
        "--as-of", type=instant, metavar="DATE", help="instant of the limits; unset: the end of the market"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets a folder as_of=... per run")

    verb = add_verb(verbs, "replay", replay, "daily limits of a fixed book over a period, and the policy's evidence")
    market_flag(verb)
    book_flags(verb)
    window_flags(verb, REPLAYED_DAYS)
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write or replace")

    verb = add_verb(verbs, "explain", explain, "why an account has its limit, and what would change it")
    verb.add_argument("account", metavar="ACCOUNT", help="account_id")
    verb.add_argument("--scores", type=Path, required=True, metavar="FOLDER", help="what score wrote to")
    book_flags(verb, required=False)
    verb.add_argument("--as-of", type=instant, metavar="DATE", help="which scoring; unset: the latest")


def score(flags: argparse.Namespace) -> Result:
    raise SystemExit("pending")


def replay(flags: argparse.Namespace) -> Result:
    raise SystemExit("pending")


def explain(flags: argparse.Namespace) -> Result:
    raise SystemExit("pending")
