import pandas as pd
import pytest

from levercap.core.errors import DataError
from levercap.limits.previous_run import read_previous
from levercap.storage.atomic import SUCCESS, write_json
from levercap.storage.scoring_run import ScoringRun

END = pd.Timestamp("2025-06-30", tz="UTC").as_unit("us")
DAY = pd.Timedelta(days=1)


def test_the_latest_complete_earlier_date_is_the_previous_one(tmp_path):
    for days, complete in ((3, True), (2, True), (1, False), (0, True), (-1, True)):
        folder = ScoringRun.at(tmp_path, END - days * DAY).folder
        folder.mkdir()
        pd.DataFrame({"account_id": ["a"], "as_of": [END - days * DAY], "max_leverage": [float(days)]}).to_parquet(
            folder / "limits.parquet"
        )
        if complete:
            (folder / SUCCESS).touch()
    assert read_previous(tmp_path, END).limits["max_leverage"].tolist() == [2.0]


def test_unusable_previous_limits_are_told(tmp_path):
    with pytest.raises(DataError, match="no complete scoring run before"):
        read_previous(tmp_path, END)
    with pytest.raises(DataError, match="previous_unreadable"):
        read_previous(tmp_path / "none.parquet", END)
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="previous_unreadable"):
        read_previous(tmp_path / "text.parquet", END)
    pd.DataFrame({"account_id": ["a"]}).to_parquet(tmp_path / "few.parquet")
    with pytest.raises(DataError, match="missing columns: as_of, max_leverage"):
        read_previous(tmp_path / "few.parquet", END)
    naive = pd.DataFrame({"account_id": ["a"], "as_of": [pd.Timestamp("2020-01-01")], "max_leverage": [1.0]})
    naive.to_parquet(tmp_path / "naive.parquet")
    with pytest.raises(DataError, match="expected timestamps with timezone UTC"):
        read_previous(tmp_path / "naive.parquet", END)
    late = pd.DataFrame({"account_id": ["a"], "as_of": [END], "max_leverage": [1.0]})
    late.to_parquet(tmp_path / "late.parquet")
    with pytest.raises(DataError, match="are not earlier than"):
        read_previous(tmp_path / "late.parquet", END)


def test_a_folder_that_does_not_exist_yet_is_the_first_night(tmp_path):
    run = read_previous(tmp_path / "scores", END)
    assert run.limits is None
    (finding,) = run.findings
    assert finding.code == "first_night"
    assert str(tmp_path / "scores") in finding.where


def test_a_folder_with_held_runs_alone_is_the_first_night_too(tmp_path):
    ScoringRun.held_at(tmp_path, END - DAY).folder.mkdir(parents=True)
    assert [one.code for one in read_previous(tmp_path, END).findings] == ["first_night"]
    (tmp_path / "something").mkdir()
    with pytest.raises(DataError, match="no complete scoring run before"):
        read_previous(tmp_path, END)


def test_figures_come_with_the_run_and_not_with_a_file(tmp_path):
    run = ScoringRun.at(tmp_path, END - DAY)
    run.folder.mkdir()
    pd.DataFrame({"account_id": ["a"], "as_of": [END - DAY], "max_leverage": [2.0]}).to_parquet(run.limits)
    write_json({"book": {"positions": 7}}, run.summary)
    (run.folder / SUCCESS).touch()
    assert read_previous(tmp_path, END).figures == {"positions": 7}
    assert read_previous(run.limits, END).figures == {}
    run.summary.unlink()
    assert read_previous(tmp_path, END).figures == {}
