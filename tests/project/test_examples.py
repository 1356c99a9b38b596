"""Every script in examples/ runs, and shows what it says."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_as_a_program(script, capsys):
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out


def test_only_the_leaking_splits_see_skill_where_there_is_none():
    (script,) = [path for path in EXAMPLES if path.stem == "purged_cross_validation"]
    scores = runpy.run_path(str(script))["main"]()
    leaking = scores.pop("shuffled folds")
    assert leaking > 0.3
    assert max(scores.values()) < 0.05
