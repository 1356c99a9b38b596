"""Verbs that show: report, show-config."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from levercap.cli.arguments import Verbs, add_verb, config_of
from levercap.cli.result import Result
from levercap.errors import ConfigError

__all__ = ["register"]


def register(verbs: Verbs) -> None:
    """Add the verbs of this module."""
    verb = add_verb(verbs, "report", report, "one self-contained HTML report from what was evaluated and scored")
    verb.add_argument("--evaluation", type=Path, metavar="FOLDER", help="what evaluate wrote")
    verb.add_argument("--scores", type=Path, metavar="FOLDER", help="what score wrote")
    verb.add_argument("--bundle", type=Path, metavar="FOLDER", help="bundle folder")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="HTML file to write")

    add_verb(verbs, "show-config", show_config, "the effective configuration and its hash")


def report(flags: argparse.Namespace) -> Result:
    """Write the report of at least one of an evaluation, scores and a bundle."""
    if flags.evaluation is None and flags.scores is None and flags.bundle is None:
        raise ConfigError("nothing to report on: give --evaluation, --scores or --bundle")
    from levercap.report.build import write_report

    write_report(flags.evaluation, flags.scores, flags.bundle, flags.out)
    return Result(f"report  {flags.out}", {"report": flags.out})


def show_config(flags: argparse.Namespace) -> Result:
    """Print the configuration as TOML that gives the same configuration when read back."""
    config = config_of(flags)
    text = "\n".join([f"# config_hash {config.config_hash()}", *_toml(config.as_dict())])
    return Result(text, {"config_hash": config.config_hash(), "config": config.as_dict()})


def _toml(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """TOML lines of nested tables: the values of a table first, then its subtables."""
    plain = {key: value for key, value in tree.items() if not isinstance(value, Mapping)}
    if path and plain:
        yield ""
        yield f"[{'.'.join(path)}]"
    for key, value in plain.items():
        yield f"{key} = {_literal(value)}"
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _toml(value, (*path, key))


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
