"""Verbs about data: simulate, validate, features."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from levercap.cli.arguments import Verbs, add_verb, config_of, hours, instant, market_flag, market_of, timestamp_of
from levercap.cli.result import Result, counted, pairs
from levercap.config import Config
from levercap.core.errors import ConfigError, DataError, Finding, Severity

if TYPE_CHECKING:
    import pandas as pd

    from levercap.core.panel import Panel

__all__ = ["register"]

BOOK_DAYS = 31


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "simulate", simulate, "write the embedded simulated market and book")
    verb.add_argument("--market", type=Path, metavar="FOLDER", help="write only a book, on this market's symbols")
    verb.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets market/ and book/")

    verb = add_verb(verbs, "validate", validate, "check a market, a book and the configuration; list every problem")
    market_flag(verb, required=False)
    verb.add_argument("--accounts", type=Path, metavar="FILE", help="accounts to check, together with --positions")
    verb.add_argument("--positions", type=Path, metavar="FILE", help="positions to check, together with --accounts")

    verb = add_verb(verbs, "features", features, "write the feature table")
    market_flag(verb)
    verb.add_argument("--from", dest="start", type=instant, metavar="DATE", help="first instant; unset: the beginning")
    verb.add_argument("--to", dest="stop", type=instant, metavar="DATE", help="first instant left out; unset: the end")
    verb.add_argument("--every", type=hours, default=24, metavar="24h", help="distance of instants (default 24h)")
    verb.add_argument("--extended", action="store_true", help="all features, also those no model learns from")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="Parquet file to write")


def simulate(flags: argparse.Namespace) -> Result:
    """Write ``market/`` and ``book/`` below ``--out``, each whole or not at all; with ``--market`` only the book."""
    from levercap.market import load_market, write_market
    from levercap.simulation import simulate_book, simulate_market
    from levercap.storage.atomic import require_ours

    config = config_of(flags)
    for name in ("market", "book"):
        require_ours(flags.out / name)
    if flags.market is None:
        tables = simulate_market(config.simulated_market)
        write_market(tables, flags.out / "market")
        bars = tables["bars"]
    else:
        bars = _last_bars(load_market(flags.market, config.market).panel)
    accounts, positions = simulate_book(config.simulated_book, bars)
    write_market({"accounts": accounts, "positions": positions}, flags.out / "book")
    written = {"market": flags.market or flags.out / "market", "book": flags.out / "book"}
    data = {
        **written,
        "symbols": int(positions["symbol"].nunique()),
        "accounts": len(accounts),
        "positions": len(positions),
    }
    return Result(pairs(data), data)


def _last_bars(panel: Panel) -> pd.DataFrame:
    """Timestamp, symbol, close and volume of the last `BOOK_DAYS` days: what the book is simulated on."""
    import pandas as pd

    hours = 24 * BOOK_DAYS
    wide = {"close": panel.close[-hours:], "volume": panel.volume[-hours:]}
    index = pd.MultiIndex.from_product([panel.timestamps[-hours:], panel.symbols], names=["timestamp", "symbol"])
    return pd.DataFrame({name: values.ravel() for name, values in wide.items()}, index=index).dropna().reset_index()


def validate(flags: argparse.Namespace) -> Result:
    """List every problem of what was given: exit 3 when the data have a fatal one, 2 when the configuration has."""
    if (flags.accounts is None) != (flags.positions is None):
        raise ConfigError("--accounts and --positions belong together")
    if flags.market is None and flags.accounts is None and flags.config is None:
        raise ConfigError(
            "nothing to validate: give --market, --accounts and --positions, or --config\n"
            "write for example: levercap validate --market FOLDER --accounts FILE --positions FILE"
        )
    try:
        config, wrong_config = config_of(flags), []
    except ConfigError as error:  # the data are still worth checking
        config, wrong_config = Config(), [_config_finding(error)]
    wrong_data = _data_findings(flags, config)
    findings = [*wrong_config, *wrong_data]
    fatal = sum(finding.severity is Severity.FATAL for finding in findings)
    exit_code = 3 if any(f.severity is Severity.FATAL for f in wrong_data) else 2 if wrong_config else 0
    verdict = f"{fatal} fatal, {counted(len(findings) - fatal, 'warning')}" if findings else "no problems"
    data = {"fatal": fatal, "warnings": len(findings) - fatal, "usable": fatal == 0}
    return Result("\n".join([*map(str, findings), verdict]), data, findings, exit_code)


def _data_findings(flags: argparse.Namespace, config: Config) -> list[Finding]:
    """Problems of the market and of the book, as far as they were given."""
    findings: list[Finding] = []
    symbols: tuple[str, ...] | None = None
    if flags.market is not None:
        from levercap.market import load_market

        try:
            market = load_market(flags.market, config.market)
            symbols = market.panel.symbols
            findings += market.findings
        except DataError as error:
            findings += error.findings
    if flags.accounts is not None:
        from levercap.book import clean_book, read_book
        from levercap.core.instrument import perpetuals
        from levercap.policy import jurisdiction_findings
        from levercap.storage.tables import as_text

        try:
            accounts, positions = read_book(flags.accounts, flags.positions)
            held = tuple(sorted(set(as_text(positions["symbol"]).to_pylist()) - {""}))
            listed = perpetuals(held if symbols is None else symbols)
            findings += clean_book(accounts, positions, listed, tuple(config.policy.profiles)).findings
            findings += jurisdiction_findings(accounts, config.policy)
        except DataError as error:
            findings += error.findings
    return findings


def _config_finding(error: ConfigError) -> Finding:
    first, *problems = str(error).split("\n")
    examples = tuple(problem.strip() for problem in problems)
    return Finding("config", Severity.FATAL, "configuration", first, max(len(problems), 1), examples)


def features(flags: argparse.Namespace) -> Result:
    """Write the feature table at every ``--every`` hours of the window."""
    from levercap.features.table import feature_table
    from levercap.storage.atomic import atomic_file
    from levercap.storage.tables import write_parquet

    market = market_of(flags, config_of(flags))
    panel = market.panel
    start = panel.start.ceil("D") if flags.start is None else timestamp_of(flags.start)
    stop = panel.end.ceil("D") if flags.stop is None else timestamp_of(flags.stop)
    origins = panel.origins(start, stop, flags.every)
    if len(origins) == 0:
        raise ConfigError(f"no instant from {start} to {stop} lies in the market, {panel.start} to {panel.end}")
    table = feature_table(panel, origins, extended=flags.extended)
    with atomic_file(flags.out) as building:
        write_parquet(table, building)
    data = {"features": flags.out, "rows": len(table), "columns": len(table.columns), "instants": len(origins)}
    return Result(pairs(data), data, market.findings)
