import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import DataError
from levercap.limits.previous_run import previous_market, read_previous
from levercap.storage.atomic import SUCCESS, write_json
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import write_snapshot
from support.snapshots import make_snapshot, make_tiers, with_tails

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


def test_the_market_of_the_run_before_is_that_of_the_same_bundle_only(tmp_path):
    run = ScoringRun.at(tmp_path, END - DAY)
    run.snapshot.mkdir(parents=True)
    snapshot = with_tails(make_snapshot(np.random.default_rng(1), tiers=make_tiers()))
    write_snapshot(snapshot, run.snapshot)
    (run.folder / SUCCESS).touch()
    for path in (tmp_path, run.folder):
        market, findings = previous_market(path, END, snapshot.bundle_id)
        assert findings == ()
        pd.testing.assert_frame_equal(market.symbols, snapshot.symbols, check_dtype=False)
        assert market.tiers["symbol"].tolist() == snapshot.tiers["symbol"].tolist()
    assert previous_market(tmp_path, END, "another") == (None, ())
    assert previous_market(None, END, snapshot.bundle_id) == (None, ())
    assert previous_market(tmp_path / "limits.parquet", END, snapshot.bundle_id) == (None, ())


def test_a_damaged_market_of_the_run_before_is_a_finding(tmp_path):
    run = ScoringRun.at(tmp_path, END - DAY)
    run.snapshot.mkdir(parents=True)
    (run.folder / SUCCESS).touch()
    market, (finding,) = previous_market(tmp_path, END, "bundle")
    assert (market, finding.code, finding.where) == (None, "previous_market_unusable", str(run.snapshot))
