"""Limits while data are out: held, decayed, at the bound, and back at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import Config, GuardrailConfig
from levercap.limits.predictor import Predictor
from support.properties import examples
from support.snapshots import SYMBOLS, at, make_book, make_snapshot, make_tiers, with_out, without_symbol

SLACK = 1 + 2e-6
SNAPSHOT = make_snapshot(np.random.default_rng(11), tiers=make_tiers())
FREE = Config(guardrails=GuardrailConfig(max_rise_per_day=100.0, hysteresis=0.0))
NIGHT = 24.0


def accounts(*ids: str, equity: float = 1000.0) -> pd.DataFrame:
    return pd.DataFrame({"account_id": list(ids), "equity": equity, "segment": "institutional"})


def positions(*rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "symbol", "notional"])
    return frame.astype({"account_id": "str", "symbol": "str", "notional": "float64"})


BOOK = (
    accounts("out", "mixed", "dust", "other", "flat", "unknown"),
    positions(
        ("out", "AAA", 2000.0),
        ("mixed", "AAA", -800.0),
        ("mixed", "BBB", 900.0),
        ("dust", "AAA", 1.0),
        ("dust", "GGG", -2000.0),
        ("other", "GGG", -2000.0),
        ("unknown", "NEVER", 400.0),
        ("unknown", "AAA", 400.0),
    ),
)


def resumed(frame: pd.DataFrame) -> pd.Series:
    """What the limits return to when data return."""
    return frame["resume_max_leverage"].fillna(frame["max_leverage"])


def limits(snapshot, previous=None, config=Config(), book=BOOK) -> pd.DataFrame:  # noqa: B008 - frozen
    return Predictor(snapshot, config).predict(*book, previous).set_index("account_id", drop=False)


CLEAN = limits(SNAPSHOT)
ALL_OUT = with_out(SNAPSHOT, 6.0, *SYMBOLS, state="stale")


def test_a_limit_is_held_while_a_symbol_is_out():
    night = limits(at(with_out(SNAPSHOT, 5.0, "AAA"), NIGHT), CLEAN)
    assert night["status"].tolist() == ["held", "held", "held", "scored", "held", "fallback"]
    same = ["out", "mixed", "dust", "other", "flat"]
    assert night.loc[same, "max_leverage"].tolist() == CLEAN.loc[same, "max_leverage"].tolist()
    assert night["reasons"]["out"].split(";")[:2] == ["symbol_frozen", "held"]
    assert night["reasons"]["flat"] == "no_position;reference_out;held"
    assert night["reasons"]["unknown"].split(";")[:2] == ["symbol_unknown", "symbol_frozen"]
    assert night["max_leverage"]["unknown"] <= 1.0
    assert night["reasons"]["other"] == CLEAN["reasons"]["other"]
    risk = ["path_var_99", "path_es_975", "liquidation_probability", "cap_liquidation"]
    assert night.loc["out", risk].tolist() == CLEAN.loc["out", risk].tolist()


@pytest.mark.parametrize("state", ["frozen", "gappy", "disputed", "stale", "unknown"])
def test_the_reason_is_the_state(state):
    night = limits(with_out(SNAPSHOT, 5.0, "AAA", state=state))
    assert f"symbol_{state}" in night["reasons"]["out"]
    assert night["status"].tolist() == ["fallback", "fallback", "scored", "scored", "fallback", "fallback"]


def test_an_earlier_limit_below_the_last_computed_one_is_held_and_never_exceeded():
    lower = CLEAN.assign(max_leverage=CLEAN["max_leverage"] / 3)
    night = limits(at(ALL_OUT, NIGHT), lower)
    held = night["status"] == "held"
    assert held.tolist() == [True] * 5 + [False]
    assert (night["max_leverage"] <= lower["max_leverage"]).all()
    assert (night["max_leverage"][held] == lower["max_leverage"][held]).all()
    higher = lower.assign(max_leverage=CLEAN["max_leverage"] * 3)
    night = limits(at(ALL_OUT, NIGHT), higher)
    assert (night["max_leverage"][held] == CLEAN["max_leverage"][held]).all()


def test_without_an_earlier_limit_the_conservative_one_counts():
    night = limits(ALL_OUT)
    assert night["status"].tolist() == ["fallback"] * 6
    assert (night["max_leverage"] <= 1.0).all()
    assert (night["max_leverage"] <= CLEAN["max_leverage"]).all()
    known = ["out", "mixed", "dust", "flat"]
    assert resumed(night)[known].tolist() == CLEAN["max_leverage"][known].tolist()
    assert night["resume_max_leverage"]["unknown"] == np.inf


def test_decay_is_linear_and_ends_at_the_conservative_limit():
    lowest = limits(ALL_OUT)["max_leverage"]
    for hours, weight in ((24.0, 1.0), (30.0, 0.75), (42.0, 0.25), (48.0, 0.0), (500.0, 0.0)):
        night = limits(at(with_out(ALL_OUT, hours, *SYMBOLS), NIGHT), CLEAN)
        start = CLEAN["max_leverage"]
        expected = (lowest + weight * (start - lowest))[["out", "mixed", "flat"]]
        assert night["max_leverage"][expected.index].tolist() == pytest.approx(expected.tolist(), rel=1e-12)
        assert (night["status"][expected.index] == ("held" if weight else "fallback")).all()


def test_the_hold_time_is_configured():
    config = Config(guardrails=GuardrailConfig(hold_hours=4.0))
    assert limits(at(ALL_OUT, NIGHT), CLEAN, config)["max_leverage"]["out"] < CLEAN["max_leverage"]["out"]
    assert limits(at(ALL_OUT, NIGHT), CLEAN, config)["status"]["out"] == "held"
    none = limits(at(ALL_OUT, NIGHT), CLEAN, Config(guardrails=GuardrailConfig(hold_hours=0.0)))
    assert none["status"].tolist() == ["fallback"] * 6


def test_three_nights_out_and_back_at_once():
    night = CLEAN
    for k in range(1, 4):
        night = limits(at(with_out(SNAPSHOT, 24.0 * k - 10.0, *SYMBOLS), k * NIGHT), night)
        known = ["out", "mixed", "other", "flat"]
        assert (resumed(night)[known] == CLEAN["max_leverage"][known]).all()
    assert night["status"].tolist() == ["fallback"] * 6
    back = limits(at(SNAPSHOT, 4 * NIGHT), night)
    same = ["out", "mixed", "dust", "other", "flat"]
    assert back["max_leverage"][same].tolist() == CLEAN["max_leverage"][same].tolist()
    assert (back["status"][same] == "scored").all()
    assert back["resume_max_leverage"][same].isna().all()


def test_beyond_what_it_was_a_limit_rises_by_the_day():
    lower = CLEAN.assign(max_leverage=CLEAN["max_leverage"] / 2)
    night = limits(at(with_out(SNAPSHOT, 50.0, *SYMBOLS), NIGHT), lower)
    back = limits(at(SNAPSHOT, 2 * NIGHT), night)
    known = ["out", "mixed", "other", "flat"]
    expected = 1.2 * lower["max_leverage"][known]
    assert back["max_leverage"][known].tolist() == pytest.approx(expected.tolist())
    assert back["reasons"].str.contains("rise_limited")[known].all()


def test_a_cut_by_fresh_data_during_an_outage_is_no_limit_to_return_to():
    """A market without the fault would have cut, and risen again by the day."""
    crash = SNAPSHOT.scenarios.scaled(np.array([1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    worse = dataclasses.replace(with_out(SNAPSHOT, 5.0, "AAA"), scenarios=crash)
    night = limits(at(worse, NIGHT), CLEAN)
    back = limits(at(SNAPSHOT, 2 * NIGHT), night)
    assert night["status"]["mixed"] == "held"
    assert night["max_leverage"]["mixed"] < 0.8 * CLEAN["max_leverage"]["mixed"]
    assert back["max_leverage"]["mixed"] == pytest.approx(1.2 * night["max_leverage"]["mixed"])


def test_a_first_night_without_data_leaves_no_low_limit_behind():
    back = limits(at(SNAPSHOT, NIGHT), limits(ALL_OUT))
    known = ["out", "mixed", "other", "flat"]
    assert (back["max_leverage"][known] == CLEAN["max_leverage"][known]).all()


def test_a_rejected_night_keeps_what_is_to_be_resumed():
    first = limits(at(with_out(SNAPSHOT, 50.0, *SYMBOLS), NIGHT), CLEAN)
    broken = BOOK[0].assign(equity=np.nan), BOOK[1]
    second = limits(at(with_out(SNAPSHOT, 74.0, *SYMBOLS), 2 * NIGHT), first, book=broken)
    assert (second["status"] == "rejected").all()
    back = limits(at(SNAPSHOT, 3 * NIGHT), second)
    assert back["max_leverage"]["out"] == CLEAN["max_leverage"]["out"]


def test_a_small_position_that_is_out_for_long_does_not_end_the_hold_of_the_others():
    snapshot = with_out(with_out(SNAPSHOT, 2.0, "AAA"), 40.0, "BBB")
    book = accounts("a"), positions(("a", "AAA", 2000.0), ("a", "BBB", 1.0))
    before = limits(SNAPSHOT, book=book)
    night = limits(at(snapshot, NIGHT), before, book=book)
    assert night["max_leverage"].tolist() == before["max_leverage"].tolist()
    half = accounts("a"), positions(("a", "AAA", 2000.0), ("a", "BBB", 2000.0))
    before = limits(SNAPSHOT, book=half)
    assert limits(at(snapshot, NIGHT), before, book=half)["max_leverage"]["a"] < 0.9 * before["max_leverage"]["a"]


def test_a_small_position_at_its_bound_for_long_leaves_the_limit_to_return_to():
    book = accounts("a"), positions(("a", "AAA", 960.0), ("a", "BBB", 40.0))
    before = limits(SNAPSHOT, book=book)
    night = limits(at(with_out(SNAPSHOT, 100.0, "BBB"), NIGHT), before, book=book)
    assert night["status"].tolist() == ["scored"]
    assert night["max_leverage"]["a"] < 0.9 * before["max_leverage"]["a"]
    back = limits(at(SNAPSHOT, 2 * NIGHT), night, book=book)
    assert back["max_leverage"]["a"] == before["max_leverage"]["a"]


def test_a_symbol_without_scenarios_cannot_be_held():
    lost = with_out(without_symbol(SNAPSHOT, "AAA"), 2.0, "AAA", state="stale")
    night = limits(at(lost, NIGHT), CLEAN)
    assert night["status"].tolist() == ["fallback", "fallback", "scored", "scored", "fallback", "fallback"]
    assert (night["max_leverage"] <= CLEAN["max_leverage"]).all()


def test_held_accounts_get_the_actions_of_scored_ones():
    night = limits(at(ALL_OUT, NIGHT), CLEAN)
    held = night["status"] == "held"
    assert night["action"][held].tolist() == CLEAN["action"][held].tolist()
    book = accounts("a"), positions(("a", "AAA", 100_000.0))
    assert limits(at(ALL_OUT, NIGHT), limits(SNAPSHOT, book=book), book=book)["action"].tolist() == ["reduce"]
    assert limits(ALL_OUT, book=book)["action"].tolist() == ["reduce_only"]


def test_a_doubtful_symbol_is_scored_but_raises_no_limit():
    symbols = SNAPSHOT.symbols.assign(doubtful=SNAPSHOT.symbols["symbol"] == "AAA")
    snapshot = at(dataclasses.replace(SNAPSHOT, symbols=symbols), NIGHT)
    lower = CLEAN.assign(max_leverage=CLEAN["max_leverage"] / 2)
    night = limits(snapshot, lower)
    touching = ["out", "mixed", "dust", "flat"]
    assert (night["max_leverage"][touching] == lower["max_leverage"][touching]).all()
    assert night["max_leverage"]["other"] > lower["max_leverage"]["other"]
    assert night["reasons"].str.contains("symbol_doubtful")[touching].all()
    assert (night["status"][touching] == "scored").all()
    assert (limits(snapshot, CLEAN)["max_leverage"] == CLEAN["max_leverage"]).all()


def test_an_account_with_a_little_that_is_unknown_rises_by_the_day():
    book = accounts("a"), positions(("a", "GGG", -2000.0), ("a", "NEVER", 1.0))
    before = limits(SNAPSHOT, book=book)
    lower = before.assign(max_leverage=before["max_leverage"] / 2)
    night = limits(at(SNAPSHOT, NIGHT), lower, book=book)
    assert night["max_leverage"]["a"] == pytest.approx(1.2 * lower["max_leverage"]["a"])
    assert np.isnan(night["resume_max_leverage"]["a"])


def test_a_large_symbol_that_is_out_stays_among_the_references():
    for hours, status in ((10.0, "held"), (300.0, "fallback"), (720.0, "fallback"), (721.0, "scored")):
        night = limits(at(with_out(SNAPSHOT, hours, "BBB"), NIGHT), CLEAN)
        assert night["status"]["flat"] == status
        assert hours > 720 or night["max_leverage"]["flat"] <= CLEAN["max_leverage"]["flat"]


def test_the_bound_of_the_snapshot_counts_where_no_symbol_has_scenarios():
    lost = SNAPSHOT
    for symbol in SYMBOLS:
        lost = without_symbol(lost, symbol)
    bounded = dataclasses.replace(lost, bound=2.5, stressed_bound=4.0)
    assert limits(lost)["path_var_99"]["out"] == pytest.approx(1.0)
    assert limits(bounded)["path_var_99"]["out"] == pytest.approx(2.5)
    assert limits(bounded)["max_leverage"]["out"] < limits(lost)["max_leverage"]["out"]


hours_out = st.sampled_from([1.0, 6.0, 24.0, 30.0, 47.0, 48.0, 200.0])
gone = st.sets(st.sampled_from(SYMBOLS), min_size=1)


@examples(10)
@given(st.integers(0, 2**32 - 1), hours_out, gone)
def test_no_limit_rises_because_symbols_go_out_and_the_hold_rule_is_kept(seed, hours, out):
    rng = np.random.default_rng(seed)
    snapshot = make_snapshot(rng, 0.006, make_tiers(SYMBOLS[:6]) if seed % 2 else None)
    book = make_book(rng, 400)
    clean = limits(snapshot, book=book)
    states = rng.choice(["frozen", "gappy", "disputed", "stale"], len(out))
    faulty = snapshot
    for symbol, state in zip(sorted(out), states, strict=True):
        faulty = with_out(faulty, hours, symbol, state=state)
    first = limits(faulty, book=book)
    assert (first["max_leverage"] <= clean["max_leverage"] * SLACK).all()
    share = rng.uniform(0.3, 3.0, len(clean))
    before = clean.assign(max_leverage=clean["max_leverage"] * share)
    night, right = limits(at(faulty, NIGHT), before, book=book), limits(at(snapshot, NIGHT), before, book=book)
    assert (night["max_leverage"] <= right["max_leverage"] * SLACK).all()
    touched = night["reasons"].str.contains("symbol_frozen|symbol_gappy|symbol_disputed|held")
    assert (night["max_leverage"][touched] <= before["max_leverage"][touched] * SLACK).all() or hours >= 48
    held = night["status"] == "held"
    rule = np.minimum(before["max_leverage"], clean["max_leverage"])
    assert (night["max_leverage"][held] <= rule[held] * SLACK).all()
    if hours <= 24:
        assert (night["max_leverage"][held] * SLACK >= rule[held]).all()
    alone = night.index[:: len(night) // 5]
    for account in alone:
        part = [frame[frame["account_id"] == account] for frame in book]
        row = limits(at(faulty, NIGHT), before, book=part)
        pd.testing.assert_frame_equal(row, night.loc[[account]], check_exact=True)


@examples(8)
@given(st.integers(0, 2**32 - 1), gone, st.integers(1, 4))
def test_over_nights_limits_stay_below_those_of_complete_data_and_return(seed, out, nights):
    rng = np.random.default_rng(seed)
    snapshot, book = make_snapshot(rng, 0.006, make_tiers()), make_book(rng, 300)
    start = limits(snapshot, book=book)
    faulty, right = start, start
    for k in range(1, nights + 1):
        hit = with_out(snapshot, 24.0 * k - float(rng.integers(0, 20)), *out)
        faulty, right = limits(at(hit, k * NIGHT), faulty, book=book), limits(at(snapshot, k * NIGHT), right, book=book)
        assert (faulty["max_leverage"] <= right["max_leverage"] * SLACK).all()
        assert not (faulty["resume_max_leverage"] <= faulty["max_leverage"]).any()
    back = limits(at(snapshot, (nights + 1) * NIGHT), faulty, book=book)
    scored = back["status"] == "scored"
    assert scored.equals(right["status"] == "scored")
    assert (back["max_leverage"] == right["max_leverage"])[scored].all()
