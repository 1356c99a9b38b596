"""The gate lets the truth pass and stops every kind of worse forecast, saying why."""

import numpy as np
import pandas as pd
import pytest

from levercap.evidence.gate import GateRule, decide

RULE = GateRule(draws=200)


@pytest.fixture(scope="module")
def long_world(build_world):
    return build_world(days=700, symbols=8, seed=3, correlation=0.3)


@pytest.fixture(scope="module")
def noisy(long_world):
    return np.exp(np.random.default_rng(1).normal(0.0, 0.4, long_world.volatility.shape))


def test_the_truth_replaces_a_noisy_champion(long_world, noisy):
    champion = long_world.tails(noisy)
    decision = decide(long_world.tails(), champion, champion, long_world.outcomes, RULE)
    assert decision.promote
    assert len(decision.table) == 8
    assert decision.table["covered"].all()
    assert (decision.table["opponent"] == "champion").all()
    assert "FZ0 difference to champion -" in decision.reasons[1]


def test_a_noisy_challenger_does_not_replace_the_truth(long_world, noisy):
    decision = decide(long_world.tails(noisy), long_world.tails(), long_world.tails(), long_world.outcomes, RULE)
    assert not decision.promote
    assert any("not better" in reason for reason in decision.reasons)
    assert any("FZ0 is worse than champion's" in reason for reason in decision.reasons)


def test_a_challenger_that_equals_the_champion_is_not_better(long_world):
    tails = long_world.tails()
    decision = decide(tails, tails, tails, long_world.outcomes, RULE)
    assert not decision.promote
    assert decision.reasons == ("mean FZ0 difference to the champion is +0.0000 over 8 rows: not better",)
    assert decide(tails, tails, tails, long_world.outcomes, RULE, fresher=True).promote


@pytest.mark.parametrize(("factor", "far"), [(0.6, 0.3), (1.8, 4.0)])
def test_forecasts_that_are_too_low_or_too_high_are_not_covered(long_world, noisy, factor, far):
    champion = long_world.tails(noisy * far)  # much worse still, so only coverage can stop the challenger
    decision = decide(long_world.tails(factor), champion, champion, long_world.outcomes, RULE)
    assert not decision.promote
    assert all("outside the band" in reason for reason in decision.reasons)
    assert (decision.table["d_fz0"] < 0).all()


def test_one_row_that_is_worse_stops_a_challenger_that_is_better_on_average(long_world, noisy):
    truth = long_world.tails()
    mixed = truth.copy()
    worse = (mixed["side"] == "long") & (mixed["level"] == 0.99)
    noise = np.tile(np.exp(np.random.default_rng(2).normal(0.0, 0.3, long_world.volatility.size)), 1)
    mixed.loc[worse, ["var", "es"]] = mixed.loc[worse, ["var", "es"]].to_numpy() * noise[:, None]
    champion = long_world.tails(noisy)
    champion.loc[worse] = truth.loc[worse]
    decision = decide(mixed, champion, champion, long_world.outcomes, RULE)
    assert decision.table["d_fz0"].mean() < 0
    assert not decision.promote
    assert any(reason.startswith("long end 99.0%: FZ0 is worse") for reason in decision.reasons)


def test_without_a_champion_the_baseline_may_be_equalled_but_not_missed(long_world, noisy):
    truth = long_world.tails()
    assert decide(truth, None, truth, long_world.outcomes, RULE).promote
    assert decide(truth, None, long_world.tails(noisy), long_world.outcomes, RULE).promote
    refused = decide(long_world.tails(noisy), None, truth, long_world.outcomes, RULE)
    assert not refused.promote
    assert any("above zero by more than noise" in reason for reason in refused.reasons)
    assert (refused.table["opponent"] == "B1").all()


def test_forecasts_that_are_unusable_or_left_out_are_never_promoted(long_world, noisy):
    champion, truth = long_world.tails(noisy), long_world.tails()
    broken = truth.copy()
    broken.loc[0, "var"] = np.nan
    crossed = truth.copy()
    crossed.loc[0, "es"] = crossed.loc[0, "var"] * 0.9
    for frame in (broken, crossed):
        decision = decide(frame, champion, champion, long_world.outcomes, RULE)
        assert not decision.promote
        assert "1 of the challenger's forecasts are not finite, not positive or have es < var" in decision.reasons[0]
    partial = truth[truth["symbol"] != "S00USDT"]
    decision = decide(partial, champion, champion, long_world.outcomes, RULE)
    assert not decision.promote
    assert "lacks 12.5% of the forecasts" in decision.reasons[0]
    ends_only = decide(truth.drop(columns=["path_var", "path_es"]), champion, champion, long_world.outcomes, RULE)
    assert not ends_only.promote
    assert sum("no usable forecast" in reason for reason in ends_only.reasons) == 4


def test_too_few_days_decide_nothing(long_world, noisy):
    early = long_world.outcomes["as_of"].unique()[:20]
    outcomes = long_world.outcomes[long_world.outcomes["as_of"].isin(early)]
    decision = decide(long_world.tails(), long_world.tails(noisy), long_world.tails(), outcomes, RULE)
    assert not decision.promote
    assert "20 common days, at least 60 are needed" in decision.reasons[0]


def test_no_common_day_is_a_refusal_not_a_crash(long_world):
    truth = long_world.tails()
    decision = decide(truth, truth, truth, long_world.outcomes.iloc[:0], RULE)
    assert not decision.promote
    assert len(decision.reasons) == 8
    assert decision.table.empty


def test_the_decision_is_reproducible(long_world, noisy):
    args = (long_world.tails(), long_world.tails(noisy), long_world.tails(), long_world.outcomes, RULE)
    first, second = decide(*args), decide(*args)
    assert first.reasons == second.reasons
    pd.testing.assert_frame_equal(first.table, second.table)
