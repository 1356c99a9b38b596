"""A damaged bundle is refused with its file named, or forecasts and limits are the same; no damage ends the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import examples

TESTS = str(Path(__file__).parents[1])
BATCH = 20


@pytest.mark.slow
@examples(2)
@given(st.integers(0, 10**6))
def test_damage_is_refused_or_harmless(fitted, tmp_path_factory, first):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([TESTS, *filter(None, sys.path)])}
    command = [sys.executable, "-m", "support.damage", fitted.folder, tmp_path_factory.mktemp("damage")]
    run = subprocess.run(
        [*map(str, command), str(first), str(first + BATCH)], capture_output=True, text=True, env=environment
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("= ")]
    assert run.returncode == 0, run.stdout[-300:] + run.stderr[-2000:]
    assert len(lines) == BATCH
    assert [line for line in lines if line.rpartition(": ")[2] not in ("refused", "same", "stricter")] == []
