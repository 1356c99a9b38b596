"""Training and walk-forward: what is written, that it is consistent, and what short histories get."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import ConfigError, DataError
from levercap.core.horizon import DAY as HORIZON
from levercap.core.names import Side
from levercap.core.outcomes import realised_outcomes
from levercap.core.panel import HOUR
from levercap.evaluation.comparison.leaderboard import leaderboard
from levercap.evidence import TABLES
from levercap.evidence.build import STEPS
from levercap.features import feature_table
from levercap.forecast.history import known_by, refit_dates
from levercap.model import read_bundle
from levercap.model.dataset import build_dataset
from levercap.model.walk_forward import Month, refits
from levercap.workflows.evaluate import Rivals, evaluate
from levercap.workflows.forecast import forecast
from levercap.workflows.train import train

DAY = 24 * HOUR


def utc(text):
    return pd.Timestamp(text, tz="UTC").as_unit("us")


def test_months_start_at_the_start_and_at_every_first():
    months = refits(utc("2023-01-17"), utc("2023-04-01"))
    assert months == [
        Month(utc("2023-01-17"), utc("2023-02-01")),
        Month(utc("2023-02-01"), utc("2023-03-01")),
        Month(utc("2023-03-01"), utc("2023-04-01")),
    ]
    assert refits(utc("2023-02-01"), utc("2023-02-02")) == [Month(utc("2023-02-01"), utc("2023-02-02"))]
    assert refits(utc("2023-02-01 05:00"), utc("2023-03-01 01:00"))[-1].start == utc("2023-03-01")
    assert refits(utc("2023-02-01"), utc("2023-02-01")) == []


def test_refit_dates_are_the_first_of_january_and_july():
    dates = refit_dates(utc("2022-01-01"), utc("2023-07-01"), (1, 7))
    assert list(dates) == [utc("2022-01-01"), utc("2022-07-01"), utc("2023-01-01"), utc("2023-07-01")]
    assert list(refit_dates(utc("2022-01-02"), utc("2022-06-30"), (1, 7))) == []


def test_an_outcome_is_known_a_day_later():
    table = pd.DataFrame({"as_of": pd.DatetimeIndex([utc("2023-01-01"), utc("2023-01-02"), utc("2023-01-03")])})
    assert known_by(table, utc("2023-01-03"), HORIZON).tolist() == [True, True, False]
    assert known_by(table, utc("2023-01-02 23:00"), HORIZON).tolist() == [True, False, False]


def test_the_dataset_puts_outcomes_beside_features(fitted):
    data, panel = fitted.data, fitted.market.panel
    pd.testing.assert_frame_equal(data.features[["as_of", "symbol"]], data.outcomes[["as_of", "symbol"]])
    assert data.features["as_of"].dt.hour.eq(0).all()
    some = data.outcomes.iloc[[100, 900, 2000]]
    for row in some.itertuples():
        alone = realised_outcomes(panel, pd.DatetimeIndex([row.as_of])).set_index("symbol").loc[row.symbol]
        assert alone["path_long"] == row.path_long
    last = data.outcomes["as_of"] > panel.end - DAY
    assert data.outcomes.loc[last, "long"].isna().all()
    assert data.outcomes.loc[~last, "long"].notna().mean() > 0.98


@pytest.fixture(scope="module")
def evaluated(fitted, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated") / "out"
    steps = []
    summary = evaluate(
        fitted.market,
        fitted.until,
        utc("2023-04-11"),
        fitted.config,
        out,
        lambda done, total: steps.append((done, total)),
        Rivals(("hs_250",)),
    )
    tables = {p.stem: pd.read_parquet(p) for p in out.glob("*.parquet")}
    return summary, tables, out, steps


def test_evaluate_writes_its_files(evaluated):
    summary, tables, out, steps = evaluated
    forecasts = {"forecasts", "tails", "baseline_tails", "tails_against", "market_shocks", "outcomes"}
    assert set(tables) == forecasts | set(TABLES)
    assert all(list(tables[name]) == list(columns) for name, columns in TABLES.items())
    assert (out / "_SUCCESS").exists()
    assert json.loads((out / "summary.json").read_text()) == summary
    assert "41" in (out / "CARD.md").read_text()
    total = 3 * 2 + STEPS
    assert steps == [(done, total) for done in range(1, total + 1)]


def test_a_hit_of_the_market_is_forecast_once_a_day_and_is_rarer_than_one_of_some_symbol(evaluated):
    _, tables, _, _ = evaluated
    market, forecasts = tables["market_shocks"], tables["forecasts"]
    assert list(market["as_of"]) == list(forecasts["as_of"].drop_duplicates())
    for side in Side:
        numbers = market[[f"market_shock_probability_{side}_{b}" for b in ("05", "10", "20")]].to_numpy()
        assert ((numbers > 0) & (numbers < 1)).all()
        assert (np.diff(numbers, axis=1) <= 0).all()
        largest = forecasts.groupby("as_of")[f"shock_probability_{side}_05"].max().to_numpy()
        assert (numbers[:, 0] < largest).mean() > 0.9


def test_the_summary_says_what_the_leaderboard_says(evaluated):
    summary, tables, _, _ = evaluated
    assert summary["models"] == ["B1", "levercap", "hs_250"]
    assert set(tables["tails_against"]["model"]) == {"hs_250"}
    rivals = {"B1": tables["baseline_tails"], "levercap": tables["tails"], "hs_250": tables["tails_against"]}
    again = leaderboard(rivals, tables["outcomes"])
    shared = [name for name in again if not name.startswith("ci_")]  # 41 days: shorter blocks in the proof
    pd.testing.assert_frame_equal(tables["leaderboard"][shared], again[shared], check_dtype=False)
    rows = tables["leaderboard"][tables["leaderboard"]["model"] == "levercap"]
    assert len(rows) == summary["rows"] == 8
    for row in rows.itertuples():
        name = f"{row.side} {row.kind} {row.level}"
        assert summary["d_fz0"][name] == pytest.approx(row.d_fz0, abs=1e-6)
        assert summary["hit_rate"][name] == pytest.approx(row.hit_rate, abs=1e-6)
    assert summary["better_than_b1"] == (rows["d_fz0"] < 0).sum()
    assert summary["significantly_better_than_b1"] == (rows["ci_high"] < 0).sum()
    assert summary["origins"] == 41 == tables["forecasts"]["as_of"].nunique()
    assert summary["symbols"] == tables["forecasts"]["symbol"].nunique()


def test_the_attributions_are_of_the_features_of_the_last_refit(evaluated, fitted):
    parts = evaluated[1]["attributions"]
    assert set(parts["learner"]) == {"boosted", "ridge"}
    assert set(parts["feature"]) <= set(fitted.data.features.columns)
    for _, learner in parts.groupby("learner"):
        assert learner["share"].sum() == pytest.approx(1.0)
        assert learner["rank"].tolist() == list(range(1, len(learner) + 1))
        assert learner["contribution"].is_monotonic_decreasing


def test_evaluate_tables_hold_the_same_rows(evaluated, fitted):
    _, tables, _, _ = evaluated
    keys = tables["forecasts"][["as_of", "symbol"]]
    for name in ("tails", "baseline_tails"):
        assert len(tables[name]) == 4 * len(keys)
        found = tables[name][["as_of", "symbol"]].drop_duplicates().sort_values(["as_of", "symbol"], ignore_index=True)
        pd.testing.assert_frame_equal(found, keys.sort_values(["as_of", "symbol"], ignore_index=True))
    assert keys["as_of"].min() == fitted.until
    assert keys["as_of"].max() == utc("2023-04-10")
    assert (tables["tails"]["es"] >= tables["tails"]["var"]).all()


def test_the_first_month_is_forecast_by_what_training_gives(evaluated, fitted):
    _, tables, _, _ = evaluated
    rows = fitted.data.features
    march = rows[(rows["as_of"] >= fitted.until) & (rows["as_of"] < utc("2023-04-01"))]
    expected = fitted.bundle.forecaster.predict(march)
    mine = tables["forecasts"][tables["forecasts"]["as_of"] < utc("2023-04-01")].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, expected.forecasts, check_exact=True)


def test_evaluating_nothing_is_refused(fitted, tmp_path):
    panel = fitted.market.panel
    with pytest.raises(ConfigError, match="nothing to evaluate"):
        evaluate(fitted.market, panel.end + 10 * DAY, panel.end + 20 * DAY, fitted.config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def cut(market, days):
    return dataclasses.replace(market, panel=market.panel.until(market.panel.start + days * DAY))


@pytest.fixture(scope="module")
def short(fitted, tmp_path_factory):
    """A bundle of 130 days: too few for the fitted model."""
    market = cut(fitted.market, 130)
    return market, train(market, None, fitted.config, tmp_path_factory.mktemp("short") / "bundle")


def test_a_short_history_gets_the_baseline(short, fitted):
    market, bundle = short
    assert bundle.forecaster.method == bundle.training["kind"] == "b1"
    snapshot = bundle.snapshot_at(market.panel, None, market.panel.end)
    fresh = snapshot.symbols[snapshot.symbols["state"] == "fresh"]
    features = feature_table(market.panel, pd.DatetimeIndex([market.panel.end]))
    expected = np.exp(features["b1_volatility"] + features["slow_level"])
    np.testing.assert_allclose(fresh["volatility"], expected)
    assert len(bundle.blocks.starts) > 50


def test_the_card_of_a_short_history(short, fitted, tmp_path):
    text = (train(short[0], None, fitted.config, tmp_path / "b") and tmp_path / "b" / "CARD.md").read_text()
    assert "| forecast method | b1 |" in text
    assert "SIM01USDT" in text
    for path in (tmp_path / "b" / "evidence").glob("*.parquet"):
        pd.read_parquet(path)


def test_the_card_names_scores_and_provenance(fitted):
    text = (fitted.folder / "CARD.md").read_text()
    assert "| forecast method | levercap |" in text
    assert fitted.bundle.config.config_hash() in text
    assert fitted.bundle.training["data_hash"] in text
    assert text.count("| long |") == text.count("| short |") == 4


def test_much_too_short_a_history_is_refused(fitted, tmp_path):
    for days, message in ((10, "20 days"), (40, "longer market history")):
        with pytest.raises(DataError, match=message):
            train(cut(fitted.market, days), None, fitted.config, tmp_path / "bundle")
        assert not (tmp_path / "bundle").exists()


def test_evaluating_a_short_history_compares_the_baseline_with_itself(short, fitted, tmp_path):
    market, _ = short
    summary = evaluate(market, market.panel.end - 8 * DAY, market.panel.end, fitted.config, tmp_path / "out")
    tails = (pd.read_parquet(tmp_path / "out" / f"{n}.parquet") for n in ("tails", "baseline_tails"))
    pd.testing.assert_frame_equal(*tails)
    assert set(summary["d_fz0"].values()) == {0.0}
    assert len(summary["fallback_months"]) == len(refits(market.panel.end - 8 * DAY, market.panel.end))
    assert len(summary["not_better_than_b1"]) == 8


def test_training_on_the_same_market_gives_the_same_bytes(short, fitted, tmp_path):
    again = train(short[0], None, fitted.config, tmp_path / "again")
    assert again.bundle_id == short[1].bundle_id


def test_training_records_what_it_was_trained_on(fitted):
    training = read_bundle(fitted.folder).training
    assert training["until"] == fitted.until.isoformat()
    assert tuple(training["symbols"]) == fitted.market.panel.symbols
    assert training["scenarios"] == len(fitted.bundle.blocks.starts)
    assert training["data_hash"] == fitted.market.panel.until(fitted.until).data_hash()
    known = build_dataset(fitted.market.panel.until(fitted.until)).outcomes["realised_volatility"].notna().sum()
    assert training["rows"] == known


def test_forecasts_of_symbols_never_seen(fitted, tmp_path):
    """Known by another name a symbol has the same volatility and shock probabilities, and the pooled tails."""
    panel = fitted.market.panel
    names = (*panel.symbols[:-1], "SIM99USDT")
    market = dataclasses.replace(fitted.market, panel=dataclasses.replace(panel, symbols=names))
    start, stop = fitted.until, fitted.until + 2 * DAY
    mine, other = tmp_path / "mine", tmp_path / "other"
    forecast(fitted.bundle, fitted.market, start, stop, 6, mine)
    summary = forecast(fitted.bundle, market, start, stop, 6, other)
    assert summary["symbols_not_in_training"] == ["SIM99USDT"]
    assert (summary["origins"], summary["symbols"]) == (
        8,
        pd.read_parquet(other / "forecasts.parquet")["symbol"].nunique(),
    )
    a, b = (pd.read_parquet(folder / "forecasts.parquet") for folder in (mine, other))
    assert (b["symbol"] == "SIM99USDT").sum() == 8
    pd.testing.assert_frame_equal(a.drop(columns="symbol"), b.drop(columns="symbol"), check_exact=True)
    tails = pd.read_parquet(other / "tails.parquet")
    unseen = tails[tails["symbol"] == "SIM99USDT"].reset_index(drop=True)
    assert len(unseen) == 32
    tail = fitted.bundle.forecaster.tail
    assert tail.ratios(pd.Series(["SIM99USDT"]), Side.LONG, "path", 0.99) == tail.ratios(
        pd.Series([""]), Side.LONG, "path", 0.99
    )
    numbers = unseen[["var", "es", "path_var", "path_es"]]
    assert np.isfinite(numbers).all(axis=None)
    assert (numbers > 0).all(axis=None)


def test_forecasts_at_an_instant_are_those_of_the_snapshot(fitted, tmp_path):
    start = fitted.until + 7 * HOUR
    forecast(fitted.bundle, fitted.market, start, start + 10 * HOUR, 5, tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "forecasts.parquet")
    for as_of, rows in table.groupby("as_of"):
        snapshot = fitted.bundle.snapshot_at(fitted.market.panel, None, as_of)
        fresh = snapshot.symbols[snapshot.symbols["state"] == "fresh"].set_index("symbol")
        np.testing.assert_array_equal(rows["volatility"], fresh.loc[rows["symbol"], "volatility"])
        names = ["shock_probability_long", "shock_probability_short"]
        np.testing.assert_array_equal(rows[names], fresh.loc[rows["symbol"], names])


def test_forecasting_outside_the_market_is_refused(fitted, tmp_path):
    end = fitted.market.panel.end
    with pytest.raises(DataError, match="no instant"):
        forecast(fitted.bundle, fitted.market, end + DAY, end + 2 * DAY, 24, tmp_path / "out")
