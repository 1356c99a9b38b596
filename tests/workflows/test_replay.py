"""Replay: limits day by day, each the next one's previous, and the evidence against slow twins."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest

from levercap.config import Config, PolicyConfig
from levercap.core.errors import ConfigError
from levercap.core.panel import HOUR
from levercap.evidence.replay_figures import replay_figures
from levercap.limits.predictor import Predictor
from levercap.workflows.replay import replay, snapshots

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def replayed(fitted, tmp_path_factory):
    """Five days across the first of a month."""
    out = tmp_path_factory.mktemp("replayed") / "out"
    start = pd.Timestamp("2023-03-30", tz="UTC").as_unit("us")
    accounts = pd.concat([fitted.accounts, bad_account(fitted.accounts)], ignore_index=True)
    evidence = replay(fitted.market, accounts, fitted.positions, start, start + 5 * DAY, fitted.config, out)
    return pd.read_parquet(out / "limits.parquet"), evidence, out, accounts


def bad_account(accounts):
    return accounts.head(1).assign(account_id="BANKRUPT", equity=-1.0)


def test_every_account_has_a_row_every_day(replayed):
    limits, evidence, out, accounts = replayed
    assert limits["as_of"].nunique() == 5
    for _, day in limits.groupby("as_of"):
        assert day["account_id"].tolist() == accounts["account_id"].tolist()
    assert json.loads((out / "evidence.json").read_text()) == evidence
    assert (limits.loc[limits["account_id"] == "BANKRUPT", "status"] == "rejected").all()


def test_each_limit_is_the_next_ones_previous_and_rises_are_held(replayed, fitted):
    limits = replayed[0]
    rails = fitted.config.guardrails
    table = limits[limits["status"] != "rejected"].pivot(index="as_of", columns="account_id")
    before = table["previous_max_leverage"].iloc[1:].to_numpy()
    np.testing.assert_array_equal(before, table["max_leverage"].iloc[:-1].to_numpy())
    rise = table["max_leverage"].iloc[1:].to_numpy() / before - 1.0
    assert (rise <= rails.max_rise_per_day + 1e-12).all()
    assert not ((rise > 0) & (rise < rails.hysteresis - 1e-12)).any()
    unguarded = table["unguarded_max_leverage"].iloc[1:].to_numpy()
    cut = unguarded < before
    np.testing.assert_array_equal(table["max_leverage"].iloc[1:].to_numpy()[cut], unguarded[cut])
    assert cut.any()
    assert (rise > 0).any() or (unguarded > before).any()


def test_the_days_are_those_of_scoring_one_by_one(replayed, fitted):
    limits, _, _, accounts = replayed
    origins = pd.DatetimeIndex(limits["as_of"].unique())
    previous = None
    for snapshot in snapshots(fitted.market, origins, fitted.config):
        day = Predictor(snapshot, fitted.config).predict(accounts, fitted.positions, previous)
        mine = limits[limits["as_of"] == snapshot.as_of].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, day, check_exact=True, check_dtype=False)
        previous = day


def test_models_change_on_the_first_of_the_month(replayed):
    limits = replayed[0]
    ids = limits.groupby("as_of")["bundle_id"].first().tolist()
    assert ids == ["walk-forward 2023-03-30"] * 2 + ["walk-forward 2023-04-01"] * 3


def test_limits_before_an_instant_are_the_same_on_a_shorter_market(replayed, fitted, tmp_path):
    limits, _, _, accounts = replayed
    end = pd.Timestamp("2023-04-01", tz="UTC").as_unit("us")
    market = dataclasses.replace(fitted.market, panel=fitted.market.panel.until(end))
    replay(market, accounts, fitted.positions, end - 2 * DAY, end + 10 * DAY, fitted.config, tmp_path / "out")
    shorter = pd.read_parquet(tmp_path / "out" / "limits.parquet").drop(columns="data_hash")
    assert shorter["as_of"].nunique() == 3
    expected = limits[limits["as_of"] <= end].drop(columns="data_hash").reset_index(drop=True)
    pd.testing.assert_frame_equal(shorter, expected, check_exact=True)


def test_replaying_a_short_history_uses_the_baseline(fitted, tmp_path):
    end = fitted.market.panel.start + 130 * DAY
    market = dataclasses.replace(fitted.market, panel=fitted.market.panel.until(end))
    evidence = replay(
        market, fitted.accounts, fitted.positions, end - 4 * DAY, end - 2 * DAY, fitted.config, tmp_path / "out"
    )
    assert evidence["days"] == 2
    assert evidence["account_days_judged"] > 0
    assert evidence["status"].get("scored", 0) > 0


def test_a_period_without_midnight_is_refused(fitted, tmp_path):
    end = fitted.market.panel.end
    with pytest.raises(ConfigError, match="no midnight"):
        replay(
            fitted.market, fitted.accounts, fitted.positions, end + DAY, end + 2 * DAY, fitted.config, tmp_path / "o"
        )


def make_limits(leverage, at_risk, status=None):
    days, accounts = leverage.shape
    stamps = pd.date_range("2024-01-01", periods=days, freq="D", tz="UTC", unit="us")
    return pd.DataFrame(
        {
            "as_of": np.repeat(stamps, accounts),
            "account_id": np.tile([f"A{i}" for i in range(accounts)], days),
            "status": np.tile(["scored"] * accounts if status is None else status, days),
            "max_leverage": leverage.ravel(),
            "path_var_99": at_risk.ravel(),
            "binding": np.where(np.arange(days * accounts) % 3 == 0, "cap_a", "cap_b"),
        }
    )


def slow_evidence(leverage, at_risk, losses, maintenance):
    judged = liquidated = hits = measured = 0
    debt = 0.0
    for day in range(leverage.shape[0]):
        for account in range(leverage.shape[1]):
            loss = losses[day, account]
            if math.isnan(loss):
                continue
            margin = min(1.0, 1.0 / leverage[day, account])
            judged += 1
            liquidated += loss > margin - maintenance
            debt += max(0.0, loss - margin)
            if not math.isnan(at_risk[day, account]):
                measured += 1
                hits += loss > at_risk[day, account]
    return judged, liquidated / judged, 1e4 * debt / judged, hits / measured


def test_the_evidence_equals_the_slow_twin():
    rng = np.random.default_rng(0)
    shape = (40, 30)
    leverage = rng.uniform(0.5, 20, shape)
    at_risk = rng.uniform(0.05, 0.3, shape)
    losses = rng.exponential(0.08, shape)
    losses[rng.random(shape) < 0.1] = np.nan
    at_risk[:, 4] = np.nan
    config = Config(policy=PolicyConfig(maintenance_margin_rate=0.02))
    found = replay_figures(make_limits(leverage, at_risk), losses, config)
    judged, liquidation, debt, hits = slow_evidence(leverage, at_risk, losses, 0.02)
    assert found["account_days_judged"] == judged
    assert found["liquidation_rate"] == pytest.approx(liquidation)
    assert found["bad_debt_bp_per_day"] == pytest.approx(debt)
    assert found["path_var_99_hit_rate"] == pytest.approx(hits)
    margin = np.minimum(1.0, 1.0 / leverage)
    assert found["mean_margin"] == pytest.approx(margin.mean())
    assert found["median_max_leverage"] == pytest.approx(np.median(leverage))
    daily = [float(np.median(row)) for row in margin]
    assert found["margin_peak_to_trough"] == pytest.approx(max(daily) / min(daily))
    for days in (1, 5, 30):
        rises = [daily[i] / daily[i - days] - 1.0 for i in range(days, 40)]
        assert found[f"largest_{days}d_margin_rise"] == pytest.approx(max(rises))
    assert (found["days"], found["accounts"]) == (40, 30)
    assert found["binding"] == {"cap_a": 400, "cap_b": 800}


def test_rejected_accounts_are_not_judged():
    leverage = np.array([[0.0, 4.0], [0.0, 5.0]])
    at_risk = np.full((2, 2), 0.1)
    limits = make_limits(leverage, at_risk, ["rejected", "scored"])
    found = replay_figures(limits, np.array([[0.2], [0.3]]), Config())
    assert found["accounts"] == 1
    assert found["account_days_judged"] == 2
    assert found["liquidation_rate"] == 0.5
    assert found["mean_margin"] == pytest.approx((0.25 + 0.2) / 2)
    assert found["status"] == {"rejected": 2, "scored": 2}


def test_nothing_known_gives_nulls_and_not_zeros():
    found = replay_figures(make_limits(np.full((1, 2), 3.0), np.full((1, 2), 0.1)), np.full((1, 2), np.nan), Config())
    for name in ("liquidation_rate", "bad_debt_bp_per_day", "path_var_99_hit_rate", "largest_1d_margin_rise"):
        assert found[name] is None, name
    assert found["account_days_judged"] == 0


def test_days_on_hold_are_counted():
    status = ["rejected", "scored", "held", "fallback", "held"]
    leverage = np.full((3, 5), 4.0)
    limits = make_limits(leverage, np.full((3, 5), 0.1), status)
    limits.loc[5:9, "status"] = ["rejected", "scored", "scored", "fallback", "scored"]
    found = replay_figures(limits, np.full((3, 4), 0.01), Config())
    shares = (found["scored_share"], found["held_share"], found["fallback_share"])
    assert shares == pytest.approx((5 / 12, 4 / 12, 3 / 12))
    assert found["nights_on_hold"] == 2
