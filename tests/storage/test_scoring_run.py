"""Scoring runs: named after their instant, found by it, complete or not at all."""

import json
from pathlib import Path

import pandas as pd
import pytest

import levercap
from levercap.core.errors import DataError
from levercap.storage.atomic import SUCCESS
from levercap.storage.scoring_run import ScoringRun

DAY = pd.Timedelta(days=1)
END = pd.Timestamp("2025-06-30T08:00", tz="UTC").as_unit("us")


def made(scores, as_of, complete=True) -> ScoringRun:
    run = ScoringRun.at(scores, as_of)
    run.folder.mkdir()
    if complete:
        (run.folder / SUCCESS).touch()
    return run


@pytest.fixture
def scores(tmp_path):
    """Complete runs of three, two and no days before the end, one cut off in between, and what is no run."""
    for days, complete in ((0, True), (3, True), (1, False), (2, True)):
        made(tmp_path, END - days * DAY, complete)
    for name in ("as_of=yesterday", "as_of=2025-06-29", ".as_of=2025-06-28T00.writing", "replay"):
        (tmp_path / name).mkdir()
        (tmp_path / name / SUCCESS).touch()
    return tmp_path


def test_a_run_is_named_after_its_instant_and_read_back_from_its_name(tmp_path):
    run = ScoringRun.at(tmp_path, END)
    assert run.folder == tmp_path / "as_of=2025-06-30T08"
    assert ScoringRun.in_folder(run.folder) == run
    assert ScoringRun.in_folder(tmp_path) is None
    assert ScoringRun.in_folder(tmp_path / "as_of=2025-06-31T00") is None


def test_files_of_a_run_stand_in_its_folder(tmp_path):
    run = ScoringRun.at(tmp_path, END)
    paths = [run.limits, run.symbol_limits, run.snapshot, run.summary]
    assert [p.name for p in paths] == ["limits.parquet", "symbol_limits.parquet", "snapshot", "summary.json"]
    assert {p.parent for p in paths} == {run.folder}


def test_complete_runs_come_in_the_order_of_their_instants(scores):
    assert [run.as_of for run in ScoringRun.complete_in(scores)] == [END - 3 * DAY, END - 2 * DAY, END]


def test_a_run_is_found_by_its_instant_or_as_the_latest(scores):
    assert ScoringRun.find(scores).as_of == END
    assert ScoringRun.find(scores, END - 2 * DAY) == ScoringRun.at(scores, END - 2 * DAY)


def test_a_run_that_is_not_there_is_refused_with_the_ones_that_are(scores, tmp_path):
    with pytest.raises(DataError, match=r"scores_missing.*no complete scoring run of 2025-06-29T08") as error:
        ScoringRun.find(scores, END - DAY)
    assert error.value.findings[0].examples == ("as_of=2025-06-27T08", "as_of=2025-06-28T08", "as_of=2025-06-30T08")
    with pytest.raises(DataError, match="no complete scoring run"):
        ScoringRun.find(tmp_path / "absent")


def test_the_run_before_an_instant_is_the_latest_complete_earlier_one(scores):
    assert ScoringRun.before(scores, END).as_of == END - 2 * DAY
    alone = ScoringRun.at(scores, END - 3 * DAY)
    assert ScoringRun.before(alone.folder, END) == alone


def test_no_run_before_an_instant_is_refused(scores):
    unfinished = ScoringRun.at(scores, END - DAY)
    for path, as_of in ((scores, END - 3 * DAY), (unfinished.folder, END), (scores / "replay", END)):
        with pytest.raises(DataError, match=r"previous_missing.*no complete scoring run before"):
            ScoringRun.before(path, as_of)


def test_provenance_is_what_the_summary_states(tmp_path):
    run = made(tmp_path, END)
    assert run.provenance() == {}
    run.summary.write_text(json.dumps({"provenance": {"bundle_id": "b"}}))
    assert run.provenance() == {"bundle_id": "b"}
    run.summary.write_text("[]")
    assert run.provenance() == {}


def test_name_of_the_folder_is_written_in_one_module():
    """Everything else finds runs through the type."""
    package = Path(levercap.__file__).parent
    users = {str(p.relative_to(package)) for p in package.rglob("*.py") if '"as_of="' in p.read_text()}
    assert users == {"storage/scoring_run.py"}
