"""The page as a whole: self-contained, reproducible, complete, and plain about what was not run."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from levercap.core.errors import ConfigError, DataError
from levercap.report.build import write_report
from support.html_page import Page

SECTIONS = [
    "headline",
    "training",
    "scores",
    "weaknesses",
    "hits",
    "shocks",
    "limits",
    "cuts",
    "statuses",
    "glossary",
    "files",
]


@pytest.fixture(scope="module")
def html(folders, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("out")
    return write_report(folders["evaluation"], folders["scores"], folders["bundle"], out).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_the_page_is_complete_and_refers_to_nothing_outside(html, page):
    assert list(page.texts) == SECTIONS
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.tags.count("img") == 6
    assert all(a.startswith(("#", "data:image/svg+xml;base64,")) for a in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} == set(SECTIONS)
    assert not re.search(r"https?://|@import|url\(", html)
    assert "not run" not in html
    assert not re.search(r">\s*nan", html.lower())


def test_every_row_of_every_table_has_a_cell_per_column(page):
    assert len(page.tables) >= 10
    for section, rows in page.tables:
        assert {len(row) for row in rows} == {len(rows[0])}, section


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes_in_another_process(folders, html, tmp_path):
    code = "import sys; from pathlib import Path as P; from levercap.report.build import write_report as w; "
    code += "w(P(sys.argv[1]), P(sys.argv[2]), P(sys.argv[3]), P(sys.argv[4]))"
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: none\n")
    environment = {
        **os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
    }  # fmt: skip
    out = tmp_path / "again.html"
    arguments = [str(folders[name]) for name in ("evaluation", "scores", "bundle")]
    subprocess.run([sys.executable, "-c", code, *arguments, str(out)], check=True, env=environment)
    assert out.read_text(encoding="utf-8") == html
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.html", "matplotlibrc"]


def test_the_score_table_states_the_leaderboard_and_where_the_baseline_is_not_beaten(folders, page):
    board = pd.read_parquet(folders["evaluation"] / "leaderboard.parquet")
    board = board[board["model"] != "B1"].reset_index(drop=True)
    rows = page.table("scores")[1:]
    assert len(rows) == 8
    for row, (_, line) in zip(rows, board.iterrows(), strict=True):
        assert row[0].startswith(f"{line['side']}, {line['kind']}, ")
        assert row[3] == f"{line['d_fz0']:+.3f}".replace("-", "\u2212")
        assert row[10] == f"{line['days']:,}"
    lost = board[board["d_fz0"] >= 0]
    assert len(lost) == 1
    assert "Does not beat B1: short, end, 99\u202f%." in page.texts["scores"]


def test_headline_figures_agree_with_the_inputs(folders, page):
    limits = pd.read_parquet(folders["scores"] / "as_of=2025-06-30T00" / "limits.parquet")
    text = page.texts["headline"]
    assert "7 of 8" in text
    above = int((limits["effective_leverage"] > limits["max_leverage"]).sum())
    incomplete = int((limits["status"] != "scored").sum())
    assert f" {above:,} of 3,000" in text
    assert f" {incomplete:,} {int((limits['status'] == 'fallback').sum()):,} fallback" in text


def test_every_account_is_counted(page):
    statuses = {row[0]: int(row[1].replace(",", "")) for row in page.table("statuses")[1:]}
    assert list(statuses) == ["scored", "held", "fallback", "rejected"]
    assert sum(statuses.values()) == 3000
    actions = {row[0]: int(row[1].replace(",", "")) for row in page.table("statuses", 1)[1:]}
    assert sum(actions.values()) == 3000
    assert "equity_not_positive" in page.texts["statuses"]


def test_the_cuts_are_the_ten_largest_and_say_why(folders, page):
    limits = pd.read_parquet(folders["scores"] / "as_of=2025-06-30T00" / "limits.parquet")
    limits = limits[limits["status"] != "rejected"]
    ratio = (limits["max_leverage"] / limits["previous_max_leverage"]).to_numpy()
    expected = limits.assign(ratio=ratio).nsmallest(10, "ratio")
    rows = page.table("cuts")[1:]
    assert [row[0] for row in rows] == expected["account_id"].tolist()
    assert all("allows" in row[-1] and "next: " in row[-1] for row in rows)
    cuts = [float(row[4].split("\u202f")[0]) for row in rows]
    assert cuts == pytest.approx(100 * (1 - expected["ratio"]), abs=0.06)


def test_training_facts_are_quoted_and_hashes_listed(page):
    text = page.texts["training"]
    for fact in ("2025-06-30 00:00 UTC", "fedcba9876543210", "8: C00USDT, C01USDT", "numpy 2.4.6"):
        assert fact in text
    assert ["scale/ridge.json", "ab" * 8] in page.table("files")


def test_what_was_not_run_says_so(folders, tmp_path):
    only_scores = Page(write_report(None, folders["scores"], None, tmp_path / "s.html").read_text(encoding="utf-8"))
    assert "were not scored" in only_scores.texts["scores"]
    assert "Hits were not counted" in only_scores.texts["hits"]
    assert "Calibration was not examined" in only_scores.texts["shocks"]
    assert "No bundle was given" in only_scores.texts["training"]
    assert only_scores.texts["headline"].count("not run") == 3
    only_evaluation = Page(write_report(folders["evaluation"], None, None, tmp_path).read_text(encoding="utf-8"))
    for name in ("limits", "cuts", "statuses"):
        assert "No accounts were scored" in only_evaluation.texts[name]
    assert only_evaluation.texts["headline"].count("not run") == 2
    nothing = Page(write_report(None, None, folders["bundle"], tmp_path / "b").read_text(encoding="utf-8"))
    assert list(nothing.texts) == [name for name in SECTIONS if name != "weaknesses"]
    assert (tmp_path / "b" / "report.html").is_file()


def test_folders_that_cannot_be_used_are_refused_with_the_reason(folders, tmp_path):
    with pytest.raises(ConfigError, match=r"--scores .*absent: no such folder"):
        write_report(None, tmp_path / "absent", None, tmp_path / "r.html")
    with pytest.raises(DataError, match=r"holds no evaluation; expected the tables that `levercap evaluate` writes"):
        write_report(tmp_path, None, None, tmp_path / "r.html")
    with pytest.raises(DataError, match=r"holds no limits.parquet"):
        write_report(None, tmp_path, None, tmp_path / "r.html")
    with pytest.raises(DataError, match=r"no readable MANIFEST.json"):
        write_report(None, None, tmp_path, tmp_path / "r.html")
    (tmp_path / "limits.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        write_report(None, tmp_path, None, tmp_path / "r.html")
    (tmp_path / "MANIFEST.json").write_text("{")
    with pytest.raises(DataError, match="not readable JSON"):
        write_report(None, None, tmp_path, tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()
