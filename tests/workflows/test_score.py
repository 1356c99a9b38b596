"""Scoring end to end: every account answered, same inputs same bytes, nothing milder for what is not known."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import levercap
from levercap.book import cleaning
from levercap.config import Config, GuardrailConfig, PolicyConfig
from levercap.core.errors import BundleError, ConfigError, DataError
from levercap.model import read_bundle
from levercap.storage.atomic import SUCCESS
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import read_snapshot, write_snapshot
from levercap.venue.ladders import flat_ladders
from levercap.workflows.score import score

DAY = pd.Timedelta(days=1)


def run(trained, out, **changes):
    arguments = {
        "accounts_path": trained.accounts,
        "positions_path": trained.positions,
        "market_folder": trained.market,
        "out": out,
    }
    return score(changes.pop("bundle", trained.bundle), **{**arguments, **changes})


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def limits_of(summary):
    return pd.read_parquet(f"{summary['folder']}/limits.parquet")


@pytest.fixture(scope="module")
def end(trained):
    return read_bundle(trained.bundle).snapshot.as_of


@pytest.fixture(scope="module")
def scored(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("scored")
    return out, run(trained, out)


def test_every_account_gets_a_row_and_the_summary_counts_them(trained, scored, end):
    out, summary = scored
    assert sorted(p.name for p in ScoringRun.at(out, end).folder.iterdir()) == [
        ".levercap", SUCCESS, "limits.parquet", "snapshot", "summary.json", "symbol_limits.parquet",
    ]  # fmt: skip
    limits, accounts = limits_of(summary), pd.read_parquet(trained.accounts)
    assert limits["account_id"].tolist() == accounts["account_id"].tolist()
    assert summary["accounts"] == len(accounts) == sum(summary["status"].values()) == sum(summary["action"].values())
    assert summary["status"]["scored"] > 0
    assert summary["over_limit"] == (limits["effective_leverage"] > limits["max_leverage"]).sum()
    assert sum(group["accounts"] for group in summary["max_leverage"].values()) == len(accounts)
    retail = limits.loc[accounts["segment"] == "retail", "max_leverage"]
    assert summary["max_leverage"]["retail"]["q50"] == retail.quantile(0.5)
    assert summary["totals"]["equity"] == pytest.approx(accounts["equity"].sum())
    gross = pd.read_parquet(trained.positions)["notional"].abs().sum()
    assert summary["totals"]["gross_notional"] == pytest.approx(gross)
    assert summary["totals"]["to_reduce"] == pytest.approx(-limits["headroom"].clip(upper=0).sum())
    provenance = summary["provenance"]
    assert provenance["as_of"] == end.isoformat()
    for name in ("bundle_id", "config_hash", "data_hash"):
        assert limits[name].unique().tolist() == [provenance[name]]
    written = json.loads(ScoringRun.at(out, end).summary.read_text())
    assert {**written, "folder": summary["folder"]} == summary


def test_predict_equals_the_scored_rows_bit_for_bit(trained, scored):
    limits = limits_of(scored[1])
    accounts, positions = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    for snapshot in (None, f"{scored[1]['folder']}/snapshot"):
        predictor = levercap.load(trained.bundle, snapshot)
        whole = predictor.predict(accounts, positions)
        pd.testing.assert_frame_equal(whole, limits, check_exact=True)
        one = accounts.iloc[[17]]
        alone = predictor.predict(one, positions[positions["account_id"].isin(one["account_id"])])
        pd.testing.assert_frame_equal(alone, limits.iloc[[17]].reset_index(drop=True), check_exact=True)


def test_after_load_no_file_is_touched(trained, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(trained.bundle, bundle)
    predictor = levercap.load(str(bundle))
    shutil.rmtree(bundle)
    accounts, positions = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    assert len(predictor.predict(accounts, positions)) == len(accounts)
    assert len(predictor.symbol_limits()) == 8


def test_a_second_run_writes_the_same_bytes_even_with_other_dates_beside(trained, scored, end, tmp_path):
    run(trained, tmp_path, as_of=end - DAY)
    again = run(trained, tmp_path)
    first = files(ScoringRun.at(scored[0], end).folder)
    assert files(ScoringRun.at(tmp_path, end).folder) == first
    run(trained, tmp_path)
    assert files(ScoringRun.at(tmp_path, end).folder) == first
    assert again["provenance"] == scored[1]["provenance"]


def test_another_process_writes_the_same_bytes(trained, scored, end, tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom levercap.workflows.score import score\n"
        "bundle, market, accounts, positions, out = map(Path, sys.argv[1:])\n"
        "score(bundle, accounts_path=accounts, positions_path=positions, market_folder=market, out=out)\n"
    )
    paths = [trained.bundle, trained.market, trained.accounts, trained.positions, tmp_path]
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, *map(str, paths)], check=True, env=environment)
    assert files(ScoringRun.at(tmp_path, end).folder) == files(ScoringRun.at(scored[0], end).folder)


def test_scoring_from_the_snapshot_equals_scoring_from_the_market(trained, scored, end, tmp_path):
    snapshot = ScoringRun.at(scored[0], end).snapshot
    run(trained, tmp_path, market_folder=None, snapshot_folder=snapshot)
    mine, first = files(ScoringRun.at(tmp_path, end).folder), files(ScoringRun.at(scored[0], end).folder)
    assert json.loads(mine.pop("summary.json"))["status"] == json.loads(first.pop("summary.json"))["status"]
    assert mine == first


def test_killed_while_writing_leaves_the_old_scores(trained, scored, end, tmp_path):
    shutil.copytree(ScoringRun.at(scored[0], end).folder, ScoringRun.at(tmp_path, end).folder)
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom levercap.workflows import score as module\n"
        "bundle, market, accounts, positions, out = map(Path, sys.argv[1:])\n"
        "module.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.score(bundle, accounts_path=accounts, positions_path=positions, market_folder=market, out=out)\n"
    )
    paths = [trained.bundle, trained.market, trained.accounts, trained.positions, tmp_path]
    command = [sys.executable, "-W", "ignore", "-c", script, *map(str, paths)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert files(ScoringRun.at(tmp_path, end).folder) == files(ScoringRun.at(scored[0], end).folder)
    run(trained, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [ScoringRun.at(tmp_path, end).folder.name]


@pytest.mark.parametrize("days", [1, 40])
def test_stale_market_gives_every_account_the_flagged_fallback(trained, scored, end, tmp_path, days):
    summary = run(trained, tmp_path, as_of=end + days * DAY, max_age_hours=days * 24)
    limits, fresh = limits_of(summary), limits_of(scored[1])
    assert summary["status"] == {"fallback": len(limits)}
    assert (limits["max_leverage"] <= fresh["max_leverage"]).all()
    assert (limits["max_leverage"] <= Config().policy.fallback_max_leverage).all()
    held = limits["effective_leverage"] > 0
    assert limits.loc[held, "reasons"].str.contains("symbol_stale").all()
    assert "market_stale" in [finding["code"] for finding in summary["findings"]]
    snapshot = f"{summary['folder']}/snapshot"
    predictor = levercap.load(trained.bundle, snapshot)
    again = predictor.predict(pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions))
    pd.testing.assert_frame_equal(again, limits, check_exact=True)


def test_a_gap_within_the_stated_hours_is_no_staleness(trained, end, tmp_path):
    summary = run(trained, tmp_path, as_of=end + pd.Timedelta(hours=trained.config.market.stale_hours))
    assert "fallback" not in summary["status"]
    late = trained.config.market.stale_hours + 1
    summary = run(trained, tmp_path, as_of=end + pd.Timedelta(hours=late), max_age_hours=late)
    assert set(summary["status"]) == {"fallback"}


def test_one_stale_symbol_concerns_those_who_hold_it_only(trained, scored, tmp_path):
    market = tmp_path / "market"
    shutil.copytree(trained.market, market)
    bars = pd.read_parquet(market / "bars.parquet")
    symbol = "SIM03USDT"
    cut = bars["timestamp"].max() - pd.Timedelta(hours=6)
    bars[(bars["symbol"] != symbol) | (bars["timestamp"] < cut)].to_parquet(market / "bars.parquet")
    summary = run(trained, tmp_path / "out", market_folder=market)
    limits = limits_of(summary).set_index("account_id")
    positions = pd.read_parquet(trained.positions)
    holders = positions.loc[positions["symbol"] == symbol, "account_id"].unique()
    size = positions["notional"].abs()
    share = size.where(positions["symbol"] == symbol, 0.0).groupby(positions["account_id"]).sum()
    share = (share / size.groupby(positions["account_id"]).sum())[holders]
    expected = np.where(share > Config().policy.fallback_share, "fallback", "scored")
    assert limits.loc[holders, "status"].tolist() == expected.tolist()
    assert limits.loc[holders, "reasons"].str.contains("symbol_stale").all()
    held = positions["account_id"].unique()
    others = limits.index.difference(holders).intersection(held)
    assert len(others) > 10
    assert (limits.loc[others, "status"] == "scored").all()


def test_limits_of_the_day_before_bound_the_rise(trained, scored, end, tmp_path):
    before = limits_of(scored[1])
    before["as_of"] = end - DAY
    before["max_leverage"] = before["max_leverage"] / 2
    folder = ScoringRun.at(tmp_path, end - DAY).folder
    folder.mkdir()
    before.to_parquet(folder / "limits.parquet")
    (folder / SUCCESS).touch()
    rise = 1 + Config().guardrails.max_rise_per_day
    for previous in (tmp_path, folder, folder / "limits.parquet"):
        limits = limits_of(run(trained, tmp_path / "out", previous=previous))
        np.testing.assert_allclose(limits["max_leverage"], before["max_leverage"] * rise)
        np.testing.assert_array_equal(limits["previous_max_leverage"], before["max_leverage"])
    unasked = limits_of(run(trained, tmp_path))
    assert unasked["previous_max_leverage"].isna().all()


def test_stricter_tiers_of_the_run_before_hold_when_the_table_is_gone(trained, scored, end, tmp_path):
    market = shutil.copytree(trained.market, tmp_path / "market", ignore=shutil.ignore_patterns("leverage_tiers*"))
    earlier = ScoringRun.at(tmp_path / "scores", end - DAY)
    earlier.snapshot.mkdir(parents=True)
    own = read_snapshot(ScoringRun.at(scored[0], end).snapshot)
    tiers = flat_ladders(tuple(own.symbols["symbol"]), 1.5, 0.3)
    write_snapshot(dataclasses.replace(own, tiers=tiers), earlier.snapshot)
    limits_of(scored[1]).assign(as_of=end - DAY).to_parquet(earlier.limits)
    (earlier.folder / SUCCESS).touch()
    night = {"market_folder": market, "previous": tmp_path / "scores"}
    summary = run(trained, tmp_path / "out", **night)
    assert ("table_missing", "leverage_tiers") in {(f["code"], f["where"]) for f in summary["findings"]}
    limits = limits_of(summary)
    assert (limits["max_leverage"] <= 1.5 + 1e-9).all()
    assert (limits_of(scored[1])["max_leverage"] > 2.0).any()
    shutil.rmtree(earlier.snapshot)
    without = run(trained, tmp_path / "other", **night)
    assert "previous_market_unusable" in {finding["code"] for finding in without["findings"]}
    assert (limits_of(without)["max_leverage"] > 2.0).any()


def test_a_faulty_book_loses_no_account(trained, end, tmp_path):
    accounts, positions = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    held = positions["account_id"].unique()
    nan, negative, unknown, infinite = held[:4]
    accounts.loc[accounts["account_id"] == nan, "equity"] = np.nan
    accounts.loc[accounts["account_id"] == negative, "equity"] = -5.0
    positions.loc[positions["account_id"] == unknown, "symbol"] = "NOSUCHUSDT"
    positions.loc[positions["account_id"] == infinite, "notional"] = np.inf
    accounts = pd.concat([accounts, accounts[accounts["account_id"] == held[5]]])
    orphan = pd.DataFrame({"account_id": ["orphan"], "symbol": ["SIM01USDT"], "notional": [1.0]})
    accounts.to_csv(tmp_path / "accounts.csv", index=False)
    pd.concat([positions, orphan]).to_csv(tmp_path / "positions.csv", index=False)
    summary = run(trained, tmp_path, accounts_path=tmp_path / "accounts.csv", positions_path=tmp_path / "positions.csv")
    limits = limits_of(summary)
    assert limits["account_id"].tolist() == [*accounts["account_id"], "orphan"]
    status = limits.groupby("account_id")["status"].first()
    assert status[[nan, negative, infinite, held[5], "orphan"]].tolist() == ["rejected"] * 5
    assert status[unknown] == "fallback"
    assert summary["status"] == {"fallback": 1, "rejected": 6, "scored": len(limits) - 7}
    assert summary["max_leverage"].keys() <= {"retail", "professional", "institutional"}
    found = {finding["code"]: finding["count"] for finding in summary["findings"]}
    assert found["duplicate_account"] == 2
    assert {"equity_missing", "equity_not_positive", "notional_not_finite", "symbol_unknown", "account_missing"} <= set(
        found
    )


def test_other_policy_is_used_and_stated_in_every_row(trained, scored, tmp_path):
    strict = dataclasses.replace(
        Config(), policy=PolicyConfig(liquidation_probability=0.001), guardrails=GuardrailConfig(hysteresis=0.0)
    )
    summary = run(trained, tmp_path, config=strict)
    limits, before = limits_of(summary), limits_of(scored[1])
    assert (limits["max_leverage"] <= before["max_leverage"]).all()
    assert limits["config_hash"].unique().tolist() == [summary["provenance"]["config_hash"]]
    assert summary["provenance"]["config_hash"] != scored[1]["provenance"]["config_hash"]
    assert read_snapshot(ScoringRun.at(tmp_path, read_bundle(trained.bundle).snapshot.as_of).snapshot)


def test_half_given_or_double_given_market_is_refused(trained, tmp_path):
    for folders in ({"market_folder": None}, {"snapshot_folder": tmp_path}):
        with pytest.raises(ConfigError, match="the market or a snapshot"):
            run(trained, tmp_path, **folders)


def test_a_market_too_old_is_refused_and_nothing_is_written(trained, end, tmp_path):
    """Exactly the age allowed still counts; an hour more does not, and the message says how old and what to write."""
    allowed = trained.config.market.max_age_hours
    with pytest.raises(DataError, match="4 hours old") as refused:
        run(trained, tmp_path, as_of=end + pd.Timedelta(hours=allowed + 1))
    assert "--max-age 4h" in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    assert run(trained, tmp_path, as_of=end + pd.Timedelta(hours=allowed))["status"].get("scored", 0) > 0


def test_a_snapshot_ages_too(trained, scored, end, tmp_path):
    snapshot = ScoringRun.at(scored[0], end).snapshot
    young = run(trained, tmp_path, market_folder=None, snapshot_folder=snapshot, as_of=end + pd.Timedelta(hours=3))
    assert "snapshot_age" in [finding["code"] for finding in young["findings"]]
    assert limits_of(young).equals(limits_of(scored[1]))
    with pytest.raises(DataError, match="4 hours old"):
        run(trained, tmp_path, market_folder=None, snapshot_folder=snapshot, as_of=end + pd.Timedelta(hours=4))


def test_a_snapshot_within_a_larger_age_holds_the_earlier_limits(trained, scored, end, tmp_path):
    earlier = ScoringRun.at(scored[0], end)
    late = run(
        trained,
        tmp_path,
        market_folder=None,
        snapshot_folder=earlier.snapshot,
        as_of=end + pd.Timedelta(hours=6),
        max_age_hours=6,
        previous=scored[0],
    )
    assert set(late["status"]) <= {"held", "fallback", "rejected"}
    assert late["status"]["held"] > 0
    limits, before = limits_of(late), limits_of(scored[1])
    assert (limits["as_of"] == end + pd.Timedelta(hours=6)).all()
    assert (limits["max_leverage"] <= before["max_leverage"]).all()
    assert next(f for f in late["findings"] if f["code"] == "snapshot_age")["message"].endswith("no earlier ones")


@pytest.mark.parametrize("text", ["2022-09-08T00:30:00Z", "2022-09-08", "2022-09-08T00:00:00+02:00"])
def test_as_of_is_a_whole_hour_in_utc(trained, tmp_path, text):
    with pytest.raises(ConfigError, match="whole hour in UTC"):
        run(trained, tmp_path, as_of=pd.Timestamp(text))
    assert list(tmp_path.iterdir()) == []


def test_snapshot_of_another_bundle_or_instant_is_refused(trained, scored, end, tmp_path):
    snapshot = ScoringRun.at(scored[0], end).snapshot
    with pytest.raises(DataError, match="24 hours too late"):
        run(trained, tmp_path, market_folder=None, snapshot_folder=snapshot, as_of=end - DAY)
    other = tmp_path / "snapshot"
    other.mkdir()
    write_snapshot(dataclasses.replace(read_snapshot(snapshot), bundle_id="0" * 16), other)
    with pytest.raises(BundleError, match="made by bundle 0000000000000000"):
        run(trained, tmp_path, market_folder=None, snapshot_folder=other)
    with pytest.raises(BundleError, match="made by bundle 0000000000000000"):
        levercap.load(trained.bundle, other)


FROM_A_SNAPSHOT = """
import json, sys
from pathlib import Path
from levercap.workflows.score import score
bundle, snapshot, accounts, positions, out = map(Path, sys.argv[1:])
summary = score(bundle, accounts_path=accounts, positions_path=positions, out=out, snapshot_folder=snapshot)
print(json.dumps([summary["folder"], sorted({"lightgbm", "sklearn"} & set(sys.modules))]))
"""


def test_scoring_from_a_snapshot_reads_no_models_and_gives_the_same_limits(trained, scored, end, tmp_path):
    snapshot = ScoringRun.at(scored[0], end).snapshot
    arguments = map(str, (trained.bundle, snapshot, trained.accounts, trained.positions, tmp_path))
    command = [sys.executable, "-W", "ignore", "-c", FROM_A_SNAPSHOT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    folder, learners = json.loads(done.stdout)
    assert learners == []
    mine, first = ScoringRun.at(tmp_path, end), ScoringRun.at(scored[0], end)
    assert mine.limits.read_bytes() == first.limits.read_bytes()
    assert folder == str(mine.folder)


def test_tampered_bundle_and_wrong_version_are_refused(trained, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(trained.bundle, bundle)
    config = bundle / "models" / "config.json"
    config.write_text(config.read_text().replace("0.01", "0.99"))
    with pytest.raises(BundleError, match=r"models/config.json: changed"):
        run(trained, tmp_path / "out", bundle=bundle)
    manifest = bundle / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace(f'"format_version": {FORMAT_VERSION}', '"format_version": 99'))
    with pytest.raises(BundleError, match="format_version 99"):
        levercap.load(bundle)
    assert not (tmp_path / "out").exists()


def test_the_book_is_cleaned_once(trained, tmp_path, monkeypatch):
    calls = []
    original = cleaning.net_positions
    monkeypatch.setattr(cleaning, "net_positions", lambda *book: calls.append(len(book[1])) or original(*book))
    run(trained, tmp_path)
    assert calls == [len(pd.read_parquet(trained.positions))]


def test_a_run_beyond_a_bound_is_held_back_and_the_published_one_stays(trained, scored, end, tmp_path):
    shutil.copytree(scored[0], tmp_path / "out")
    published = files(ScoringRun.at(tmp_path / "out", end).folder)
    empty = tmp_path / "positions.parquet"
    pd.read_parquet(trained.positions).head(0).to_parquet(empty)
    summary = run(trained, tmp_path / "out", positions_path=empty)
    held = ScoringRun.held_at(tmp_path / "out", end)
    assert (summary["outcome"], summary["folder"]) == ("held", str(held.folder))
    assert not held.is_complete
    assert json.loads(held.summary.read_text())["tripped"] == summary["tripped"]
    assert len(pd.read_parquet(held.limits)) == len(pd.read_parquet(trained.accounts))
    assert files(ScoringRun.at(tmp_path / "out", end).folder) == published
    assert ScoringRun.complete_in(tmp_path / "out") == [ScoringRun.at(tmp_path / "out", end)]
    run(trained, tmp_path / "out", positions_path=empty)
    on_purpose = run(trained, tmp_path / "out", positions_path=empty, publish_anyway="the venue is new")
    assert (on_purpose["outcome"], on_purpose["published_anyway"]) == ("published", "the venue is new")
    assert {"breaker_tripped", "published_anyway"} <= {finding["code"] for finding in on_purpose["findings"]}
    assert ScoringRun.at(tmp_path / "out", end).is_complete


def test_the_first_night_and_the_one_after_a_held_run(trained, end, tmp_path):
    out = tmp_path / "scores"
    empty = tmp_path / "positions.parquet"
    pd.read_parquet(trained.positions).head(0).to_parquet(empty)
    first = run(trained, out, previous=out, positions_path=empty, as_of=end - DAY)
    second = run(trained, out, previous=out)
    for summary, outcome in ((first, "held"), (second, "published")):
        assert summary["outcome"] == outcome
        assert "first_night" in [finding["code"] for finding in summary["findings"]]
    third = run(trained, out, previous=out, as_of=end + pd.Timedelta(hours=1))
    assert "first_night" not in [finding["code"] for finding in third["findings"]]
    assert limits_of(third)["previous_max_leverage"].notna().all()


def test_the_summary_keeps_the_examples_of_every_finding(trained, tmp_path):
    positions = pd.read_parquet(trained.positions)
    positions.loc[0, "symbol"] = "NOSUCHUSDT"
    positions.to_parquet(tmp_path / "positions.parquet")
    summary = run(trained, tmp_path / "out", positions_path=tmp_path / "positions.parquet")
    (found,) = [finding for finding in summary["findings"] if finding["code"] == "symbol_unknown"]
    assert "NOSUCHUSDT" in found["examples"][0]
