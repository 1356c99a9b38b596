"""The parser: flags that mean the same everywhere, and usage errors that name the nearest word."""

from __future__ import annotations

import argparse
import difflib
import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from levercap.cli.result import Result
from levercap.config import Config, load_config
from levercap.core.errors import ConfigError, Finding

if TYPE_CHECKING:
    import pandas as pd

    from levercap.market import Market
    from levercap.model import Bundle

__all__ = [
    "END",
    "Command",
    "Parser",
    "Verbs",
    "add_verb",
    "book_flags",
    "bundle_flag",
    "bundle_of",
    "config_of",
    "hours",
    "instant",
    "instant_or_end",
    "log_findings",
    "market_flag",
    "market_of",
    "reason",
    "timestamp_of",
    "window_flags",
    "window_of",
]

Command = Callable[[argparse.Namespace], Result]
"""A verb: takes the parsed flags and returns what goes to stdout."""

logger = logging.getLogger(__name__)

SEED_KEYS = ("forecast.seed", "scenarios.seed", "simulated_market.seed", "simulated_book.seed")


CHAMPION = "models:/levercap@champion"

END = "end"
"""Given instead of an instant: the end of the market."""


class Parser(argparse.ArgumentParser):
    """Argument parser that raises ConfigError, with the nearest known word, instead of leaving the process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        self._given: list[str] = []
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with the message, the nearest flag or verb, and the usage line."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        mistaken = [word for word in self._given if word.startswith("--") and word.split("=")[0] not in flags]
        known: Sequence[str] = flags
        if found := re.search(r"invalid choice: '([^']*)'", message):
            mistaken, message = [found[1]], message.split(" (choose from")[0]
            known = [str(c) for action in self._actions if isinstance(action.choices, dict) for c in action.choices]
        near = [(word, match) for word in mistaken for match in difflib.get_close_matches(word, known, n=1)]
        hint = "".join(f"\n{word}: did you mean {match}?" for word, match in near)
        raise ConfigError(f"{message}{hint}\n{self.format_usage().strip()}\nmore: {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown flags in the verb's own parser, which knows the flags they were mistaken for."""
        self._given = list(args or ())
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return parsed, rest


Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"


def instant(text: str) -> datetime:
    """Instant given as ``2025-06-30``, ``2025-06-30T08`` or with minutes; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date; write 2025-06-30, or 2025-06-30T08:00 (always UTC)"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment.minute or moment.second or moment.microsecond:
        raise argparse.ArgumentTypeError(f"{text!r} is not a full hour: bars are hourly")
    return moment


def instant_or_end(text: str) -> datetime | str:
    """Instant, or ``end`` for the end of the market."""
    return END if text == END else instant(text)


def reason(text: str) -> str:
    """Text that says why; a blank one is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, in a few words")
    return text.strip()


def hours(text: str) -> int:
    """Whole hours given as ``24h``, ``24`` or ``90d``."""
    days = text.endswith("d")
    number = text.removesuffix("d" if days else "h")
    if not number.isdecimal() or int(number) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours or days; write 24h or 90d")
    return int(number) * (24 if days else 1)


def timestamp_of(moment: datetime) -> pd.Timestamp:
    """The same instant as a pandas timestamp in microseconds, UTC."""
    import pandas as pd

    return pd.Timestamp(moment).as_unit("us")


def config_of(flags: argparse.Namespace) -> Config:
    """Effective configuration: flags over environment over ``--config`` over defaults."""
    overrides: dict[str, Any] = {}
    if flags.seed is not None:
        overrides |= dict.fromkeys(SEED_KEYS, flags.seed)
    return load_config(flags.config, overrides=overrides)


def add_verb(verbs: Verbs, name: str, command: Command, summary: str, description: str = "") -> Parser:
    """Add verb `name` with the flags every verb has."""
    text = f"{summary[0].upper()}{summary[1:]}. {description}".strip()
    parser = verbs.add_parser(name, help=summary, description=text)
    parser.set_defaults(command=command)
    common = parser.add_argument_group("flags of every verb")
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML configuration; unset: the defaults")
    common.add_argument("--seed", type=int, metavar="N", help="seed of everything random, over the configuration's")
    common.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    loudness = common.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors on stderr")
    loudness.add_argument("-v", "--verbose", action="store_true", help="details, and tracebacks of unexpected errors")
    return parser


def market_flag(parser: argparse._ActionsContainer, required: bool = True, help: str = "market folder") -> None:
    """Add ``--market``."""
    parser.add_argument("--market", type=Path, required=required, metavar="FOLDER", help=help)


def bundle_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--bundle``: a folder or a model address."""
    parser.add_argument("--bundle", required=True, metavar="BUNDLE", help=f"bundle folder, or {CHAMPION}")


def book_flags(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--accounts`` and ``--positions``."""
    for name in ("accounts", "positions"):
        parser.add_argument(
            f"--{name}", type=Path, required=required, metavar="FILE", help=f"{name} of the book, Parquet or CSV"
        )


def window_flags(parser: argparse.ArgumentParser, days: int | None = None) -> None:
    """Add ``--from`` and ``--to``; with `days` they may be left out, see `window_of`."""
    first = "" if days is None else f" (default: {days} days before --to)"
    last = "" if days is None else " (default: the end of the market)"
    required = days is None
    parser.add_argument(
        "--from", dest="start", type=instant, required=required, metavar="DATE", help=f"first instant{first}"
    )
    parser.add_argument(
        "--to", dest="stop", type=instant, required=required, metavar="DATE", help=f"end, itself left out{last}"
    )


def window_of(flags: argparse.Namespace, end: pd.Timestamp, days: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and stop from the flags; unset, the last `days` days before the market's `end`, at midnight."""
    import pandas as pd

    stop = end.floor("D") if flags.stop is None else timestamp_of(flags.stop)
    start = stop - pd.Timedelta(days=days) if flags.start is None else timestamp_of(flags.start)
    if start >= stop:
        raise ConfigError(f"--from {start:%Y-%m-%dT%H:%M} is not before --to {stop:%Y-%m-%dT%H:%M}")
    return start, stop


def market_of(flags: argparse.Namespace, config: Config) -> Market:
    """Market of ``--market``; its warnings go to the log, in one line unless ``-v`` asks for all of it."""
    from levercap.market import load_market

    market = load_market(flags.market, config.market)
    log_findings("market", market.findings)
    return market


def log_findings(what: str, findings: Sequence[Finding], more: str = "levercap validate shows them") -> None:
    """Log the findings in `what`: in one line, and with ``-v`` all of each; `more` is where else to find them."""
    if findings:
        counts = ", ".join(f"{finding.count:,} {finding.code}" for finding in findings)
        logger.info("%s warnings: %s (%s)", what, counts, more)
    for finding in findings:
        logger.debug("%s", finding)


def bundle_of(address: str) -> Bundle:
    """Bundle of a folder or of a registered model."""
    from levercap.model import read_bundle

    if address.startswith(("models:/", "runs:/")):
        from levercap.storage import registry

        return read_bundle(registry.resolve(address))
    return read_bundle(Path(address))
