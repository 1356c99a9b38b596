"""Every section of evidence: its numbers are those of its table, and its sentences say what they say."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import loss_label, number, percent, probability, signed
from levercap.report.page.html import Section
from levercap.report.sections.attributions import attributions_section
from levercap.report.sections.backtests import WORDS, backtests_section
from levercap.report.sections.breakdown import breakdown_section
from levercap.report.sections.breaks import breaks_section
from levercap.report.sections.influence import influence_section, insignificant_without
from levercap.report.sections.models import models_section, stars
from levercap.report.sections.murphy import murphy_section
from levercap.report.sections.scores import board_of
from levercap.report.sections.shocks import shocks_section
from levercap.report.sections.weaknesses import weaknesses_section
from support import evaluation_tables as evidence_world
from support.evaluation_tables import KEYS, evidence_tables
from support.html_page import Page

pytestmark = pytest.mark.usefixtures("undrawn")

TABLES = evidence_tables()


def evaluation(**changed: pd.DataFrame) -> Evaluation:
    return Evaluation({**TABLES, **changed})


def read(section: Section | None) -> Page:
    assert section is not None
    return Page(f'<section id="{section.anchor}"><h2>{section.title}</h2>{section.body}</section>')


def tables(make: Callable[[Evaluation], Section | None], **changed: pd.DataFrame) -> list[list[list[str]]]:
    return [rows for _, rows in read(make(evaluation(**changed))).tables]


def own(name: str, model: str = "levercap") -> pd.DataFrame:
    return TABLES[name][TABLES[name]["model"] == model].reset_index(drop=True)


def at(frame: pd.DataFrame, key: tuple[str, str, float], **also: object) -> pd.Series:
    chosen = (frame["side"] == key[0]) & (frame["kind"] == key[1]) & (frame["level"] == key[2])
    for name, value in also.items():
        chosen &= frame[name] == value
    assert chosen.sum() == 1
    return frame[chosen].iloc[0]


def test_the_leaderboard_has_every_line_with_its_numbers():
    overview, whole = tables(models_section)
    groups = [row for row in whole[1:] if len(row) == 1]
    assert [g[0] for g in groups] == [f"{loss_label(*key)} (800 days, 3 coins)" for key in KEYS]
    lines = [row for row in whole[1:] if len(row) > 1]
    assert len(lines) == len(TABLES["leaderboard"])
    named = {"GJR-GARCH, extreme values": "gjr_evt", "historical simulation, 250 days": "hs_250"}
    for i, row in enumerate(lines):
        line = at(TABLES["leaderboard"], KEYS[i // 4], model=named.get(row[0], row[0]))
        if row[0] == "B1":
            assert row[2:8] == ["reference", "", "", "", "", ""]
            continue
        assert row[2] == signed(line["d_fz0"], 3)
        assert row[4:6] == [f"[{signed(line[f'ci_low{b}'], 3)}, {signed(line[f'ci_high{b}'], 3)}]" for b in ("", "_60")]
        p = [f"p_romano_wolf{a}_{b}" for a in ("", "_all") for b in (20, 60)]
        assert row[6:10] == [probability(line[name]) for name in p]
        assert row[11] == ("yes" if row[0] == "levercap" else "no")
    assert [row[0] for row in overview[1:]] == ["levercap", *named]
    mean = own("leaderboard")["d_fz0"].mean()
    assert overview[1] == ["levercap", signed(mean, 3), "8", "8", "8", "0", "8"]
    assert overview[3][1:] == [signed(own("leaderboard", "hs_250")["d_fz0"].mean(), 3), "8", "0", "0", "8", "0"]


@pytest.mark.parametrize(
    ("verdict", "all_p", "mark"),
    [
        ("better", (0.01, 0.04), "**"),
        ("better", (0.01, 0.06), "*"),
        ("better", (0.01, np.nan), "*"),
        ("no difference", (0.01, 0.01), ""),
        ("worse", (1.0, 1.0), "†"),
    ],
)
def test_a_second_star_needs_the_comparisons_of_all_models(verdict, all_p, mark):
    names = ("p_romano_wolf_all_20", "p_romano_wolf_all_60")
    assert stars(pd.Series(dict(zip(names, all_p, strict=True)) | {"verdict": verdict})) == mark


def test_years_and_coins_are_those_of_the_tables():
    years, differences, rates = tables(breakdown_section)
    assert [row[0] for row in years[1:]] == ["2022", "2023"]
    for row in years[1:]:
        assert row[2:] == [percent(at(own("by_year"), key, year=int(row[0]))["hit_rate"]) for key in KEYS]
    for row, rate in zip(differences[1:], rates[1:], strict=True):
        lines = [at(own("by_symbol"), key, symbol=row[0]) for key in KEYS]
        assert row[1:] == [f"{lines[0]['days']:,}", *(signed(line["d_fz0"], 3) for line in lines)]
        assert rate[2:] == [percent(line["hit_rate"]) for line in lines]
    body = breakdown_section(evaluation()).body
    better = int((own("by_year")["d_fz0"] < 0).sum())
    assert f"Better than B1 in {better} of 16 pairs" in body
    coloured = re.findall(r'<td class="num tint" style="background:[^"]*">', body)
    shaded = int(
        (own("by_symbol")["kupiec_p"] < 0.05).sum() + (own("by_year")["hit_low"] > 1 - own("by_year")["level"]).sum()
    )
    assert len(coloured) == shaded + len(own("by_symbol"))


def test_influence_events_and_their_sentences():
    few, days, inside = tables(influence_section)
    for row, key in zip(few[1:], KEYS, strict=True):
        line = at(own("influence"), key)
        names = ("d_fz0", "without_top10", "without_helpful10")
        assert row[2:5] == [signed(line[name], 3) for name in names]
        assert row[5] == ("never" if pd.isna(line["days_to_overturn"]) else str(line["days_to_overturn"]))
    assert len(days) == 11
    top = own("influential_days").groupby("day")["contribution"].agg(lambda c: c.abs().sum())
    assert max(int(row[1]) for row in days[1:]) == 8
    assert {row[0] for row in days[1:]} <= {f"{d:%Y-%m-%d}" for d in top.index}
    assert [row[0] for row in inside[1:]] == ["first crash", "second crash", "all events"]
    assert inside[1][1:3] == [
        "2022-03-01 to 03-04",
        signed(at(own("events"), KEYS[0], event="first crash")["difference"], 2),
    ]
    text = read(influence_section(evaluation())).texts["influence"]
    worst = own("influence")["without_helpful10"]
    assert f"and {int((worst < 0).sum())} even without the ten days that help most" in text
    assert "No lead is lost by leaving out any one event." in text
    assert set(insignificant_without(own("events"))) == {"all events"}
    turned = own("events")
    turned.loc[(turned["event"] == "second crash") & (turned["side"] == "short"), "without"] = 0.01
    text = read(influence_section(evaluation(events=turned))).texts["influence"]
    assert "A lead that one event made: short, end, 97.5\u202f% without second crash" in text


def test_breaks_are_shown_for_both_models_and_one_by_one():
    page = read(breaks_section(evaluation()))
    first, second = (rows for _, rows in page.tables)
    assert [row[0] for row in first[1:]] == ["first crash"]
    assert [row[0] for row in second[1:]] == ["2022-08-09", "2023-02-03"]
    assert first[1][1:] == [percent(3 * (1 - key[2])) for key in KEYS]
    text = page.texts["breaks"]
    assert "levercap after known events: the rate agrees with nominal in 8 of 8 kinds of loss" in text
    assert "B1 after jumps of volatility" in text
    assert "than at other times, beyond noise: long, end, 97.5\u202f% (+0.40 points)" in text
    without = TABLES["post_break"].query("`break` != 'all'")
    assert len(read(breaks_section(evaluation(post_break=without))).tables) == 2


def test_backtests_say_in_words_what_passes_and_what_rejects():
    page = read(backtests_section(evaluation()))
    coverage, meanings, mine, baseline, against = (rows for _, rows in page.tables)
    frame = own("backtests")
    absolute = frame[~frame["test"].isin(evidence_world.AGAINST)]
    failed = int((absolute["verdict"] == "fail").sum())
    text = page.texts["backtests"]
    passed = int((absolute["verdict"] == "pass").sum())
    assert f"levercap: of {len(absolute)} tests {passed} pass and {failed} reject; 2 cannot be computed" in text
    assert [row[0] for row in meanings[1:]] == [*evidence_world.TESTS, *evidence_world.AGAINST]
    for row in meanings[1:]:
        part = frame[frame["test"] == row[0]]["verdict"]
        assert row[1:2] + row[5:] == [WORDS[row[0]].asks.replace(" %", "\u202f%"), WORDS[row[0]].rejected]
        assert [int(n) for n in row[2:5]] == [
            int(part.isin(("pass", "better")).sum()), int((part == "fail").sum()), int((part == "not computable").sum())
        ]  # fmt: skip
    assert "Rejected by panel dynamic quantile: long, end, 97.5\u202f% (p\u202f0.012)" in text
    assert "Rejected by e-process VaR: long, path, 99\u202f% (alarm on 2022-04-05)" in text
    assert mine[3][1:] == ["fail 0.012"] * 8
    assert baseline[3][1:] == ["fail 0.012"] * 4 + ["pass 0.300"] * 4
    assert mine[4][1:3] == ["pass 0.400", "–"]
    assert [row[0] for row in against[1:]] == list(evidence_world.AGAINST)
    lines = [row for row in coverage[1:] if len(row) > 1]
    assert [row[0] for row in lines[:2]] == ["levercap", "B1"]
    assert lines[0][2] == percent(at(own("coverage"), KEYS[0])["hit_rate"])


def test_every_backtest_of_an_evaluation_has_words():
    from levercap.evidence.backtest_table import TESTS

    assert set(TESTS) == set(WORDS)


def test_a_comparison_that_cannot_be_computed_is_no_backtest_of_the_model_alone():
    frame = TABLES["backtests"].copy()
    frame.loc[frame["test"] == "Giacomini-White", ["p_value", "verdict"]] = [np.nan, "not computable"]
    page = read(backtests_section(evaluation(backtests=frame)))
    assert "2 cannot be computed" in page.texts["backtests"]
    against = page.tables[-1][1]
    assert against[2] == ["Giacomini-White", *["–"] * 8]


def test_skill_slope_and_area_under_the_curve_are_those_of_the_table():
    page = read(shocks_section(evaluation()))
    calibration, rows = (rows for _, rows in page.tables)
    ordered = TABLES["shocks"].sort_values(["barrier", "side"])
    for row, (_, line) in zip(rows[1:], ordered.iterrows(), strict=True):
        assert row[0] == f"{percent(line['barrier'], 0)}, {line['side']}"
        assert row[1] == str(line["events"])
        assert row[2:4] == [percent(line["skill"]), f"[{percent(line['skill_low'])}, {percent(line['skill_high'])}]"]
        assert row[5:] == [number(line["slope"]), *(number(line[n], 3) for n in ("auc", "auc_implied", "auc_scale"))]
    for row, (_, line) in zip(calibration[1:], ordered.iterrows(), strict=True):
        assert row[3:6] == [percent(line["predicted"]), percent(line["base_rate"]), number(1e4 * line["brier"], 1)]
        assert row[8:] == [percent(line["brier_skill"], 1), number(line["slope"]), number(line["intercept"])]
    text = page.texts["shocks"]
    assert "positive in 6 of 6 cases, beyond noise in 2" in text.replace("\n", " ")
    assert "within 0.9 to 1.1 in 3 of 6 cases" in text
    assert "better than volatility alone in 3 of 6 cases" in text
    assert page.tags.count("img") == 1
    longer = TABLES["shocks"].assign(skill_low=0.01, skill_low_60=[-0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
    assert "beyond noise in 5" in shocks_section(evaluation(shocks=longer)).body
    unknown = TABLES["shocks"].assign(skill=np.nan, skill_low=np.nan, skill_high=np.nan, auc_implied=np.nan)
    assert "Skill is not known" in shocks_section(evaluation(shocks=unknown)).body


def test_murphy_verdicts_are_read_out():
    page = read(murphy_section(evaluation()))
    assert page.tags.count("img") == 2
    rows = page.tables[0][1]
    assert rows[1] == ["value at risk, long, end, 97.5\u202f%", "dominates", "0.900", "0.021", "100\u202f%"]
    assert "Expected shortfall, short, end, 97.5\u202f%: the curves are not distinguishable." in page.texts["murphy"]


def test_attributions_show_the_largest_and_count_the_rest():
    top, groups = tables(attributions_section)
    shares = TABLES["attributions"].query("learner == 'boosted'").set_index("feature")["share"]
    assert [row[0] for row in top[1:]] == shares.index[:15].tolist()
    assert [row[1] for row in top[1:]] == [percent(v, 1) for v in shares[:15]]
    assert top[2][3] == "realised volatility of the last 24 hours"
    assert top[4][3] == "made up 0"
    assert {row[0]: row[1] for row in groups[1:]} == {"Volatility": "3", "Other": "17"}
    assert "5 others move the rest" in attributions_section(evaluation()).body


def test_weaknesses_name_what_is_lost_and_what_is_not_significant():
    board = TABLES["leaderboard"].copy()
    mine = board["model"] == "levercap"
    lost = mine & (board["side"] == "long") & (board["kind"] == "end") & (board["level"] == 0.99)
    board.loc[lost, "d_fz0"] = 0.01
    unsure = mine & (board["side"] == "short") & (board["kind"] == "end") & (board["level"] == 0.99)
    board.loc[lost | unsure, "verdict"] = "no difference"
    board.loc[unsure, "p_romano_wolf_60"] = 0.07
    here = evaluation(leaderboard=board)
    text = read(weaknesses_section(here, board_of(here), ["Murphy diagrams"])).texts["weaknesses"]
    assert "long, end, 99\u202f%: difference +0.010" in text
    assert text.count("It does not beat B1.") == 1
    assert text.count("Better on average, not significant: adjusted p-values") == 1
    assert "long, end, 99\u202f%: GJR-GARCH, extreme values" in text
    behind = own("by_symbol")
    assert ("CCCUSDT: no better" in text) == bool((behind[behind["symbol"] == "CCCUSDT"]["d_fz0"] >= 0).any())
    first = behind[(behind["symbol"] == "AAAUSDT") & (behind["d_fz0"] >= 0)]
    assert (
        f"AAAUSDT: no better in {len(first)} of 8 kinds of loss, at worst by {signed(first['d_fz0'].max(), 3)}" in text
    )
    for year in (2022, 2023):
        worse = own("by_year").query("year == @year and d_fz0 >= 0")
        assert (f"In {year} no better in " in text) == bool(len(worse))
    assert "Expected shortfall, long, end, 97.5\u202f%: is not distinguishable." in text
    assert "Calibration slope outside 0.9 to 1.1: moves of 5\u202f%, short (1.20)" in text
    assert "panel dynamic quantile: short, end, 97.5\u202f%; short, end, 99\u202f%" in text
    assert "Tests that reject both: panel dynamic quantile (4), e-process VaR (2)." in text
    assert "The evaluation holds no tables, or empty ones, for: Murphy diagrams." in text


def test_weaknesses_say_so_when_there_are_none():
    here = Evaluation({"leaderboard": TABLES["leaderboard"]})
    text = read(weaknesses_section(here, board_of(here))).texts["weaknesses"]
    assert "there is no kind of loss in which it does not beat B1" in text
    assert weaknesses_section(None, None) is None


def test_a_board_of_many_models_is_reduced_to_the_evaluated_one():
    assert board_of(evaluation())["model"].unique().tolist() == ["levercap"]
    foreign = TABLES["leaderboard"].query("model != 'levercap'")
    assert set(board_of(evaluation(leaderboard=foreign))["model"]) == {"gjr_evt", "hs_250"}
