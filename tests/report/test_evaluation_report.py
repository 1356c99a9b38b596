"""The report of an evaluation with its evidence: whole, in part, empty, or broken."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import DataError
from levercap.report.build import EVIDENCE, render, write_report
from levercap.report.figures.forest import COVERED, ForestPanel, forest
from levercap.report.figures.reliability import Calibrated, MurphyPanel, Ranking, calibration, murphy_curves
from levercap.report.inputs import PROOF, Evaluation, read_evaluation
from levercap.report.sections.hits import hit_rows, hits_section
from levercap.report.sections.rows import tint, wash
from support.evaluation_tables import evidence_tables, write_evidence_tables
from support.html_page import Page

SECTIONS = {
    "models": EVIDENCE[0],
    "breakdown": EVIDENCE[1],
    "influence": EVIDENCE[2],
    "breaks": EVIDENCE[3],
    "backtests": EVIDENCE[4],
    "murphy": EVIDENCE[5],
    "attributions": EVIDENCE[6],
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
    rest = dict(tables)
    return Page(render(Evaluation(leaderboard=rest.pop("leaderboard", None), proof=rest), None, None))


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
            tables[name] = tables[name].drop(columns=[c for c in tables[name] if c.startswith("p_romano_wolf")])
        elif i % 2 == 0:
            tables[name] = tables[name].iloc[:0]
        else:
            del tables[name]
    page = report(tables)
    assert set(SECTIONS) - set(page.texts) == {section}
    assert f"The evaluation holds no tables, or empty ones, for: {SECTIONS[section]}." in page.texts["weaknesses"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", sorted(PROOF))
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


def test_hits_of_the_baseline_are_drawn_where_they_are_known(folders):
    rows = hit_rows(read_evaluation(folders["evaluation"]))
    without = hits_section(rows).body
    beside = hits_section(rows, Evaluation(proof=evidence_tables())).body
    assert without != beside
    assert without.count("<figure>") == beside.count("<figure>") == 2


def test_tables_without_their_columns_are_refused_all_at_once(tmp_path):
    tables = evidence_tables()
    tables["murphy"] = tables["murphy"].drop(columns=["low", "high"])
    tables["shocks"] = tables["shocks"].drop(columns="auc")
    folder = write_evidence_tables(tmp_path / "evaluation", tables)
    with pytest.raises(DataError) as caught:
        read_evaluation(folder)
    assert "murphy.parquet has no column low, high" in str(caught.value)
    assert "shocks.parquet has no column auc" in str(caught.value)


def test_what_the_report_needs_is_what_an_evaluation_writes():
    from levercap.evidence.columns import TABLES

    for name, columns in PROOF.items():
        assert set(columns) <= set(TABLES[name]), name
    for name, table in evidence_tables().items():
        assert set(table) <= set(TABLES[name]), name
        assert set(PROOF.get(name, ())) <= set(table), name


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
