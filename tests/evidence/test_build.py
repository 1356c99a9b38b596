"""The evidence tables, on forecasts whose truth is known: they find it, and they are consistent with each other."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import norm

from levercap.evaluation import fz0, leaderboard
from levercap.evidence import TABLES
from levercap.evidence.backtest_table import TESTS
from levercap.evidence.build import STEPS, build_tables
from levercap.evidence.columns import COMPARISONS
from levercap.evidence.headline_figures import headline_figures
from levercap.evidence.known_events import EVENTS
from levercap.evidence.ranking import verdicts
from levercap.evidence.shock_tables import band_lines, shocks_of
from support.known_truth import day, record

ROW = ["model", "side", "kind", "level"]


@pytest.fixture(scope="module")
def world():
    return record()


@pytest.fixture(scope="module")
def evidence(world):
    steps = []
    evidence = build_tables(world, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(done, STEPS) for done in range(1, STEPS + 1)]
    return evidence


@pytest.fixture(scope="module")
def tables(evidence):
    return evidence.tables


def of(table, model="levercap", side="long", kind="end", level=0.975):
    keys = {"model": model, "side": side, "kind": kind, "level": level}
    return table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])]


def test_every_table_has_its_columns_and_types(tables):
    assert list(tables) == list(TABLES)
    for name, columns in TABLES.items():
        assert {c: str(t) for c, t in tables[name].dtypes.items()} == dict(columns), name
    assert [name for name, table in tables.items() if table.empty] == ["attributions"]  # no scale was at hand


def test_the_leaderboard_is_that_of_the_evaluation(world, tables):
    again = leaderboard(world.tails, world.evaluated())
    pd.testing.assert_frame_equal(tables["leaderboard"][list(again)], again, check_dtype=False)


def test_the_model_that_knows_wins_and_the_mild_one_loses(tables):
    verdicts = tables["leaderboard"].groupby("model")["verdict"].agg(set).to_dict()
    assert verdicts == {"B1": {"reference"}, "levercap": {"better"}, "hs_250": {"worse"}}


def test_a_larger_family_never_makes_a_result_more_significant(tables):
    board = tables["leaderboard"]
    board = board[board["model"] != "B1"]
    for block in (20, 60):
        assert (board[f"p_romano_wolf_all_{block}"] >= board[f"p_romano_wolf_{block}"]).all()
    assert board[["p_holm", "p_romano_wolf_20", "p_romano_wolf_all_60"]].apply(lambda p: p.between(0, 1)).all(axis=None)


def test_the_confidence_set_holds_the_truth_alone(tables):
    pytest.importorskip("arch")
    board = tables["leaderboard"]
    assert set(board.loc[board["in_set"], "model"]) == {"levercap"}
    assert (board.loc[board["model"] == "levercap", "p_mcs"] == 1.0).all()


def test_every_model_and_row_has_every_backtest(tables):
    tests = tables["backtests"]
    mine, theirs = of(tests), of(tests, "B1")
    assert mine["test"].tolist() == list(TESTS)
    assert theirs["test"].tolist() == list(TESTS[: -len(COMPARISONS)])
    assert len(tests) == 8 * (len(TESTS) + len(TESTS) - len(COMPARISONS))
    assert set(tests.loc[tests["test"].isin(COMPARISONS), "verdict"]) <= {"better", "worse", "no difference"}
    p = tests["p_value"].dropna()
    assert p.between(0, 1).all()


@pytest.mark.slow
def test_backtests_pass_the_truth_and_reject_what_is_too_mild():
    """Size: the truth fails about one test in twenty. Power: forecasts of 60 % of the truth fail nearly all."""
    truth = record(seed=5)
    mild = record(seed=5, tails={"B1": truth.tails["levercap"], "levercap": shrunk(truth.tails["levercap"], 0.6)})
    tests = build_tables(mild).tables["backtests"]
    judged = tests[~tests["test"].isin([*COMPARISONS, "panel dynamic quantile", "panel durations"])]  # these ask when
    judged = judged[judged["verdict"] != "not computable"]
    rejected = judged["verdict"].eq("fail").groupby(judged["model"]).mean()
    assert rejected["B1"] <= 0.15
    assert rejected["levercap"] == 1.0
    compared = tests[tests["test"].isin(("three zones", "Diebold-Mariano"))]
    assert set(compared["verdict"]) == {"worse"}
    alarms = tests.loc[(tests["model"] == "levercap") & (tests["test"] == "e-process VaR"), "alarm_day"]
    assert alarms.between(mild.start, mild.outcomes["as_of"].max()).all()


def shrunk(tails, factor):
    numbers = ["var", "es", "path_var", "path_es"]
    return tails.assign(**{name: factor * tails[name] for name in numbers})


def test_all_tables_count_the_same_hits(world, tables):
    outcomes, tails = world.outcomes, world.tails["levercap"]
    merged = tails[(tails["side"] == "long") & (tails["level"] == 0.975)].merge(outcomes, on=["as_of", "symbol"])
    count = int((merged["long"] > merged["var"]).sum())
    assert of(tables["coverage"])["hits"].item() == count
    for name in ("by_symbol", "by_year", "hits"):
        assert of(tables[name])["hits"].sum() == count, name
    every = of(tables["post_break"])
    everywhere = every[(every["break"] == "all") & (every["source"] == "event") & (every["period"] != "difference")]
    assert everywhere["hits"].sum() == count


def test_all_tables_split_the_same_difference(world, tables):
    """Every table takes another cut through the daily differences of the leaderboard's row."""
    whole = of(tables["leaderboard"])["d_fz0"].item()
    rows = [t[(t["side"] == "short") & (t["level"] == 0.99)] for t in (world.tails["levercap"], world.tails["B1"])]
    mine, theirs = (r.merge(world.outcomes, on=["as_of", "symbol"]) for r in rows)
    scores = [fz0(t["short"], t["var"], t["es"], 0.99) for t in (mine, theirs)]
    slow = pd.Series(scores[0] - scores[1]).groupby(mine["as_of"].to_numpy()).mean().mean()
    assert of(tables["leaderboard"], side="short", level=0.99)["d_fz0"].item() == pytest.approx(slow)
    years = of(tables["by_year"])
    assert np.average(years["d_fz0"], weights=years["days"].astype(float)) == pytest.approx(whole)
    assert of(tables["by_symbol"])["d_fz0"].mean() == pytest.approx(whole)  # every symbol has every day here
    assert of(tables["influence"])["d_fz0"].item() == pytest.approx(whole)
    events = of(tables["events"])
    assert events["without"].iloc[0] == pytest.approx(whole)
    within, days = events["difference"].fillna(0.0), events["days"].astype(float)
    np.testing.assert_allclose((within * days + events["without"] * (300 - days)) / 300, whole)
    top = of(tables["influential_days"])
    assert top["rank"].tolist() == list(range(1, 11))
    assert top["cumulative_without"].iloc[-1] == pytest.approx(of(tables["influence"])["without_top10"].item())


def test_events_of_the_period_are_left_out_in_turn(tables):
    inside = ["2022-05 LUNA", "2022-06 3AC", "2022-11 FTX"]
    assert of(tables["events"])["event"].tolist() == ["nothing", *inside, "all events"]
    breaks = of(tables["post_break"])
    breaks = breaks[(breaks["source"] == "event") & (breaks["period"] == "after")]
    assert breaks["break"].tolist() == ["all", *inside]
    assert breaks["days"].iloc[1] == 60
    assert set(inside) < set(EVENTS)


def test_shock_probabilities_that_are_true_have_skill_and_slope_one(world, tables):
    shocks = tables["shocks"]
    assert len(shocks) == 6
    five = shocks[(shocks["side"] == "long") & (shocks["barrier"] == 0.05)].iloc[0]
    assert five["skill_low"] > 0
    assert five["skill_low_60"] > 0
    assert five["skill_low"] < five["skill"] < five["skill_high"]
    assert five["skill"] == pytest.approx(1 - five["log_loss"] / five["log_loss_implied"])
    p = world.forecasts["shock_probability_long_05"].to_numpy()
    spread = np.average((logit(p) - np.average(logit(p), weights=p * (1 - p))) ** 2, weights=p * (1 - p))
    error = 1 / np.sqrt(spread * (p * (1 - p)).sum() / 4)  # as if the four symbols of a day were one
    assert abs(five["slope"] - 1) < 3 * error
    assert five["auc"] == pytest.approx(five["auc_scale"])  # the probability rises with the volatility
    assert five["auc_implied"] == pytest.approx(0.5)  # says the same every day
    for name in ("brier", "log"):
        parts = [five[f"{name}_{part}"] for part in ("miscalibration", "discrimination", "uncertainty")]
        assert parts[0] - parts[1] + parts[2] == pytest.approx(five["brier" if name == "brier" else "log_loss"])
    assert five["predicted"] == pytest.approx(p.mean())
    assert five["brier_skill"] == pytest.approx(1 - five["brier"] / five["brier_uncertainty"])
    bins = tables["reliability"]
    counted = bins[(bins["side"] == "long") & (bins["barrier"] == 0.05)]
    assert counted["count"].sum() == five["rows"]
    assert counted["events"].sum() == five["events"]


def test_consistency_bands_hold_most_of_the_curve_of_true_probabilities(world, tables):
    bands = tables["reliability_band"]
    happened = tables["shocks"].query("events > 0")
    assert set(zip(bands["side"], bands["barrier"], strict=True)) == set(
        zip(happened["side"], happened["barrier"], strict=True)
    )
    inside = (bands["low"] <= bands["recalibrated"]) & (bands["recalibrated"] <= bands["high"])
    assert inside.mean() > 0.7
    constant = next(shocks_of(world.forecasts.assign(shock_probability_long_05=0.1), world.outcomes))
    assert (constant.side, constant.barrier) == ("long", 0.05)
    assert band_lines(constant).empty  # one probability has no curve


@pytest.mark.parametrize(
    ("p_20", "p_60", "low", "low_60", "verdict"),
    [
        (0.01, 0.04, -1.0, -1.0, "better"),
        (0.01, 0.05, -1.0, -1.0, "no difference"),
        (0.01, np.nan, -1.0, -1.0, "no difference"),
        (0.99, 0.99, 0.1, 0.1, "worse"),
        (0.99, 0.99, 0.1, -0.1, "no difference"),
    ],
)
def test_verdicts_need_both_block_lengths(p_20, p_60, low, low_60, verdict):
    line = {"p_romano_wolf_20": p_20, "p_romano_wolf_60": p_60, "ci_low": low, "ci_low_60": low_60}
    board = pd.DataFrame([{"model": "B1"} | line, {"model": "levercap"} | line])
    assert verdicts(board) == ["reference", verdict]


def test_murphy_diagrams_are_of_both_sides_and_both_forecasts(tables):
    curves = tables["murphy"]
    assert set(zip(curves["side"], curves["forecast"], strict=True)) == {
        (side, forecast) for side in ("long", "short") for forecast in ("var", "es")
    }
    np.testing.assert_allclose(curves["difference"], curves["score"] - curves["reference"], atol=1e-12)
    assert set(curves["verdict"]) == {"dominates"}


def test_figures_name_what_is_not_better(evidence):
    summary = headline_figures(evidence)
    json.dumps(summary, allow_nan=False)
    assert {line["model"] for line in summary["not_better_than_b1"]} == {"hs_250"}
    assert len(summary["not_better_than_b1"]) == 8
    assert {line["why"] for line in summary["not_better_than_b1"]} == {"worse than B1: both intervals lie above zero"}
    assert summary["events"] == 3
    assert sum(summary["backtests"].values()) == 8 * (len(TESTS) - len(COMPARISONS))
    assert sum(summary["comparisons"].values()) == 8 * len(COMPARISONS)
    assert len(summary["failed_backtests"]) == summary["backtests"]["failed"]


def test_a_model_equal_to_b1_is_no_better(world):
    same = record(days=60, tails={"B1": world.tails["B1"], "levercap": world.tails["B1"]})
    evidence = build_tables(same)
    summary = headline_figures(evidence)
    assert len(summary["not_better_than_b1"]) == 8
    assert set(evidence.tables["leaderboard"]["verdict"]) == {"reference", "no difference"}
    assert summary["comparisons"] == {"better": 0, "no difference": 24, "worse": 0, "not computable": 0}


def test_a_period_too_short_says_so_and_hides_nothing():
    short = build_tables(record(days=3, symbols=("SIM01USDT",)))
    summary = headline_figures(short)
    json.dumps(summary, allow_nan=False)
    tests = short.tables["backtests"]
    assert len(tests) == 8 * (2 * len(TESTS) - len(COMPARISONS))
    missing = tests[tests["verdict"] == "not computable"]
    assert len(missing) > 0
    assert (missing["note"] != "").all()
    assert not of(short.tables["hits"]).empty
    assert short.tables["events"].empty


@pytest.mark.slow
def test_the_same_record_gives_the_same_tables():
    first, second = (build_tables(record(days=25)) for _ in range(2))
    for name in TABLES:
        pd.testing.assert_frame_equal(first.tables[name], second.tables[name], check_exact=True)


@pytest.mark.slow
def test_forecasts_without_implied_probabilities_have_no_skill(world):
    bare = world.forecasts[[c for c in world.forecasts if not c.startswith("implied")]]
    evidence = build_tables(record(days=25, forecasts=bare))
    assert evidence.tables["shocks"]["skill"].isna().all()
    assert evidence.tables["shocks"]["auc"].notna().any()
    assert any("implied" in note for note in evidence.notes)
    none = build_tables(record(days=25, forecasts=bare[["as_of", "symbol", "horizon_hours", "volatility"]]))
    assert none.tables["shocks"].empty
    assert none.tables["reliability"].empty
    assert any("no shock probability" in note for note in none.notes)


@pytest.mark.slow
def test_rows_without_an_outcome_are_not_judged():
    whole = record(days=60)
    outcomes = whole.outcomes.copy()
    outcomes.loc[outcomes["as_of"] >= day("2022-03-21"), ["long", "path_long"]] = np.nan
    evidence = build_tables(record(days=60, outcomes=outcomes))
    assert of(evidence.tables["coverage"])["days"].item() == 20
    assert of(evidence.tables["coverage"], side="short")["days"].item() == 60
    assert evidence.tables["shocks"].groupby("side")["days"].agg(set).to_dict() == {"long": {20}, "short": {60}}


def test_the_world_is_what_it_says(world):
    """Normal losses of known volatility: the hit rate of the truth is nominal."""
    tails = world.tails["levercap"]
    row = tails[(tails["side"] == "long") & (tails["level"] == 0.99)].merge(world.outcomes, on=["as_of", "symbol"])
    z = row["long"] / row["realised_volatility"]
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * 300)
    np.testing.assert_allclose(row["var"] / row["realised_volatility"], norm.ppf(0.99))
