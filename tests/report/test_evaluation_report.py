"""The report of an evaluation with its evidence: whole, in part, empty, or broken."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from levercap.evidence.columns import TABLES
from levercap.report.build import OPTIONAL_SECTIONS, render, write_report
from levercap.report.figures.forest import COVERED, ForestPanel, forest
from levercap.report.figures.reliability import Calibrated, MurphyPanel, Ranking, calibration, murphy_curves
from levercap.report.inputs import Evaluation, read_evaluation
from levercap.report.sections.hits import hits_section
from levercap.report.sections.rows import tint, wash
from support.evaluation_tables import evidence_tables, write_evidence_tables
from support.html_page import Page

SECTIONS = {
    "models": OPTIONAL_SECTIONS[0],
    "breakdown": OPTIONAL_SECTIONS[1],
    "influence": OPTIONAL_SECTIONS[2],
    "breaks": OPTIONAL_SECTIONS[3],
    "backtests": OPTIONAL_SECTIONS[4],
    "murphy": OPTIONAL_SECTIONS[5],
    "attributions": OPTIONAL_SECTIONS[6],
}
NEEDED = {
    "models": ("leaderboard",),
    "breakdown": ("by_year", "by_symbol"),
    "influence": ("influence", "influential_days", "events"),
    "breaks": ("post_break",),
    "backtests": ("backtests",),
    "murphy": ("murphy",),
    "attributions": ("attributions",),
}


ORDER = (
    "headline training scores models weaknesses breakdown influence breaks hits backtests shocks murphy attributions "
    "limits cuts statuses glossary files"
)


def report(tables: dict[str, pd.DataFrame]) -> Page:
    return Page(render(Evaluation(tables), None, None))


@pytest.mark.slow
def test_a_whole_evaluation_has_every_section_in_order(tmp_path):
    folder = write_evidence_tables(tmp_path / "whole", evidence_tables())
    page = Page(write_report(folder, None, None, tmp_path / "report.html").read_text(encoding="utf-8"))
    assert list(page.texts) == ORDER.split()
    assert "script" not in page.tags
    assert all(a.startswith(("#", "data:image/svg+xml;base64,")) for a in page.addresses)
    assert "After adjustment for several comparisons 8 of 8 leads are beyond noise" in page.texts["headline"]
    assert "reject: panel dynamic quantile (8), e-process VaR (2)." in page.texts["headline"]
    assert "Not examined" not in page.texts["weaknesses"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("section", list(SECTIONS))
def test_a_section_without_its_tables_is_left_out_and_named(section):
    tables = evidence_tables()
    for i, name in enumerate(NEEDED[section]):
        if name == "leaderboard":
            tables[name] = tables[name].assign(p_romano_wolf_20=np.nan, p_romano_wolf_60=np.nan)
        elif i % 2 == 0:
            tables[name] = tables[name].iloc[:0]
        else:
            del tables[name]
    page = report(tables)
    assert set(SECTIONS) - set(page.texts) == {section}
    assert f"The evaluation holds no tables, or empty ones, for: {SECTIONS[section]}." in page.texts["weaknesses"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", sorted(TABLES))
def test_any_one_table_alone_gives_a_report(name):
    tables = evidence_tables()
    assert "headline" in report({name: tables[name]}).texts


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("absent", [("hits", "coverage"), ("shocks",), ("reliability", "leaderboard")])
def test_tables_without_a_section_of_their_own_may_be_absent(absent):
    assert "headline" in report({name: table for name, table in evidence_tables().items() if name not in absent}).texts


@pytest.mark.usefixtures("undrawn")
def test_missing_numbers_are_dashes_and_never_stop_the_report():
    tables = evidence_tables()
    for name, table in tables.items():
        numbers = [c for c in table.select_dtypes("float64") if c not in ("level", "barrier", "threshold")]
        tables[name] = table.assign(**{c: table[c].mask(np.arange(len(table)) % 3 == 0) for c in numbers})
    page = report(tables)
    assert "nan" not in " ".join(page.texts.values()).lower().replace("finance", "")


def test_hits_of_the_baseline_are_drawn_where_they_are_known():
    tables = evidence_tables()
    beside = hits_section(Evaluation(tables)).body
    tables["hits"] = tables["hits"].query("model != 'B1'")
    without = hits_section(Evaluation(tables)).body
    assert without != beside
    assert without.count("<figure>") == beside.count("<figure>") == 2


@pytest.mark.usefixtures("undrawn")
def test_an_evaluation_of_an_earlier_version_asks_to_be_run_again(tmp_path):
    """Its forecasts are there, some tables are absent and one lacks a column of today."""
    tables = {name: table for name, table in evidence_tables().items() if name not in ("traffic_lights", "by_year")}
    tables["shocks"] = tables["shocks"].drop(columns="predicted")
    tables["hits"] = tables["hits"].drop(columns="rolling")
    folder = write_evidence_tables(tmp_path / "earlier", tables)
    (folder / "summary.json").write_text('{"from": "2022-01-01T00:00:00+00:00", "to": "2023-01-01T00:00:00+00:00"}')
    evaluation = read_evaluation(folder)
    assert evaluation.outdated == ("traffic_lights", "by_year", "hits", "shocks")
    assert "by_symbol" in evaluation.tables
    page = Page(render(evaluation, None, None))
    again = "not run with this version: run `levercap evaluate` again"
    assert f"Tables traffic_lights, by_year, hits, shocks of the evaluation: {again}." in page.texts["headline"]
    assert "Forecasts evaluated from 2022-01-01, before 2023-01-01" in render(evaluation, None, None)
    assert again in page.texts["hits"]
    assert again in page.texts["shocks"]
    assert again in page.texts["weaknesses"]
    assert again not in page.texts["scores"]
    assert page.texts["headline"].count("not run") >= 3
    (tmp_path / "bare").mkdir()
    tables["hits"][["day"]].to_parquet(tmp_path / "bare" / "forecasts.parquet")
    bare = Page(render(read_evaluation(tmp_path / "bare"), None, None))
    for name in ("scores", "hits", "shocks"):
        assert again in bare.texts[name]


def test_the_made_up_tables_are_those_of_an_evaluation():
    tables = evidence_tables()
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        assert list(table) == list(TABLES[name]), name


def panel(seed: int, wide: bool) -> ForestPanel:
    value = np.random.default_rng(seed).normal(size=4)
    value[3] = np.nan
    extra = (value - 2.0, value + 2.0) if wide else (None, None)
    return ForestPanel("title", value, value - 1.0, value + 1.0, *extra, reference=0.2)


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: forest([panel(i, True) for i in range(5)], list("abcd"), "axis", bold="a"),
        lambda: forest([panel(0, False)], list("abcd"), "axis", COVERED, share=True),
        lambda: murphy_curves(
            [MurphyPanel("t", pd.DataFrame({n: [0.01, 0.1] for n in ("threshold", "score", "reference")}
                                           | {"difference": [0.0, -0.1], "low": [-0.1, -0.2], "high": [0.1, 0.0]}))],
            "B1", "levercap",
        ),
        lambda: calibration({"b": {"long": Calibrated(BINS, BAND), "short": Calibrated(BINS)}}, [RANKING]),
        lambda: calibration({}, [Ranking("a", "long", 0.8, 0.7, 0.75)]),
    ],
)  # fmt: skip
def test_drawings_are_reproducible(drawn):
    first = drawn()
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert first == drawn()


RANKING = Ranking("a", "long", 0.8, 0.7)
BINS = pd.DataFrame({"predicted": [0.0, 0.1], "observed": [0.0, 0.2], "low": [0.0, 0.1], "high": [0.05, 0.3]})
BAND = pd.DataFrame({"probability": [0.01, 0.1], "low": [0.0, 0.05], "high": [0.02, 0.2]})


def test_colours_of_the_forest_go_by_the_wider_interval():
    value = np.array([-1.0])
    narrow = ForestPanel("t", value, value - 0.5, value + 0.5)
    wide = ForestPanel("t", value, value - 0.5, value + 0.5, value - 2.0, value + 2.0)
    blue, grey = b"#1f5a99", b"#7a8590"
    assert blue in forest([narrow], ["a"], "x")
    assert grey not in forest([narrow], ["a"], "x")
    assert grey in forest([wide], ["a"], "x")


def test_tints_keep_dark_letters_readable():
    assert tint(0.0, 1.0) == tint(float("nan"), 1.0) == tint(1.0, 0.0) == ""
    assert tint(-5.0, 1.0) == tint(-1.0, 1.0)
    for strength in (tint(-1.0, 1.0), tint(1.0, 1.0), wash("#d4731a", 0.4), wash("#3f8f5f", 0.3)):
        text, ground = (luminance(c) for c in ("#1d2733", strength.removeprefix("background:")))
        assert (ground + 0.05) / (text + 0.05) > 4.5


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
