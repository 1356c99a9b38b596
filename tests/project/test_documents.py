"""The documents are true: their commands run, their Python runs, their links and their verbs exist."""

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from levercap.cli import main
from levercap.cli.app import build_parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / n / "README.md" for n in ("data", "experiments", "models")),
    ]
)
TINY = """
[forecast]
boosting_rounds = 20
[scenarios]
count = 120
[simulated_market]
symbols = 4
days = 250
[simulated_book]
accounts = 100
"""


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[list[str]]:
    lines = [line for block in blocks(path, "console") for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]


def verb_commands(path: Path) -> list[list[str]]:
    return [command[1:] for command in commands(path) if command[0] == "levercap"]


@pytest.mark.slow
def test_readme_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)
    ran = 0
    for command in verb_commands(ROOT / "README.md"):
        if any(word.startswith("my/") for word in command):
            continue
        extra = ["--config", "tiny.toml"] if command[0] in ("simulate", "train") else []
        assert main([*command, *extra]) == 0, f"levercap {shlex.join(command)}: {capsys.readouterr().err}"
        ran += 1
    assert ran >= 5
    assert Path("out/report.html").is_file()
    python = blocks(ROOT / "README.md", "python")
    assert python
    for block in python:
        exec(compile(block, "README.md", "exec"), {})
    assert "alice" in capsys.readouterr().out


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_verbs_and_flags_exist(path: Path) -> None:
    for command in verb_commands(path):
        build_parser().parse_args(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    used = {c[i + 1] for c in commands(path) for i, word in enumerate(c[:-1]) if word == "make" and "=" not in c[i + 1]}
    used |= set(re.findall(r"`make ([a-z]+)", path.read_text()))
    assert used <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_there_is_something_to_check() -> None:
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/quickstart.md", "docs/concepts.md", "docs/reference/cli.md"} <= names
    assert sum(len(verb_commands(path)) for path in DOCUMENTS) >= 10


def test_documents_name_every_constraint_action_and_status(trained: SimpleNamespace) -> None:
    from levercap.core.names import Action, Status
    from levercap.policy import all_constraints

    text = "".join((ROOT / "docs" / name).read_text() for name in ("concepts.md", "reference/constraints.md"))
    for name in (*(constraint.name for constraint in all_constraints()), *Action, *Status):
        assert f"| `{name}` |" in text
