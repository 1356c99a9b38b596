"""Every verb that writes, killed at any moment: its output is whole or not there, and the next run leaves nothing else.

`make fuzz` kills each ten times as often as `make test`.
"""

import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from levercap.cli import main
from support.properties import examples

CONFIG = """
[forecast]
boosting_rounds = 10
[scenarios]
count = 100
[simulated_market]
symbols = 3
days = 40
[simulated_book]
accounts = 50
"""
LONGEST = 300.0
"""Seconds that any verb may take here."""
START = 2.0
"""Seconds until a process has loaded what it needs."""

kills = settings(examples(1), phases=[Phase.explicit, Phase.generate])

SPAN = ["--from", "2022-08-01", "--to", "2022-08-20"]
VERBS = {
    "simulate": ("out", []),
    "features": ("out.parquet", ["--market", "{market}"]),
    "train": ("out", ["--market", "{market}", "--no-register"]),
    "forecast": ("out", ["--bundle", "{bundle}", "--market", "{market}", *SPAN]),
    "evaluate": (
        "out",
        ["--market", "{market}", "--from", "2022-08-01", "--to", "2022-08-20", "--against", "none", "--no-report"],
    ),
    "score": ("out", ["--bundle", "{bundle}", "--market", "{market}", "{book}", "--as-of", "end"]),
    "replay": ("out", ["--market", "{market}", "{book}", "--from", "2022-08-20", "--to", "2022-08-24"]),
    "report": ("report.html", ["--bundle", "{bundle}"]),
}

PARTS = {"simulate": ("out/market/", "out/book/")}
"""Folders that are whole each, of verbs that write several."""


def command(verb, folder, trained):
    """Arguments of the verb, writing below `folder`."""
    (folder.parent / "settings.toml").write_text(CONFIG)
    out, arguments = VERBS[verb]
    book = ["--accounts", trained.accounts, "--positions", trained.positions]
    named = {"{market}": [trained.market], "{bundle}": [trained.bundle], "{book}": book}
    flat = [str(part) for word in arguments for part in named.get(word, [word])]
    return [verb, *flat, "--out", str(folder / out), "--config", str(folder.parent / "settings.toml"), "--quiet"]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def of_part(files, part):
    return {name: data for name, data in files.items() if name.startswith(part)}


def moments(verb, seed):
    """When to kill: as a share of the run, or so long after it began to write."""
    random = np.random.default_rng([seed, len(verb)])
    return float(random.uniform()), bool(random.uniform() < 0.5)


def killed(arguments, moment, writing, seconds, folder):
    """Exit code of the verb in another process, killed after a share of `seconds` or of the first hundredths of a
    second after a file of its own appeared in `folder`.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "levercap", *arguments], env=environment)
    end = time.monotonic() + LONGEST
    while writing and process.poll() is None and time.monotonic() < end and not any(folder.iterdir()):
        time.sleep(0.001)
    try:
        process.wait(moment * (0.03 if writing else seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    code = process.wait(LONGEST)
    assert code in (0, -signal.SIGKILL)
    return code


@pytest.fixture(scope="module")
def complete(trained, tmp_path_factory):
    """What a verb writes when it is left alone, and the seconds that it takes with its start."""

    @cache
    def run(verb):
        folder = tmp_path_factory.mktemp(verb) / "whole"
        folder.mkdir()
        begin = time.monotonic()
        assert main(command(verb, folder, trained)) == 0
        return contents(folder), time.monotonic() - begin + START

    return run


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
@given(seed=st.integers(0, 2**32 - 1))
@kills
def test_nothing_half_is_left_and_the_next_run_recovers(verb, seed, trained, complete, tmp_path_factory):
    expected, seconds = complete(verb)
    folder = tmp_path_factory.mktemp(verb) / "killed"
    folder.mkdir()
    arguments = command(verb, folder, trained)
    killed(arguments, *moments(verb, seed), seconds, folder)
    found = {name: data for name, data in contents(folder).items() if "-writing" not in name}
    assert found.items() <= expected.items()
    for part in PARTS.get(verb, ("",)):
        assert of_part(found, part) in ({}, of_part(expected, part))
    assert main(arguments) == 0
    assert contents(folder) == expected
