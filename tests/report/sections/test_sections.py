"""Sections on inputs that are thin, odd or hostile."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from levercap.report.figures.charts import binding_bars, intervals, leads, limit_histogram
from levercap.report.inputs import Evaluation, Scores, read_scores
from levercap.report.page.formatting import (
    count,
    level_name,
    loss_label,
    money,
    multiple,
    number,
    percent,
    probability,
    signed,
    words,
)
from levercap.report.page.html import Column, table
from levercap.report.sections.cuts import cuts_section
from levercap.report.sections.headline import headline_section
from levercap.report.sections.hits import hits_section
from levercap.report.sections.limit_distribution import limit_cards, limits_section, status_section
from levercap.report.sections.scores import board_of, scores_section
from levercap.report.sections.shocks import shock_card, shocks_section
from levercap.report.sections.training import training_section
from support.report_folders import evidence_of, forecasts_of, simulate_limits, simulate_outcomes, tails_of, write_run


@dataclass(frozen=True)
class World:
    outcomes: pd.DataFrame
    tails: pd.DataFrame
    forecasts: pd.DataFrame


def make_world() -> World:
    outcomes, volatility = simulate_outcomes(200, 5, seed=4)
    return World(outcomes, tails_of(outcomes, volatility), forecasts_of(outcomes, volatility))


WORLD = make_world()


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return Evaluation(evidence_of(WORLD.tails, WORLD.tails, WORLD.outcomes, WORLD.forecasts))


def rows_of(body: str) -> list[list[str]]:
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body) if "<td" in row]


def test_numbers_read_as_a_person_would_write_them():
    assert number(-1234.567) == "\u22121,234.57"
    assert number(-0.001) == "0.00"
    assert signed(0.01234, 3) == "+0.012"
    assert percent(0.01234) == "1.23\u202f%"
    assert multiple(np.inf) == "no limit"
    assert [probability(p) for p in (0.0, 0.0001, 0.0005, 0.0421, np.nan)] == [
        "<0.001",
        "<0.001",
        "0.001",
        "0.042",
        "–",
    ]
    assert [f(float("nan")) for f in (number, signed, percent, multiple, money)] == ["–"] * 5
    assert (level_name(0.99), level_name(0.975)) == ("99\u202f%", "97.5\u202f%")
    assert count(12345) == "12,345"
    assert words("venue_tiers") == "venue tiers"
    assert words("long_memory:liquidation") == "long-memory floor (liquidation budget)"
    assert words("something_new") == "something new"


def test_text_from_the_data_cannot_become_markup():
    frame = simulate_limits(30, 1)
    frame["account_id"] = "<img src=x onerror=alert(1)>" + frame["account_id"]
    frame["reasons"] = "<b>bold</b>"
    body = cuts_section(Scores(frame, {})).body + status_section(Scores(frame, {})).body
    assert "<img" not in body
    assert "<b>" not in body
    assert "&lt;b&gt;" in body
    assert "<td>&lt;</td>" in table([Column("a", ["<"], numeric=False)])


def test_first_scoring_shows_what_has_to_be_reduced_instead_of_cuts():
    frame = simulate_limits(50, 1, previous=False)
    section = cuts_section(Scores(frame, {}))
    assert "this is the first scoring" in section.body
    lowest = frame[frame["status"] != "rejected"].nsmallest(10, "headroom")["account_id"].tolist()
    assert [row[0] for row in rows_of(section.body)] == lowest
    calm = frame.assign(previous_max_leverage=frame["max_leverage"])
    assert "No limit was cut" in cuts_section(Scores(calm, {})).body


def test_the_latest_date_and_the_last_instant_of_a_replay_are_read(tmp_path):
    for day in ("28", "30", "29"):
        write_run(tmp_path, simulate_limits(5, 1).assign(as_of=pd.Timestamp(f"2025-06-{day}", tz="UTC")))
    assert read_scores(tmp_path).limits["as_of"].unique().tolist() == [pd.Timestamp("2025-06-30", tz="UTC")]
    replay = tmp_path / "replay"
    replay.mkdir()
    days = [simulate_limits(5, 1).assign(as_of=pd.Timestamp(f"2025-06-{d}", tz="UTC")) for d in (28, 30, 29)]
    pd.concat(days).to_parquet(replay / "limits.parquet")
    scores = read_scores(replay)
    assert (len(scores.limits), scores.dates) == (5, 3)
    assert scores.limits["as_of"].unique().tolist() == [pd.Timestamp("2025-06-30", tz="UTC")]


def test_a_book_without_segments_and_a_book_of_rejected_accounts_are_shown():
    frame = simulate_limits(40, 2).drop(columns=["segment", "equity"])
    assert "all accounts" in limits_section(Scores(frame, {})).body
    rejected = frame.assign(status="rejected", max_leverage=0.0)
    assert "Every account was rejected" in limits_section(Scores(rejected, {})).body
    assert limit_cards(Scores(rejected, {}))[1].value == "40"


def test_a_forecaster_that_is_the_baseline_is_named_so(evaluation):
    board = board_of(evaluation)
    assert board["model"].unique().tolist() == ["levercap"]
    assert (board["d_fz0"] == 0).all()  # the baseline is the same forecast
    body = scores_section(board, evaluation).body
    assert "Does not beat B1" not in body
    assert "The forecaster is the baseline itself" in body
    headline = headline_section(board, None, None).body
    assert headline.count("the forecaster is the baseline itself") == 2
    assert "0 of 8" not in headline
    apart = board.assign(d_fz0=[*board["d_fz0"][1:], 0.01])
    assert "baseline itself" not in headline_section(apart, None, None).body
    assert board_of(Evaluation({})) is None
    assert board_of(None) is None


def test_hit_rates_and_lights_are_those_of_the_tables(evaluation):
    coverage, lights = evaluation.tables["coverage"], evaluation.tables["traffic_lights"]
    rows = rows_of(hits_section(evaluation).body)
    assert len(rows) == 8
    for row, (_, line), (_, light) in zip(rows, own(coverage).iterrows(), own(lights).iterrows(), strict=True):
        assert row[0] == loss_label(line["side"], line["kind"], line["level"])
        assert row[2:5] == [
            percent(line["hit_rate"]),
            f"[{percent(line['low'])}, {percent(line['high'])}]",
            light["light"],
        ]
        assert row[5:] == [str(light[f"coins_{zone}"]) for zone in ("green", "yellow", "red")]
        assert sum(int(n) for n in row[5:]) == 5
    assert hits_section(evaluation).body.count("<figure>") == 2


def own(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["model"] == "levercap"]


def test_a_few_days_are_enough_to_draw():
    first = WORLD.outcomes["as_of"].unique()[:3]
    tails, outcomes, forecasts = (
        table[table["as_of"].isin(first)] for table in (WORLD.tails, WORLD.outcomes, WORLD.forecasts)
    )
    short = Evaluation(evidence_of(tails, tails, outcomes, forecasts))
    assert "<figure>" in hits_section(short).body
    assert "<figure>" in shocks_section(short).body
    assert "<figure>" in scores_section(board_of(short), short).body


def test_the_shock_card_is_about_moves_of_ten_per_cent(evaluation):
    lines = evaluation.tables["shocks"]
    ten = lines[lines["barrier"] == 0.1]
    card = shock_card(evaluation)
    assert card.label == "Shocks of 10\u202f% that happened"
    assert card.value == percent(ten["events"].sum() / ten["rows"].sum())
    assert card.meaning.endswith(f"; {ten['events'].sum()} events")
    assert percent(float(ten["predicted"].mean())) in card.meaning  # both sides have the same rows
    assert shock_card(Evaluation({})).value == "not run"


def test_a_barrier_that_nothing_reached_is_stated_and_not_drawn():
    path = ["path_long", "path_short"]
    quiet = WORLD.outcomes.assign(**{name: WORLD.outcomes[name].clip(upper=0.15) for name in path})
    body = shocks_section(Evaluation(evidence_of(WORLD.tails, WORLD.tails, quiet, WORLD.forecasts))).body
    assert "No move of 20\u202f% happened in 2,000 forecasts" in body
    assert "No move of 10\u202f%" not in body
    assert body.count("<figure>") == 1
    calm = quiet.assign(path_long=0.0, path_short=0.0)
    body = shocks_section(Evaluation(evidence_of(WORLD.tails, WORLD.tails, calm, WORLD.forecasts))).body
    assert body.count("happened in 2,000 forecasts") == 3
    assert "<figure>" not in body


def test_the_headline_says_that_no_limit_rests_on_complete_data():
    frame = simulate_limits(40, 2)
    held = frame["status"] != "rejected"
    stale = frame.assign(status=np.where(held, "fallback", "rejected"))
    found = {"findings": [{"code": "market_stale"}]}
    assert "The market data were stale" in headline_section(None, Scores(stale, found), None).body
    plain = headline_section(None, Scores(stale, {}), None).body
    assert "stale" not in plain
    assert "No account could be scored on complete data" in plain
    usual = headline_section(None, Scores(frame, found), None).body
    assert "stale" not in usual
    assert "complete data" not in usual


def test_one_is_singular_and_rejected_accounts_that_hold_something_are_above_their_limit():
    one = simulate_limits(1, 2).assign(status="scored", max_leverage=1.0, previous_max_leverage=2.0)
    assert "1 account came in and has a row" in status_section(Scores(one, {})).body
    assert "1 limit was cut" in headline_section(None, Scores(one, {}), None).body
    rejected = simulate_limits(3, 2).assign(
        status="rejected", max_leverage=0.0, effective_leverage=np.nan, headroom=[0.0, -5.0, np.nan]
    )
    card = limit_cards(Scores(rejected, {}))[0]
    assert card.value == "2"
    assert "of 3; 5 to reduce" in card.meaning


def test_a_manifest_of_any_shape_is_quoted():
    section = training_section(
        {"deep": {"deeper": {"key_name": [1, 2]}}, "nothing": None, "many": list(range(99))}, None, None
    )
    assert "key name" in section.body
    assert "not stated" in section.body
    assert "and 39 more" in section.body
    other = Scores(pd.DataFrame(), {"provenance": {"bundle_id": "bbb"}})
    assert (
        "made by bundle bbb, not by the bundle described here (aaa)"
        in training_section({"bundle_id": "aaa"}, None, other).body
    )


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: intervals(
            ["a", "b", "c"], np.array([-1.0, 0.0, 1.0]), np.array([-2.0, -1, 0.5]), np.array([-0.5, 1, 2]), "d"
        ),
        lambda: limit_histogram({"one": np.array([0.0, 5.0, 5.0]), "none": np.array([2.0])}),
        lambda: limit_histogram({"zero": np.zeros(3)}),
        lambda: binding_bars({"only": 1}),
        lambda: leads(["a", "b"], np.array([-1.0, 1]), np.array([-0.5, np.nan]), np.array([0.1, 1.5]), "d"),
    ],
)
def test_drawings_are_reproducible_svg_without_a_date(drawn):
    first = drawn()
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert b"<dc:date>" not in first
    assert first == drawn()
