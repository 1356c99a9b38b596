"""Writes the reference pages that are derived from the code: ``python tests/support/reference_pages.py``.

`test_reference.py` compares them with the files, so that a page never says something else than the code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from levercap import config
from levercap.cli.app import build_parser
from levercap.policy import all_constraints

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
COMMON = {"--config", "--seed", "--json", "--quiet", "--verbose", "--help"}


def cli_page() -> str:
    """Every verb with its flags."""
    parser = build_parser()
    (verbs,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))
    first: Any = next(iter(verbs.values()))
    common = [action for action in first._actions if set(action.option_strings) & COMMON]
    lines = [
        "# Command line",
        "",
        "`levercap VERB ...`. Results go to stdout, logs and progress to stderr. Dates are UTC: `2025-06-30` or",
        "`2025-06-30T08:00`, full hours. `--from` is included, `--to` is not. BUNDLE is a folder,",
        "`models:/levercap@champion` or `models:/levercap/3`. Exit codes: [exit_codes.md](exit_codes.md).",
        "",
        "## Flags of every verb",
        "",
        *_flag_table(common),
        "",
        "`--json` prints `{version, status: pass | fail | error, data, diagnostics: [{code, message, hint, where}]}`.",
    ]
    for name, verb in verbs.items():
        own = [action for action in verb._actions if not set(action.option_strings) & COMMON]
        lines += ["", f"## {name}", "", verb.description, *([""] if own else []), *(_flag_table(own) if own else [])]
    return "\n".join(lines) + "\n"


def config_page() -> str:
    """Every key with its default and meaning, read from the dataclasses and their docstrings."""
    lines = [
        "# Configuration",
        "",
        "One TOML file per experiment, given with `--config`. Precedence: flag (`--seed`) > environment > file >",
        "default. The environment variable of `policy.closing_cost` is `LEVERCAP_POLICY__CLOSING_COST`. Unknown keys",
        "and impossible values are refused, all at once, with the nearest name. `levercap show-config` prints what is",
        "in effect.",
        "",
        "A profile or jurisdiction given in the file goes over the default one of the same name; new names may be",
        "added.",
        "",
        "A bundle keeps the configuration it was trained with. `score` uses that one, with the environment over it;",
        "`--config` replaces its market, policy, guardrail and breaker settings.",
    ]
    for section, value in vars(config.Config()).items():
        lines += ["", f"## [{section}]", "", (type(value).__doc__ or "").strip(), ""]
        lines += ["| key | default | meaning |", "|---|---|---|"]
        lines += list(_config_rows(type(value), vars(value)))
    lines += ["", "## Renamed keys", "", "The old names are still read, with a hint.", "", "| old | now |", "|---|---|"]
    lines += [f"| `{old}` | `{new}` |" for old, new in sorted(config.ALIASES.items())]
    return "\n".join(lines) + "\n"


def constraints_page() -> str:
    """Every constraint on leverage, read from the catalogue."""
    lines = [
        "# Constraints",
        "",
        "A constraint is an upper bound on an account's leverage. The limit is the smallest of all (ties go to the",
        "first in this table), then the guardrails act. `binding` names the constraint that set the limit, and after a",
        "colon the budget inside it where it holds several.",
        "",
        "`policy.constraints.<name> = false` switches one off: its bound is infinite, its column remains.",
        "",
        "| name | title | meaning | column | binding | settings | switch | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for constraint in all_constraints():
        bindings = [f"{constraint.name}:{budget}" for budget in constraint.budgets] or [constraint.name]
        cells = [
            f"`{constraint.name}`",
            constraint.title,
            constraint.meaning,
            f"`{constraint.column}`",
            ", ".join(f"`{binding}`" for binding in bindings),
            ", ".join(f"`{key}`" for key in constraint.keys),
            "always on" if constraint.required else "on or off",
            constraint.source,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _flag_table(actions: list[argparse.Action]) -> list[str]:
    rows = []
    for action in actions:
        name = ", ".join(f"`{text}`" for text in action.option_strings) or f"`{action.metavar}`"
        value = f" {action.metavar}" if action.option_strings and action.metavar else ""
        needed = "yes" if action.required else ""
        rows.append(f"| {name}{value} | {needed} | {action.help} |")
    return ["| flag | required | meaning |", "|---|---|---|", *rows]


def _config_rows(cls: type, values: Mapping[str, Any]) -> Iterator[str]:
    meanings = _meanings(cls)
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"| `{key}.<name>` | {', '.join(f'`{name}`' for name in value)} | {meanings[key]} |"
            for name, inner in value.items():
                if isinstance(inner, bool):
                    yield f"| `{key}.{name}` | {str(inner).lower()} | {_title(name)} |"
                    continue
                entry = inner if isinstance(inner, Mapping) else vars(inner)
                notes = {} if isinstance(inner, Mapping) else _meanings(type(inner))
                for leaf, default in entry.items():
                    yield f"| `{key}.{name}.{leaf}` | {default!r} | {notes.get(leaf, '')} |"
        else:
            yield f"| `{key}` | {value!r} | {meanings[key]} |"


def _title(name: str) -> str:
    """Title of a constraint, first letter capital."""
    (title,) = (constraint.title for constraint in all_constraints() if constraint.name == name)
    return f"{title[0].upper()}{title[1:]}."


def _meanings(cls: type) -> dict[str, str]:
    """The string below each field of a dataclass."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(cls)).body if isinstance(node, ast.ClassDef))
    found = {}
    for field, after in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(after.value.value).split())
    return found


PAGES = {"cli.md": cli_page, "config.md": config_page, "constraints.md": constraints_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())
