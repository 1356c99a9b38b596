"""The Makefile: every target is there, documented and calls verbs and flags that exist."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from levercap.cli.app import build_parser

ROOT = Path(__file__).parents[2]
TARGETS = ("setup", "run", "data", "validate", "features", "train", "evaluate", "promote", "score", "replay", "report",
           "test", "fuzz", "lint", "types", "bench", "clean")  # fmt: skip


def make(*arguments: str) -> str:
    """What make prints, run on an environment that counts as ready."""
    command = ["make", "--no-print-directory", "--assume-old=.venv/.ready", *arguments]
    # a make that runs these tests hands its own variables down; they are not under test here
    outer = (
        "MAKEFLAGS",
        "MFLAGS",
        "MAKEOVERRIDES",
        "VENV",
        "PYTHON",
        "OUT",
        "MARKET",
        "ACCOUNTS",
        "POSITIONS",
        "CONFIG",
        "AGAINST",
        "SCORE_WITH",
    )
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def verbs(text: str) -> list[list[str]]:
    lines = re.sub(r"\\\n", " ", text).splitlines()
    calls = [line.split("||")[0] for line in lines if line.strip().startswith(".venv/bin/levercap ")]
    return [shlex.split(call)[1:] for call in calls]


def test_help_is_the_default_and_names_every_target() -> None:
    text = make()
    assert text == make("help")
    for target in TARGETS:
        assert re.search(rf"^  {target} +\S", text, flags=re.MULTILINE), target


@pytest.mark.parametrize("target", TARGETS)
def test_dry_run_of(target: str) -> None:
    calls = verbs(make("-n", target))
    for call in calls:
        build_parser().parse_args(call)
    own = {"data": "simulate"}.get(target, target)
    without_a_verb = {"setup", "run", "test", "fuzz", "lint", "types", "bench", "clean"}
    assert target in without_a_verb or [call[0] for call in calls] == [own]


def test_run_goes_through_the_whole_product_in_order() -> None:
    calls = verbs(make("-n", "run"))
    names = [call[0] for call in calls]
    assert names[:2] == ["simulate", "validate"]
    assert sorted(names[2:]) == ["evaluate", "promote", "report", "score", "train"], "side by side, in any order but"
    assert names.index("train") < min(names.index("promote"), names.index("score"))
    assert names.index("report") > max(names.index("evaluate"), names.index("score"))
    assert "--market" not in calls[0]
    assert all("data/market" in call for call in calls if "--market" in call)
    train, score = (next(call for call in calls if call[0] == verb) for verb in ("train", "score"))
    assert score[score.index("--bundle") + 1] == train[train.index("--out") + 1]


def test_run_takes_two_baselines_and_evaluate_all() -> None:
    def against(*arguments: str) -> str:
        (call,) = (call for call in verbs(make("-n", *arguments)) if call[0] == "evaluate")
        return call[call.index("--against") + 1]

    assert against("run") == "hs_500,garch_t"
    assert against("run", "MARKET=somewhere") == "hs_500,garch_t"
    assert against("run", "AGAINST=all") == "all"
    assert against("evaluate") == "all"


def test_a_failure_of_either_side_ends_run(tmp_path: Path) -> None:
    """Training that fails while the evaluation succeeds, and the other way round."""
    for failing in ("train", "evaluate"):
        fake = tmp_path / failing / "bin" / "levercap"
        fake.parent.mkdir(parents=True)
        fake.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path / failing}/ran\ntest "$1" != {failing}\n')
        fake.chmod(0o755)
        (tmp_path / failing / ".ready").touch()
        environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
        command = ["make", "run", f"VENV={tmp_path / failing}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode != 0
        ran = (tmp_path / failing / "ran").read_text().split()
        assert sorted(ran[2:]) == sorted(
            {"train", "evaluate"} | ({"promote", "score"} if failing == "evaluate" else set())
        )


def test_nightly_scoring_takes_the_champion() -> None:
    (call,) = verbs(make("-n", "score"))
    assert call[call.index("--bundle") + 1] == "models:/levercap@champion"


def test_run_on_a_market_simulates_only_a_book() -> None:
    calls = verbs(make("-n", "run", "MARKET=somewhere/spot"))
    assert calls[0][:1] == ["simulate"]
    assert all("somewhere/spot" in call for call in calls if "--market" in call)
    with_market = sorted(call[0] for call in calls if "--market" in call)
    assert with_market == sorted(["simulate", "validate", "train", "evaluate", "score"])


def test_run_on_a_book_of_ones_own_simulates_nothing() -> None:
    calls = verbs(make("-n", "run", "MARKET=m", "ACCOUNTS=a.csv", "POSITIONS=p.csv"))
    assert "simulate" not in [call[0] for call in calls]
    assert next(call for call in calls if call[0] == "score").count("a.csv") == 1


def test_windows_and_instants_reach_the_verbs() -> None:
    text = make("-n", "run", "FROM=2024-01-01", "TO=2024-02-01", "UNTIL=2024-01-01", "AS_OF=2024-02-01", "OUT=o")
    calls = {call[0]: build_parser().parse_args(call) for call in verbs(text)}
    assert f"{calls['evaluate'].start:%F} {calls['evaluate'].stop:%F}" == "2024-01-01 2024-02-01"
    assert f"{calls['train'].until:%F} {calls['score'].as_of:%F}" == "2024-01-01 2024-02-01"
    assert str(calls["report"].out) == "o/report.html"


def test_lock_states_one_version_of_each_package_its_hashes_and_no_addresses() -> None:
    """With a hash at one package, pip checks the files of all."""
    entries = (ROOT / "requirements.txt").read_text().replace(" \\\n    --hash", " --hash").splitlines()
    hashed = [re.fullmatch(r"([a-z0-9-]+==[\w.]+(?: ; .+?)?)((?: --hash=sha256:[0-9a-f]{64})+)", e) for e in entries]
    lines = [entry[1] for entry in hashed if entry is not None]
    assert len(lines) == len(entries)
    names = {line.split("==")[0] for line in lines}
    project = (ROOT / "pyproject.toml").read_text()
    needed = re.search(r"^dependencies = \[(.*?)^\]", project, flags=re.MULTILINE | re.DOTALL)
    assert needed is not None
    assert {re.split(r"[<>=]", name)[0] for name in re.findall(r'"([^"]+)"', needed[1])} <= names
    assert "mlflow==3.17.2" in lines
