"""Verbs that show results and settings: report, show-config."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from levercap.cli.arguments import Verbs, add_verb, config_of
from levercap.cli.result import Result, counted
from levercap.config import Config
from levercap.core.errors import ConfigError

__all__ = ["config_text", "register"]


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

    run = None if flags.scores is None else _scoring_run(flags.scores, flags.bundle)
    written = write_report(flags.evaluation, run, flags.bundle, flags.out)
    evaluation, scores = _read_json(flags.evaluation, "summary.json"), _read_json(run, "summary.json")
    data = {"report": written, "evaluation": evaluation, "scores": scores}
    return Result("\n".join([*_in_words(evaluation, scores), f"Read more in {written}"]), data)


def _in_words(evaluation: Mapping[str, Any], scores: Mapping[str, Any]) -> Iterator[str]:
    """The outcome in a few sentences."""
    if evaluation:
        period = f"{evaluation['from'][:10]} to {evaluation['to'][:10]}"
        yield (
            f"Forecasts, tried on {counted(evaluation['origins'], 'day')} from {period} that their models had not "
            f"seen: {_against_baseline(evaluation)}."
        )
    if scores:
        status, action = scores["status"], scores["action"]
        yield (
            f"Limits, as of {scores['provenance']['as_of'][:16]} UTC: {counted(scores['accounts'], 'account')}, "
            f"{status.get('scored', 0):,} scored, {status.get('held', 0):,} held, "
            f"{status.get('fallback', 0):,} on the fallback, "
            f"{status.get('rejected', 0):,} rejected."
        )
        yield (
            f"Above their limit: {counted(scores['over_limit'], 'account')}. {action.get('reduce', 0):,} should "
            f"reduce, {action.get('reduce_only', 0):,} may only reduce, {action.get('no_new_risk', 0):,} may take no "
            "new risk."
        )


def _against_baseline(evaluation: Mapping[str, Any]) -> str:
    if all(difference == 0 for difference in evaluation["d_fz0"].values()):
        return "the forecaster is the baseline itself"
    return (
        f"better than the baseline in {evaluation['better_than_b1']} of {evaluation['rows']} comparisons, by more "
        f"than chance in {evaluation['significantly_better_than_b1']}"
    )


def _scoring_run(scores: Path, bundle: Path | None) -> Path:
    """Folder of the latest scoring run below `scores`, of those that `bundle` made where there are such."""
    from levercap.storage.scoring_run import ScoringRun

    if (scores / "limits.parquet").is_file():
        return scores
    bundle_id = _read_json(bundle, "MANIFEST.json").get("bundle_id")
    runs = [run for run in ScoringRun.complete_in(scores) if run.provenance().get("bundle_id") == bundle_id]
    return (runs[-1] if runs else ScoringRun.find(scores)).folder


def _read_json(folder: Path | None, name: str) -> dict[str, Any]:
    """JSON object in a file of `folder`; empty when there is none, as after a replay."""
    path = None if folder is None else folder / name
    if path is None or not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def show_config(flags: argparse.Namespace) -> Result:
    """Print the configuration as TOML that gives the same configuration when read back."""
    config = config_of(flags)
    return Result(config_text(config), {"config_hash": config.config_hash(), "config": config.as_dict()})


def config_text(config: Config) -> str:
    """Configuration as TOML, its hash in a comment; read back it is the same configuration."""
    return "\n".join([f"# config_hash {config.config_hash()}", *_toml(config.as_dict())])


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
