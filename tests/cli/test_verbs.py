"""Every verb on a small simulated market, through the same door as a user."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from levercap.cli import main
from levercap.cli.explanation import explanation_text
from levercap.cli.result import cell
from levercap.model import read_bundle
from levercap.policy import binding_constraint

CONFIG = """
[forecast]
boosting_rounds = 20
[scenarios]
count = 120
[simulated_market]
symbols = 3
days = 40
[simulated_book]
accounts = 50
"""


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "experiment.toml"
    path.write_text(CONFIG)
    return str(path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    """Call a verb with --json; its exit code and envelope."""

    def call(*arguments: object) -> SimpleNamespace:
        capfd.readouterr()
        code = main([str(argument) for argument in (*arguments, "--json")])
        captured = capfd.readouterr()  # file descriptors: compiled libraries must not write into the result either
        return SimpleNamespace(code=code, err=captured.err, **json.loads(captured.out))

    return call


@pytest.fixture(scope="module")
def scored(trained: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scored")
    assert main(score_arguments(trained, out)) == 0
    return out


def score_arguments(trained: SimpleNamespace, out: Path, **changed: object) -> list[str]:
    flags = {"as-of": "end", "bundle": trained.bundle, "market": trained.market, "accounts": trained.accounts,
             "positions": trained.positions, "out": out} | changed  # fmt: skip
    return ["score", *(part for name, value in flags.items() for part in (f"--{name}", str(value)))]


def test_simulate_is_seeded(tmp_path: Path, config: str, run: Any) -> None:
    first = run("simulate", "--config", config, "--out", tmp_path / "a")
    assert (first.code, first.status, first.data["symbols"], first.data["accounts"]) == (0, "pass", 3, 50)
    run("simulate", "--config", config, "--out", tmp_path / "b")
    run("simulate", "--config", config, "--seed", 8, "--out", tmp_path / "c")
    a, b, c = (hashes(tmp_path / name) for name in "abc")
    assert a == b
    assert a["market/bars.parquet"] != c["market/bars.parquet"]
    assert a["book/positions.parquet"] != c["book/positions.parquet"]


def test_simulate_a_book_on_a_given_market(trained: SimpleNamespace, tmp_path: Path, config: str, run: Any) -> None:
    done = run("simulate", "--config", config, "--market", trained.market, "--out", tmp_path)
    book = {"book/accounts.parquet", "book/positions.parquet"}
    assert {*hashes(tmp_path)} == book | {"book/.levercap", "book/_SUCCESS", "experiment.toml"}
    held = set(pd.read_parquet(tmp_path / "book" / "positions.parquet")["symbol"])
    assert held <= set(pd.read_parquet(trained.market / "bars.parquet")["symbol"].astype("str"))
    assert done.data["positions"] > 0


def test_validate_a_good_market_and_book(trained: SimpleNamespace, run: Any) -> None:
    book = ("--accounts", trained.accounts, "--positions", trained.positions)
    done = run("validate", "--market", trained.market, *book)
    assert (done.code, done.status, done.data["fatal"]) == (0, "pass", 0)


def test_validate_lists_the_problems_of_everything_at_once(tmp_path: Path, trained: SimpleNamespace, run: Any) -> None:
    (tmp_path / "market").mkdir()
    bars = pd.read_parquet(trained.market / "bars.parquet").head(200)
    bars.assign(low=-1.0).drop(columns="volume").to_csv(tmp_path / "market" / "bars.csv", index=False)
    (tmp_path / "accounts.csv").write_text("account_id,equity,segment\na,-5,retail\n")
    (tmp_path / "positions.csv").write_text("account_id,symbol\na,NONE\n")
    (tmp_path / "bad.toml").write_text("[policy]\nclosing_cots = 1\n")
    book = ("--accounts", tmp_path / "accounts.csv", "--positions", tmp_path / "positions.csv")
    done = run("validate", "--market", tmp_path / "market", *book, "--config", tmp_path / "bad.toml")
    assert (done.code, done.status, done.data["usable"]) == (3, "error", False)
    text = json.dumps(done.diagnostics)
    for expected in ("closing_cost", "volume", "notional"):
        assert expected in text
    only_config = run("validate", "--config", tmp_path / "bad.toml")
    assert (only_config.code, only_config.status) == (2, "error")


def test_validate_counts_one_warning_in_the_singular(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = pd.read_parquet(trained.accounts)
    accounts.loc[0, "equity"] = -1.0
    accounts.to_parquet(tmp_path / "accounts.parquet")
    book = ["--accounts", str(tmp_path / "accounts.parquet"), "--positions", str(trained.positions)]
    assert main(["validate", *book]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 fatal, 1 warning"


def test_validate_warns_about_broken_accounts(tmp_path: Path, trained: SimpleNamespace, run: Any) -> None:
    accounts = pd.read_parquet(trained.accounts)
    accounts.loc[:2, "equity"] = [np.nan, 0.0, -1.0]
    accounts.to_parquet(tmp_path / "accounts.parquet")
    book = ("--accounts", tmp_path / "accounts.parquet", "--positions", trained.positions)
    done = run("validate", "--market", trained.market, *book)
    found = {entry["code"]: entry["count"] for entry in done.diagnostics}
    assert done.code == 0
    assert found["equity_missing"] == 1
    assert found["equity_not_positive"] == 2


def test_features(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    out = tmp_path / "deep" / "features.parquet"
    done = run("features", "--market", trained.market, "--every", "12h", "--out", out)
    table = pd.read_parquet(out)
    assert done.data["rows"] == len(table) > 0
    assert set(table["as_of"].dt.hour) == {0, 12}
    extended = run("features", "--market", trained.market, "--every", "12h", "--extended", "--out", out)
    assert extended.data["columns"] > done.data["columns"]
    assert "turbulence_24h" in pd.read_parquet(out)
    assert "turbulence_24h" not in table
    outside = ("--from", "1999-01-01", "--to", "1999-02-01")
    assert run("features", "--market", trained.market, *outside, "--out", out).code == 2


@pytest.mark.slow
def test_train_registers_a_challenger_that_promote_judges(
    trained: SimpleNamespace, tmp_path: Path, config: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("promote").code == 4
    done = run("train", "--market", trained.market, "--config", config, "--out", "bundle")
    assert done.code == 0
    assert done.data["registered"] == "models:/levercap/1, alias challenger"
    assert done.data["forecaster"] == read_bundle(tmp_path / "bundle").forecaster.method == "b1"
    assert "the history is too short for the levercap models: the fallback b1 was fitted" in done.err
    scores = tmp_path / "scores"
    assert run(*score_arguments(trained, scores, bundle="models:/levercap@champion")).code == 4
    assert run(*score_arguments(trained, scores, bundle="models:/levercap@challenger")).code == 0
    judged = run("promote", "--out", "promotion")
    assert judged.code == (0 if json.loads((tmp_path / "promotion" / "promotion.json").read_text())["promoted"] else 1)
    assert judged.status == {0: "pass", 1: "fail"}[judged.code]


def test_paths_that_cannot_be_written_are_usage_errors(
    trained: SimpleNamespace, tmp_path: Path, config: str, run: Any
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    for arguments in (
        ["features", "--market", trained.market, "--out", tmp_path / "folder"],
        ["simulate", "--config", config, "--out", tmp_path / "file" / "below"],
        score_arguments(trained, tmp_path / "file"),
    ):
        done = run(*arguments)
        assert (done.code, done.diagnostics[0]["code"]) == (2, "config_error"), done.err
        assert str(arguments[-1]) in done.err
        assert done.err.splitlines()[-1].startswith("levercap: ")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_evaluate_forecast_and_replay(
    trained: SimpleNamespace,
    tmp_path: Path,
    config: str,
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path / "other")
    end = pd.read_parquet(trained.market / "bars.parquet", columns=["timestamp"])["timestamp"].max().floor("D")
    start = end - pd.Timedelta(days=3)
    window = ("--from", f"{start:%Y-%m-%d}", "--to", f"{end:%Y-%m-%d}", "--market", trained.market, "--config", config)
    done = run("evaluate", *window, "--against", "hs_250,vol_target", "--out", tmp_path / "evaluation")
    assert (done.code, done.data["origins"]) == (0, 3)
    assert {"tails.parquet", "leaderboard.parquet", "report.html", "_SUCCESS"} <= set(hashes(tmp_path / "evaluation"))
    assert set(done.data["d_fz0"].values()) == {0.0}  # so short a history gives the baseline
    assert done.data["models"] == ["B1", "levercap", "hs_250", "vol_target"]
    assert {"backtests.parquet", "tails_against.parquet", "CARD.md"} <= set(hashes(tmp_path / "evaluation"))
    assert main(["report", "--evaluation", str(tmp_path / "evaluation"), "--out", str(tmp_path / "r.html")]) == 0
    assert "the forecaster is the baseline itself" in capfd.readouterr().out
    done = run("forecast", "--bundle", trained.bundle, *window, "--every", "8h", "--out", tmp_path / "forecast")
    assert (done.code, done.data["origins"]) == (0, 9)
    book = ("--accounts", trained.accounts, "--positions", trained.positions)
    done = run("replay", *window, *book, "--out", tmp_path / "replay")
    assert done.code == 0, done.err
    assert done.data["days"] == 3
    assert len(pd.read_parquet(tmp_path / "replay" / "limits.parquet")) == 3 * 200
    inside = run("evaluate", *window, "--out", ".")
    assert (inside.code, inside.diagnostics[0]["code"]) == (2, "config_error")
    backwards = ("--from", "2022-03-01", "--to", "2022-02-01")
    assert run("evaluate", "--market", trained.market, *backwards, "--out", tmp_path / "x").code == 2


@pytest.mark.slow
def test_evaluate_says_where_it_is_not_better(
    trained: SimpleNamespace, tmp_path: Path, config: str, capfd: pytest.CaptureFixture[str]
) -> None:
    end = pd.read_parquet(trained.market / "bars.parquet", columns=["timestamp"])["timestamp"].max().floor("D")
    window = ["--from", f"{end - pd.Timedelta(days=2):%Y-%m-%d}", "--to", f"{end:%Y-%m-%d}"]
    place = ["--market", str(trained.market), "--config", config, "--against", "none", "--out", str(tmp_path / "out")]
    assert main(["evaluate", *window, *place]) == 0
    printed = capfd.readouterr().out
    assert "levercap is not shown to be better than B1 in 8 of 8 rows" in printed
    assert "short path 0.99: not below B1 on average" in printed
    assert "models      B1, levercap\n" in printed


def test_evaluate_refuses_a_baseline_it_does_not_know(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    done = run("evaluate", "--market", trained.market, "--against", "garch,hs_25", "--out", tmp_path / "out")
    assert (done.code, done.diagnostics[0]["code"]) == (2, "config_error")
    for expected in ("'garch' is no baseline; did you mean garch_t?", "'hs_25' is no baseline; did you mean hs_250?"):
        assert expected in done.diagnostics[0]["message"]
    assert not (tmp_path / "out").exists()


def test_score_and_report(trained: SimpleNamespace, scored: Path, tmp_path: Path, run: Any) -> None:
    (folder,) = scored.glob("as_of=*")
    limits = pd.read_parquet(folder / "limits.parquet")
    assert limits["account_id"].tolist() == pd.read_parquet(trained.accounts)["account_id"].tolist()
    before = hashes(scored)
    done = run(*score_arguments(trained, scored))
    assert (done.code, done.data["accounts"]) == (0, 200)
    assert hashes(scored) == before
    done = run("report", "--scores", scored, "--bundle", trained.bundle, "--out", tmp_path / "report.html")
    assert (done.code, done.data["scores"]["accounts"]) == (0, 200)
    assert (tmp_path / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")


def test_score_says_which_accounts_it_could_not_score(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    accounts = pd.read_parquet(trained.accounts)
    accounts.loc[:2, "equity"] = [np.nan, 0.0, -1.0]
    accounts.to_parquet(tmp_path / "accounts.parquet")
    done = run(*score_arguments(trained, tmp_path / "out", accounts=tmp_path / "accounts.parquet"))
    assert done.code == 0
    assert done.data["status"]["rejected"] == 3
    assert {"equity_missing", "equity_not_positive"} <= {entry["code"] for entry in done.diagnostics}
    assert all(entry["hint"] for entry in done.diagnostics)
    (line,) = done.err.splitlines()
    assert line.startswith("market and book warnings: ")
    assert "1 equity_missing, 2 equity_not_positive (summary.json says more)" in line
    silent = run(*score_arguments(trained, tmp_path / "out", accounts=tmp_path / "accounts.parquet"), "-q")
    assert silent.err == ""
    answer = run("explain", accounts["account_id"][0], "--scores", tmp_path / "out").data
    assert (answer["limit"]["status"], answer["limit"]["max_leverage"]) == ("rejected", 0.0)
    assert [reason["code"] for reason in answer["reasons"]] == ["equity_missing"]
    assert "without equity" in answer["reasons"][0]["meaning"]


def test_every_reason_has_a_meaning() -> None:
    from levercap import book
    from levercap.policy import LIMIT_REASONS
    from levercap.workflows.explain import _meaning

    for code in (*book.REJECTION_REASONS, *LIMIT_REASONS):
        assert len(_meaning(code)) > len("a sentence")


def test_policy_comes_from_the_bundle_the_file_and_the_environment(
    trained: SimpleNamespace, scored: Path, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def highest(out: Path) -> float:
        return float(pd.read_parquet(next(out.glob("as_of=*")) / "limits.parquet")["max_leverage"].max())

    segments = ("retail", "professional", "institutional")
    (tmp_path / "x.toml").write_text("".join(f"[policy.profiles.{name}]\nmax_leverage = 2\n" for name in segments))
    assert highest(scored) > 3.0
    assert run(*score_arguments(trained, tmp_path / "file", config=tmp_path / "x.toml")).code == 0
    assert highest(tmp_path / "file") == 2.0
    for name in segments:
        monkeypatch.setenv(f"LEVERCAP_POLICY__PROFILES__{name.upper()}__MAX_LEVERAGE", "3")
    assert run(*score_arguments(trained, tmp_path / "environment")).code == 0
    assert highest(tmp_path / "environment") == 3.0
    assert run(*score_arguments(trained, tmp_path / "both", config=tmp_path / "x.toml")).code == 0
    assert highest(tmp_path / "both") == 3.0


def test_report_shows_the_latest_run_of_its_bundle(
    trained: SimpleNamespace, scored: Path, tmp_path: Path, run: Any
) -> None:
    (folder,) = scored.glob("as_of=*")
    shutil.copytree(folder, tmp_path / "scores" / folder.name)
    other = tmp_path / "scores" / "as_of=2999-01-01T00"
    shutil.copytree(folder, other)
    summary = json.loads((other / "summary.json").read_text())
    summary["provenance"]["bundle_id"] = "another"
    summary["accounts"] = 7
    (other / "summary.json").write_text(json.dumps(summary))
    shown = run("report", "--scores", tmp_path / "scores", "--bundle", trained.bundle, "--out", tmp_path / "a.html")
    assert shown.data["scores"]["accounts"] == 200
    shown = run("report", "--scores", tmp_path / "scores", "--out", tmp_path / "b.html")
    assert shown.data["scores"]["accounts"] == 7


def test_a_held_run_ends_with_one_and_says_how_to_publish_it(
    trained: SimpleNamespace, tmp_path: Path, run: Any
) -> None:
    accounts = pd.read_parquet(trained.accounts).assign(equity=lambda frame: frame["equity"].map("{:,.2f}".format))
    accounts.to_csv(tmp_path / "accounts.csv", index=False)
    arguments = score_arguments(trained, tmp_path / "out", accounts=tmp_path / "accounts.csv")
    held = run(*arguments)
    assert (held.code, held.status, held.data["outcome"]) == (1, "fail", "held")
    assert held.diagnostics[0]["code"] == "breaker_tripped"
    assert "rejected" in held.diagnostics[0]["message"]
    assert "--publish-anyway" in held.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["held"]
    assert run(*arguments, "--publish-anyway", " ").code == 2
    published = run(*arguments, "--publish-anyway", "a test")
    assert (published.code, published.data["published_anyway"]) == (0, "a test")
    assert (
        run("explain", pd.read_csv(tmp_path / "accounts.csv")["account_id"][0], "--scores", tmp_path / "out").code == 0
    )


def test_control_characters_reach_no_terminal(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    positions = pd.read_parquet(trained.positions)
    positions.loc[0, "symbol"] = "\x1b[2JEVIL"
    positions.loc[1, "account_id"] = "\x1b]0;id\x07"
    positions.to_parquet(tmp_path / "positions.parquet")
    arguments = score_arguments(trained, tmp_path / "out", positions=tmp_path / "positions.parquet")
    done = run(*arguments, "-v")
    assert done.code == 0
    assert not {c for c in done.err if ord(c) < 32} - {"\n"}
    assert r"\x1b[2JEVIL" in json.dumps(done.data["findings"]).replace("\\\\", "\\")
    book = ("--accounts", trained.accounts, "--positions", tmp_path / "positions.parquet")
    for account in (positions["account_id"][0], positions["account_id"][1], "\x1b[2Jnowhere"):
        done = run("explain", account, "--scores", tmp_path / "out", *book)
        assert not {c for c in done.err if ord(c) < 32} - {"\n"}


def test_score_from_a_snapshot(trained: SimpleNamespace, scored: Path, tmp_path: Path, run: Any) -> None:
    (folder,) = scored.glob("as_of=*")
    arguments = score_arguments(trained, tmp_path, market="")
    at = arguments.index("--market")
    arguments[at : at + 2] = ["--snapshot", str(folder / "snapshot")]
    assert run(*arguments).code == 0
    assert hashes(tmp_path)[f"{folder.name}/limits.parquet"] == hashes(scored)[f"{folder.name}/limits.parquet"]


def test_explain_says_what_the_limits_file_says(trained: SimpleNamespace, scored: Path, run: Any) -> None:
    limits = pd.read_parquet(next(scored.glob("as_of=*")) / "limits.parquet")
    held = limits[(limits["effective_leverage"] > 0) & (limits["status"] == "scored")]
    book = ("--accounts", trained.accounts, "--positions", trained.positions)
    assert len(held) > 20
    for row in held.head(20).itertuples():
        answer = run("explain", row.account_id, "--scores", scored, *book).data
        assert answer["limit"]["max_leverage"] == row.max_leverage
        cap = binding_constraint(row.binding)
        assert answer["caps"][0] == {"cap": cap, "max_leverage": row.unguarded_max_leverage, "binding": True}
        assert [c["max_leverage"] for c in answer["caps"]] == sorted(c["max_leverage"] for c in answer["caps"])
        assert sum(p["path_es_part"] for p in answer["positions"]) == pytest.approx(row.path_es_975, rel=1e-5)
        losses = [s["path_loss"] for s in answer["scenarios"]]
        assert losses == sorted(losses, reverse=True)
        assert losses[0] >= row.path_es_975 * (1 - 1e-6)


def test_explain_names_the_cap_that_a_guardrail_hides(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    accounts = pd.read_parquet(trained.accounts).assign(previous_max_leverage=0.5)
    accounts.to_parquet(tmp_path / "accounts.parquet")
    changed = {"accounts": tmp_path / "accounts.parquet"}
    assert run(*score_arguments(trained, tmp_path / "scores", **changed)).code == 0
    limits = pd.read_parquet(next((tmp_path / "scores").glob("as_of=*")) / "limits.parquet")
    row = limits[(limits["binding"] == "guardrail") & (limits["effective_leverage"] > 0)].iloc[0]
    answer = run("explain", row["account_id"], "--scores", tmp_path / "scores").data
    smallest = min(c["max_leverage"] for c in answer["caps"])
    assert answer["guardrail"] == answer["relief"]["max_leverage"] == smallest == row["unguarded_max_leverage"]
    assert smallest > row["max_leverage"]
    text = explanation_text(answer)
    assert f"the caps alone allow {cell(smallest)}, set by {answer['relief']['cap']}\n" in text
    assert "without guardrail" not in text


def test_explain_shows_positions_by_name_and_warns_of_another_book(
    trained: SimpleNamespace, scored: Path, tmp_path: Path, run: Any
) -> None:
    positions = pd.read_parquet(trained.positions)
    account = positions["account_id"].astype("str").iloc[0]
    book = ["--accounts", trained.accounts, "--positions", trained.positions]
    same = run("explain", account, "--scores", scored, *book)
    assert (same.data["changed_inputs"], same.diagnostics, same.err) == ([], [], "")
    added = pd.DataFrame({"account_id": [account] * 2, "symbol": ["ZZZ", " AAA"], "notional": [5.0, -7.0]})
    path = tmp_path / "positions.parquet"
    pd.concat([positions.astype({"account_id": "str", "symbol": "str"}), added]).to_parquet(path)
    other = run("explain", account, "--scores", scored, "--accounts", trained.accounts, "--positions", path)
    held = {p["symbol"]: p["notional"] for p in other.data["positions"]}
    assert (held["ZZZ"], held["AAA"]) == (5.0, -7.0)
    assert "unknown" not in held
    assert [(entry["code"], entry["where"]) for entry in other.diagnostics] == [("book_changed", str(path))]
    assert other.err.startswith(f"{path}: not the file that was scored")


def test_explain_in_words(trained: SimpleNamespace, scored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = pd.read_parquet(next(scored.glob("as_of=*")) / "limits.parquet")
    account = limits.loc[limits["effective_leverage"] > 0, "account_id"].iloc[0]
    book = ["--accounts", str(trained.accounts), "--positions", str(trained.positions)]
    assert main(["explain", account, "--scores", str(scored), *book]) == 0
    text = capsys.readouterr().out
    for expected in (account, "->", "what would change it", "worst scenarios", "part of ES", "P(shock of 10 %)"):
        assert expected in text
    shown = next(line for line in text.splitlines() if line.startswith("VaR 99 %, end"))
    var = limits.set_index("account_id").loc[account, "var_99"]
    assert shown.split()[-2:] == [f"{100 * var:.4g}", "%"]


def test_explain_tells_an_account_without_positions_its_room_per_side(scored: Path, run: Any) -> None:
    limits = pd.read_parquet(next(scored.glob("as_of=*")) / "limits.parquet")
    row = limits[limits["effective_leverage"] == 0].iloc[0]
    text = explanation_text(run("explain", row["account_id"], "--scores", scored).data)
    sides = f"{cell(row['headroom_long'])} long or {cell(row['headroom_short'])} short"
    assert f"a first position, in any one of the largest symbols, may be {sides}\n" in text
    assert "less of the position" not in text


def test_explain_names_the_configured_shock_barrier(
    trained: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    monkeypatch.setenv("LEVERCAP_POLICY__SHOCK_BARRIER", "0.175")
    assert run(*score_arguments(trained, tmp_path / "scores")).code == 0
    (folder,) = (tmp_path / "scores").glob("as_of=*")
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["settings"]["policy"]["shock_barrier"] == 0.175
    limits = pd.read_parquet(folder / "limits.parquet")
    account = limits.loc[limits["effective_leverage"] > 0, "account_id"].iloc[0]
    answer = run("explain", account, "--scores", tmp_path / "scores").data
    assert answer["shock_barrier"] == 0.175
    assert "P(shock of 17.5 %)" in explanation_text(answer)
    del summary["settings"]
    (folder / "summary.json").write_text(json.dumps(summary))
    before = run("explain", account, "--scores", tmp_path / "scores").data
    assert before["shock_barrier"] is None
    assert "P(shock) " in explanation_text(before)


@pytest.mark.parametrize(
    ("changed", "code", "expected"),
    [
        ({"bundle": "nowhere"}, 4, "nowhere"),
        ({"bundle": "models:/levercap@champion"}, 4, "levercap train"),
        ({"market": "nowhere"}, 3, "nowhere"),
        ({"accounts": "nowhere.csv", "positions": "neither.csv"}, 3, "neither.csv"),
        ({"as-of": "1999-01-01"}, 3, "no bar is known"),
        ({"previous": "nowhere.parquet"}, 3, "previous"),
        ({"config": "nowhere.toml"}, 2, "nowhere.toml"),
    ],
)
def test_score_with_something_missing(
    changed: dict[str, object], code: int, expected: str, trained: SimpleNamespace, tmp_path: Path, run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = run(*score_arguments(trained, tmp_path / "out", **changed))
    assert (done.code, done.status) == (code, "error")
    assert expected in done.err
    assert not (tmp_path / "out").exists()


def test_score_with_a_tampered_bundle(trained: SimpleNamespace, tmp_path: Path, run: Any) -> None:
    shutil.copytree(trained.bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "CARD.md").write_text("better than it is")
    done = run(*score_arguments(trained, tmp_path / "out", bundle=tmp_path / "bundle"))
    assert done.code == 4
    assert "CARD.md: changed since it was written" in done.err


@pytest.mark.parametrize("arguments", [["nobody"], ["A0000001", "--as-of", "1999-01-01"]])
def test_explain_what_is_not_there(arguments: list[str], scored: Path, run: Any) -> None:
    done = run("explain", *arguments, "--scores", scored)
    assert done.code == 3
    assert "no account 'nobody'" in done.err or "no complete scoring run of 1999-01-01T00" in done.err


@pytest.mark.real
@pytest.mark.skipif("LEVERCAP_MARKET" not in os.environ, reason="no real market data")
@pytest.mark.parametrize("venue", ["spot", "perp"])
def test_validate_real_markets(venue: str, run: Any) -> None:
    done = run("validate", "--market", Path(os.environ["LEVERCAP_MARKET"]) / venue)
    assert (done.code, done.data["fatal"]) == (0, 0)
    assert "tier_ladders" in {entry["code"] for entry in done.diagnostics}
