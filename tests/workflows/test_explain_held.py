"""Explanation of accounts whose data are out: the states of their symbols, and the hold."""

import numpy as np
import pandas as pd
import pytest

from levercap.cli.explanation import explanation_text
from levercap.config import Config
from levercap.limits.predictor import Predictor
from levercap.storage.atomic import SUCCESS
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import write_snapshot
from levercap.workflows.explain import explain
from support.snapshots import at, make_snapshot, make_tiers, with_out, with_tails

SNAPSHOT = make_snapshot(np.random.default_rng(5), tiers=make_tiers())
ACCOUNTS = pd.DataFrame({"account_id": ["a", "b"], "equity": 1000.0, "segment": "retail"})
POSITIONS = pd.DataFrame(
    {"account_id": ["a", "a", "b"], "symbol": ["AAA", "BBB", "CCC"], "notional": [500.0, 500.0, 500.0]}
)


@pytest.fixture
def explained(tmp_path):
    accounts, positions = tmp_path / "accounts.parquet", tmp_path / "positions.parquet"
    ACCOUNTS.to_parquet(accounts)
    POSITIONS.to_parquet(positions)

    def answer(snapshot, account, previous=None):
        limits = Predictor(snapshot, Config()).predict(ACCOUNTS, POSITIONS, previous)
        run = ScoringRun.at(tmp_path / "out", snapshot.as_of)
        run.snapshot.mkdir(parents=True)
        limits.to_parquet(run.limits)
        write_snapshot(with_tails(snapshot), run.snapshot)
        (run.folder / SUCCESS).touch()
        return explain(tmp_path / "out", account, snapshot.as_of, accounts, positions), limits

    return answer


def test_a_held_limit_is_explained_by_the_limits_behind_it_and_the_symbols_that_are_out(explained):
    _, before = explained(SNAPSHOT, "a")
    answer, limits = explained(at(with_out(SNAPSHOT, 30.0, "AAA"), 24.0), "a", before)
    assert answer["out"] == [{"symbol": "AAA", "state": "frozen", "hours_out": 30.0}]
    earlier = before["max_leverage"].tolist()[0]
    assert answer["hold"] == {"previous": earlier, "last_computed": earlier, "resume": earlier}
    assert limits["max_leverage"].tolist()[0] < earlier
    assert sum(p["path_es_part"] for p in answer["positions"]) == pytest.approx(answer["limit"]["path_es_975"])
    text = explanation_text(answer)
    assert "not scored from data" in text
    assert "the limit is held" in text


def test_an_account_on_the_fallback_has_no_parts_that_rest_on_what_is_out(explained):
    answer, _ = explained(with_out(SNAPSHOT, 30.0, "AAA"), "a")
    assert answer["hold"] is None
    assert [p["path_es_part"] for p in answer["positions"]] == [None, None]
    assert answer["scenarios"] == []
    assert "not scored from data" in explanation_text(answer)


def test_an_account_that_is_scored_has_neither(explained):
    answer, _ = explained(with_out(SNAPSHOT, 30.0, "AAA"), "b")
    assert (answer["out"], answer["hold"]) == ([], None)
