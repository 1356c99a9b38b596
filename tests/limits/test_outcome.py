import dataclasses
import json

import numpy as np
import pandas as pd

from levercap.config import Config
from levercap.core.errors import Severity
from levercap.limits.outcome import judge
from levercap.limits.predictor import Predictor
from levercap.limits.previous_run import PreviousRun
from support.snapshots import make_book, make_snapshot

PREDICTOR = Predictor(make_snapshot(np.random.default_rng(5)), Config())
ACCOUNTS, POSITIONS = make_book(np.random.default_rng(6), 60)
FIRST = PreviousRun()


def outcome(accounts=ACCOUNTS, positions=POSITIONS, previous=FIRST, reason=None):
    book = PREDICTOR.clean(accounts, positions)
    limits = PREDICTOR.score(book, previous.limits)
    return judge(book, limits, previous, PREDICTOR.snapshot.symbols, Config().breaker, reason)


def test_an_ordinary_run_is_published():
    found = outcome()
    assert not found.held
    assert found.findings == ()
    assert found.summary() == {
        "outcome": "published", "tripped": [], "published_anyway": None, "book": dataclasses.asdict(found.figures),
    }  # fmt: skip


def test_a_held_run_says_what_tripped_and_what_to_write():
    found = outcome(positions=POSITIONS[:0])
    assert found.held
    (finding,) = found.findings
    assert (finding.code, finding.severity) == ("breaker_tripped", Severity.FATAL)
    assert "--publish-anyway" in finding.hint
    summary = found.summary()
    assert summary["outcome"] == "held"
    assert summary["tripped"][0]["message"] == finding.message
    assert {"value", "bound", "setting", "to_publish"} < set(summary["tripped"][0])
    json.dumps(summary, allow_nan=False)


def test_a_reason_publishes_and_is_recorded():
    found = outcome(positions=POSITIONS[:0], reason=" opening day ")
    assert not found.held
    assert [one.code for one in found.findings] == ["breaker_tripped", "published_anyway"]
    assert {one.severity for one in found.findings} == {Severity.WARNING}
    assert "opening day" in found.findings[1].message
    assert found.summary()["published_anyway"] == "opening day"
    assert found.summary()["outcome"] == "published"
    assert outcome(positions=POSITIONS[:0], reason="  ").held


def test_thousands_separators_in_every_notional_hold_the_run_back():
    text = POSITIONS.assign(notional=[f"{x:,.2f}" for x in POSITIONS["notional"] * 1e4])
    assert [trip.setting for trip in outcome(positions=text).tripped] == ["rejected_share"]
    few = ACCOUNTS.head(3).assign(equity=["12,500.5", "8,400,000", "1,000"])
    assert [trip.setting for trip in outcome(few, POSITIONS.head(0).assign()).tripped][-1] == "rejected_share"


def test_misspelt_ids_hold_the_run_back_when_they_are_many():
    few = POSITIONS["account_id"].isin(ACCOUNTS["account_id"].head(3))
    for rows, held in ((few, False), (few | True, True)):
        ids = POSITIONS["account_id"].where(~rows, POSITIONS["account_id"] + "x")
        assert outcome(positions=POSITIONS.assign(account_id=ids)).held is held


def test_the_previous_run_is_compared():
    earlier = pd.DataFrame({"account_id": [f"gone{i}" for i in range(60)], "max_leverage": 3.0})
    assert [trip.setting for trip in outcome(previous=PreviousRun(earlier)).tripped] == ["gone_share"]
    same = earlier.assign(account_id=ACCOUNTS["account_id"].to_numpy()[:60])
    stated = {"equity": 1e-3 * ACCOUNTS["equity"].sum()}
    assert [trip.setting for trip in outcome(previous=PreviousRun(same, stated)).tripped] == ["book_change"]
    assert outcome(previous=PreviousRun(same)).tripped == ()


def test_numbers_that_are_not_finite_are_none_in_the_summary():
    huge = ACCOUNTS.assign(equity=1.7e308)
    json.dumps(outcome(huge).summary(), allow_nan=False)
