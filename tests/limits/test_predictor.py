import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from levercap.config import Config, GuardrailConfig, ProfileConfig
from levercap.core.errors import DataError, ModelError
from levercap.limits.frame import limit_columns, symbol_limit_columns
from levercap.limits.predictor import Predictor
from levercap.policy import binding_constraint
from levercap.risk import expected_shortfall, insolvency_margin, value_at_risk
from support.snapshots import (
    AS_OF,
    STALE,
    SYMBOLS,
    config_with,
    make_book,
    make_scenarios,
    make_snapshot,
    make_tiers,
    with_scenarios,
    without_symbol,
)

RNG = np.random.default_rng(11)
SNAPSHOT = make_snapshot(RNG, tiers=make_tiers())
PREDICTOR = Predictor(SNAPSHOT, Config())
RISK = ["var_99", "es_975", "path_var_99", "path_es_975", "liquidation_probability", "shock_probability"]
CAPS = [name for name in limit_columns() if name.startswith("cap_")]


def accounts(*rows, **extra) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "equity", "segment"])
    return frame.assign(**extra)


def positions(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["account_id", "symbol", "notional"]).astype(
        {"account_id": "str", "symbol": "str", "notional": "float64"}
    )


def predict_one(equity=1000.0, segment="institutional", notional=500.0, symbol="AAA", previous=None, **extra):
    held = positions(("a", symbol, notional)) if notional else positions()
    return PREDICTOR.predict(accounts(("a", equity, segment), **extra), held, previous).iloc[0]


def test_columns_and_types():
    frame = PREDICTOR.predict(*make_book(RNG, 50))
    assert list(frame.columns) == [*limit_columns(), "equity", "segment", "jurisdiction"]
    assert frame["as_of"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert (frame["as_of"] == AS_OF).all()
    texts = ["account_id", "status", "binding", "action", "reasons", "bundle_id", "config_hash", "data_hash"]
    assert {str(frame[name].dtype) for name in texts} == {"str"}
    numbers = [n for n in limit_columns() if n not in [*texts, "as_of"]]
    assert {str(frame[name].dtype) for name in numbers} == {"float64"}
    assert frame[["bundle_id", "config_hash", "data_hash"]].iloc[0].tolist() == ["bundle", "config", "data"]


def test_every_account_comes_out_once_in_input_order():
    frame, held = make_book(RNG, 300)
    shuffled = frame.sample(frac=1.0, random_state=1)
    out = PREDICTOR.predict(shuffled, held.sample(frac=1.0, random_state=2))
    assert out["account_id"].tolist() == shuffled["account_id"].tolist()
    straight = PREDICTOR.predict(frame, held).set_index("account_id")
    pd.testing.assert_frame_equal(out.set_index("account_id"), straight.loc[out["account_id"]], check_exact=True)


def test_one_account_has_the_row_it_has_in_the_batch():
    frame, held = make_book(RNG, 400)
    batch = PREDICTOR.predict(frame, held)
    for row in (0, 7, 133, 399):
        alone = PREDICTOR.predict(frame.iloc[[row]], held[held["account_id"] == frame["account_id"].iloc[row]])
        pd.testing.assert_frame_equal(alone, batch.iloc[[row]].reset_index(drop=True), check_exact=True)


def test_concurrent_callers_get_the_same_bits():
    books = [make_book(np.random.default_rng(k), 3000) for k in range(4)]
    alone = [PREDICTOR.predict(*book) for book in books]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda book: PREDICTOR.predict(*book), books * 2))
    for k, frame in enumerate(together):
        pd.testing.assert_frame_equal(frame, alone[k % 4], check_exact=True)


def test_predicting_opens_no_file_and_no_connection():
    """In a process of its own, so that nothing is warm but what the constructor warmed."""
    code = """
import sys, numpy as np
from levercap.config import Config, ProfileConfig
from levercap.limits.predictor import Predictor
from support.snapshots import make_book, make_snapshot, make_tiers
rng = np.random.default_rng(1)
predictor, book = Predictor(make_snapshot(rng, tiers=make_tiers()), Config()), make_book(rng, 500)
touched, watching = [], [True]
sys.addaudithook(lambda name, args: watching[0] and name in ("open", "socket.connect") and touched.append(args))
predictor.predict(*book)
predictor.symbol_limits()
watching[0] = False
sys.exit(f"touched {touched}" if touched else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_runs_are_the_same_bits():
    book = make_book(RNG, 200)
    again = Predictor(SNAPSHOT, Config()).predict(*book)
    pd.testing.assert_frame_equal(PREDICTOR.predict(*book), again, check_exact=True)


def test_limit_is_the_smallest_cap_and_named_after_it():
    out = PREDICTOR.predict(*make_book(RNG, 2000))
    assert (out["max_leverage"] == out[CAPS].min(axis=1)).all()
    assert (out["unguarded_max_leverage"] == out["max_leverage"]).all()
    assert (out["guardrail_effect"] == 0).all()
    columns = [CAPS.index(f"cap_{binding_constraint(name)}") for name in out["binding"]]
    named = out[CAPS].to_numpy()[np.arange(len(out)), columns]
    assert (named == out["max_leverage"]).all()
    assert (out["max_leverage"] > 0).all()
    assert (out["es_975"] <= out["path_es_975"] + 1e-6).all()
    assert out["binding"].nunique() >= 5


def test_headroom_and_leverage():
    row = predict_one(equity=1000.0, notional=-1500.0)
    assert row["effective_leverage"] == 1.5
    assert row["headroom"] == pytest.approx(row["max_leverage"] * 1000 - 1500)


def test_at_the_liquidation_cap_the_probability_is_within_the_budget():
    frame, held = make_book(RNG, 1000, unknown_symbols=False)
    held = held[held["account_id"].map(held["account_id"].value_counts()) == 1]
    cap = PREDICTOR.predict(frame, held).set_index("account_id")["cap_liquidation"]
    equity = frame.set_index("account_id")["equity"]
    ids = held["account_id"]
    for factor, inside in ((1 - 1e-6, True), (1 + 1e-3, False)):
        sized = held.assign(notional=np.sign(held["notional"]) * ids.map(cap) * ids.map(equity) * factor)
        out = PREDICTOR.predict(frame, sized)
        probability = out.loc[out["account_id"].isin(ids), "liquidation_probability"]
        assert (probability <= 0.01).all() if inside else (probability > 0.01).all()


def test_flat_account_gets_the_limit_of_the_most_restrictive_position_in_a_large_symbol():
    for equity in (1000.0, 1e7):
        row = predict_one(equity=equity, notional=0.0)
        assert row["reasons"] == "no_position"
        assert (row["effective_leverage"], row["liquidation_probability"], row["status"]) == (0.0, 0.0, "scored")
        assert row["action"] == "none"
        large = [predict_one(equity=equity, notional=side, symbol=s) for s in SYMBOLS[:5] for side in (1e-3, -1e-3)]
        worst = min(large, key=lambda r: r["max_leverage"])
        for name in ["max_leverage", "binding", "path_var_99", "es_975", "shock_probability", *CAPS]:
            assert row[name] == worst[name], name
        assert row["headroom"] == row["max_leverage"] * equity


def test_a_lost_reference_makes_accounts_without_a_position_fall_back():
    lost = Predictor(without_symbol(SNAPSHOT, "BBB"), Config())
    row = lost.predict(accounts(("a", 1000.0, "institutional")), positions()).iloc[0]
    assert (row["status"], row["cap_fallback"], row["reasons"]) == ("fallback", 1.0, "no_position;reference_out")
    assert row["max_leverage"] <= 1.0
    small = Predictor(without_symbol(SNAPSHOT, "GGG"), Config())
    assert small.predict(accounts(("a", 1000.0, "retail")), positions())["status"].tolist() == ["scored"]


@pytest.mark.parametrize(("budget", "threshold", "tightest"), [(1.0, 50.0, 0), (1e-6, 50.0, 0), (0.0005, 0.95, 1)])
def test_caps_by_hand_for_a_single_position_without_tiers(budget, threshold, tightest):
    config = config_with(insolvency_budget=budget, profiles={"professional": ProfileConfig(50.0, threshold)})
    snapshot, policy = make_snapshot(np.random.default_rng(3)), config.policy
    out = Predictor(snapshot, config).predict(accounts(("a", 1000.0, "professional")), positions(("a", "CCC", -800.0)))
    row, weights = out.iloc[0], snapshot.scenarios.weights
    path = np.maximum(snapshot.scenarios.high[2].astype(float).max(axis=1), 0)
    today, stressed = (
        {
            "var": value_at_risk(loss, weights, 0.99),
            "es": expected_shortfall(loss, weights, 0.975),
            "margin": insolvency_margin(loss + policy.closing_cost, weights, budget),
        }
        for loss in (path, path * snapshot.stressed_factor[2])
    )
    blend = {name: 0.75 * today[name] + 0.25 * stressed[name] for name in today}
    now, memory = (
        (1 / (x["var"] + 0.005), 1 / x["margin"] if x["margin"] > 0 else np.inf, threshold / x["es"])
        for x in (today, blend)
    )
    caps = row[["cap_liquidation", "cap_insolvency", "cap_loss_threshold"]].tolist()
    assert caps == pytest.approx(now, rel=1e-5)
    memory = (memory[0], memory[2])  # the insolvency budget has no long memory
    assert row["cap_long_memory"] == pytest.approx(memory[tightest], rel=1e-5)
    assert memory[tightest] == min(memory)
    assert row["liquidation_probability"] == pytest.approx(weights[path > 1 / 0.8 - 0.005].sum())
    assert row["shock_probability"] == pytest.approx(weights[path >= 0.1].sum())


def test_stale_and_unknown_symbols_fall_back():
    stale, unknown = predict_one(symbol=STALE), predict_one(symbol="NEVER")
    assert (stale["status"], stale["reasons"]) == ("fallback", "symbol_stale;tier_missing")
    assert (unknown["status"], unknown["reasons"]) == ("fallback", "symbol_unknown;tier_missing")
    assert max(stale["max_leverage"], unknown["max_leverage"]) <= 1.0
    assert stale["path_var_99"] >= 1.0
    both = PREDICTOR.predict(
        accounts(("a", 1000.0, "retail")), positions(("a", STALE, 30.0), ("a", "NEVER", 30.0), ("a", "AAA", 999.0))
    ).iloc[0]
    assert (both["status"], both["reasons"]) == ("fallback", "symbol_unknown;symbol_stale;tier_missing;above_limit")
    assert both["max_leverage"] <= 1.0


def test_a_small_part_that_is_not_scored_counts_at_its_bound_and_the_account_stays_scored():
    held = [("a", "AAA", 900.0), ("a", "BBB", 600.0)]
    whole = PREDICTOR.predict(accounts(("a", 1000.0, "institutional")), positions(*held)).iloc[0]
    for symbol, reason in (("NEVER", "symbol_unknown"), (STALE, "symbol_stale")):
        for size, moved in ((1e-3, 0.0001), (20.0, 0.5)):
            part = positions(*held, ("a", symbol, size))
            row = PREDICTOR.predict(accounts(("a", 1000.0, "institutional")), part).iloc[0]
            assert (row["status"], row["cap_fallback"]) == ("scored", np.inf)
            assert reason in row["reasons"]
            assert whole["max_leverage"] * (1 - moved) < row["max_leverage"] < whole["max_leverage"]
            share = size / (1500.0 + size)
            assert row["path_var_99"] >= ((1 - share) * whole["path_var_99"] + share) * (1 - 1e-6)
        edge = positions(("a", "AAA", 95.0), ("a", symbol, 5.0)), positions(("a", "AAA", 94.0), ("a", symbol, 6.0))
        rows = [PREDICTOR.predict(accounts(("a", 1000.0, "institutional")), x).iloc[0] for x in edge]
        assert [row["status"] for row in rows] == ["scored", "fallback"]


def test_the_share_at_which_the_fallback_begins_is_configured():
    held = positions(("a", "AAA", 80.0), ("a", "NEVER", 20.0))
    for share, status in ((0.2, "scored"), (0.19, "fallback"), (0.0, "fallback"), (1.0, "scored")):
        predictor = Predictor(SNAPSHOT, config_with(fallback_share=share))
        assert predictor.predict(accounts(("a", 1000.0, "retail")), held)["status"].tolist() == [status]


def test_data_that_is_missing_never_asks_for_more_than_reduce_only():
    assert predict_one(symbol=STALE, notional=50_000.0)["action"] == "reduce_only"
    assert predict_one(symbol="AAA", notional=100_000.0)["action"] == "reduce"


def test_rejected_accounts_come_out_with_reasons_and_nothing_else_changes():
    frame = accounts(
        ("good", 1000.0, "retail"), ("nan", np.nan, "retail"), ("zero", 0.0, "retail"), ("flat", -5.0, "retail")
    )
    held = positions(
        ("good", "AAA", 100.0),
        ("nan", "AAA", 70.0),
        ("nan", "BBB", -30.0),
        ("zero", "AAA", np.nan),
        ("lost", "AAA", 9.0),
    )
    out = PREDICTOR.predict(frame, held).set_index("account_id")
    assert out.index.tolist() == ["good", "nan", "zero", "flat", "lost"]
    assert out["status"].tolist() == ["scored", "rejected", "rejected", "rejected", "rejected"]
    assert out["max_leverage"].iloc[1:].tolist() == [0.0] * 4
    assert out[RISK + CAPS + ["effective_leverage"]].iloc[1:].isna().all(axis=None)
    assert out["headroom"].iloc[1:].tolist()[:1] + out["headroom"].iloc[3:].tolist() == [-100.0, 0.0, -9.0]
    assert np.isnan(out["headroom"]["zero"])
    assert out["action"].iloc[1:].tolist() == ["reduce_only", "reduce_only", "no_new_risk", "reduce_only"]
    assert out["reasons"]["nan"] == "equity_missing"
    assert out["reasons"]["lost"] == "account_missing"
    assert set(out["reasons"]["zero"].split(";")) == {"equity_not_positive", "notional_not_finite"}
    alone = PREDICTOR.predict(frame.iloc[:1], held.iloc[:1])
    numbers = ["max_leverage", *RISK, *CAPS]
    assert out.loc["good", numbers].tolist() == alone[numbers].iloc[0].tolist()


def test_every_account_may_be_rejected():
    out = PREDICTOR.predict(accounts(("a", -1.0, "retail"), ("b", np.nan, "retail")), positions())
    assert out["status"].tolist() == ["rejected", "rejected"]
    assert out["binding"].tolist() == ["rejected", "rejected"]


def test_duplicate_account_is_rejected_on_every_row():
    out = PREDICTOR.predict(accounts(("a", 10.0, "retail"), ("a", 20.0, "retail")), positions(("a", "AAA", 5.0)))
    assert out["reasons"].tolist() == ["duplicate_account"] * 2
    assert out["headroom"].tolist() == [-5.0, -5.0]


def test_an_empty_book_is_refused():
    with pytest.raises(DataError, match="no accounts"):
        PREDICTOR.predict(accounts(), positions())


def test_unknown_segment_takes_the_strictest_profile():
    row = predict_one(segment="whale")
    assert row["reasons"] == "segment_unknown"
    assert row["cap_profile"] == 25.0
    assert row["cap_loss_threshold"] == predict_one(segment="retail")["cap_loss_threshold"]


def test_jurisdiction():
    row = predict_one(segment="retail", jurisdiction="EU", notional=1.0)
    assert (row["max_leverage"], row["binding"]) == (2.0, "jurisdiction")
    unknown = predict_one(segment="retail", jurisdiction=None)
    assert unknown["cap_jurisdiction"] == 2.0
    assert "jurisdiction_unknown" in unknown["reasons"]


def test_previous_column_limits_the_rise_by_one_day():
    free = predict_one()["max_leverage"]
    row = predict_one(previous_max_leverage=free / 2)
    assert row["max_leverage"] == pytest.approx(free / 2 * 1.2)
    assert row["unguarded_max_leverage"] == free
    assert row["guardrail_effect"] == row["max_leverage"] - free
    assert (row["binding"], row["reasons"]) == ("guardrail", "rise_limited")
    assert row["previous_max_leverage"] == free / 2
    held = predict_one(previous_max_leverage=free / 1.03)
    assert (held["max_leverage"], held["reasons"]) == (free / 1.03, "rise_held")
    cut = predict_one(previous_max_leverage=free * 2)
    assert (cut["max_leverage"], cut["reasons"]) == (free, "")


def previous(*rows):
    frame = pd.DataFrame(rows, columns=["account_id", "max_leverage", "as_of"])
    return frame.assign(as_of=pd.to_datetime(frame["as_of"], utc=True))


def test_previous_frame_wins_and_its_age_counts():
    free = predict_one()["max_leverage"]
    three_days = previous(("a", free / 4, AS_OF - pd.Timedelta(days=3)))
    row = predict_one(previous=three_days, previous_max_leverage=free / 100)
    assert row["max_leverage"] == pytest.approx(free / 4 * 1.2**3)
    assert row["previous_max_leverage"] == free / 4
    other = previous(("b", 1.0, AS_OF - pd.Timedelta(days=3)))
    assert predict_one(previous=other, previous_max_leverage=free / 2)["previous_max_leverage"] == free / 2


def test_of_many_previous_rows_the_latest_that_was_known_counts():
    day = pd.Timedelta(days=1)
    rows = previous(
        ("a", 1.0, AS_OF - 3 * day),
        ("a", 0.30, AS_OF - day),
        ("a", 0.20, AS_OF - day),
        ("a", 5.0, AS_OF - 2 * day),
        ("a", 9.0, AS_OF + day),
    )
    for order in (rows, rows.iloc[::-1]):
        row = predict_one(previous=order)
        assert row["previous_max_leverage"] == 0.20
        assert row["max_leverage"] == pytest.approx(0.20 * 1.2)


def test_previous_without_as_of_is_a_day_old():
    row = predict_one(previous=pd.DataFrame({"account_id": ["a"], "max_leverage": [0.5]}))
    assert row["max_leverage"] == pytest.approx(0.6)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, "much"])
def test_a_previous_limit_that_is_none_starts_from_the_fallback(wrong):
    row = predict_one(previous=pd.DataFrame({"account_id": ["a"], "max_leverage": [wrong]}))
    assert row["max_leverage"] == pytest.approx(1.2)
    assert row["reasons"] == "previous_invalid;rise_limited"


def test_previous_limits_round_trip():
    book = make_book(RNG, 300)
    first = PREDICTOR.predict(*book)
    second = PREDICTOR.predict(*book, first)
    pd.testing.assert_series_equal(first["max_leverage"], second["max_leverage"], check_exact=True)


def test_previous_that_cannot_be_read_is_refused_with_every_problem():
    naive = pd.DataFrame({"account_id": ["a"], "as_of": pd.to_datetime(["2025-01-01"])})
    with pytest.raises(DataError) as error:
        predict_one(previous=naive)
    assert {finding.code for finding in error.value.findings} == {"column_missing", "timestamp_not_utc"}


def test_incomplete_data_never_raises_a_limit():
    row = predict_one(symbol=STALE, previous_max_leverage=0.25)
    assert (row["max_leverage"], row["binding"]) == (0.25, "guardrail")
    assert "rise_held" in row["reasons"]


def test_extra_columns_pass_through_and_clashes_are_renamed():
    frame = accounts(("a", 1000.0, "retail"), desk=pd.Categorical(["x"]), status=["vip"])
    out = PREDICTOR.predict(frame, positions())
    assert list(out.columns[len(limit_columns()) :]) == ["equity", "segment", "desk", "input_status"]
    assert (out["input_status"][0], out["status"][0]) == ("vip", "scored")
    assert isinstance(out["desk"].dtype, pd.CategoricalDtype)


def test_no_forecast_for_any_symbol():
    empty = np.zeros((0, 10, 24), np.float32)
    scenarios = dataclasses.replace(
        make_scenarios(RNG, count=10), instruments=(), low=empty, high=empty, end=empty[:, :, 0]
    )
    hidden = Predictor(with_scenarios(SNAPSHOT, scenarios, np.zeros(0)), Config())
    out = hidden.predict(accounts(("a", 1000.0, "retail"), ("b", 1000.0, "retail")), positions(("a", "AAA", 10.0)))
    assert out["status"].tolist() == ["fallback", "fallback"]
    assert out["reasons"].tolist() == ["symbol_stale", "no_position;reference_out"]
    assert (out["max_leverage"] <= 1).all()


def test_broken_scenarios_are_refused():
    scenarios = make_scenarios(RNG)
    scenarios.low[0, 0, 0] = np.nan
    with pytest.raises(ModelError, match="AAA"):
        Predictor(with_scenarios(SNAPSHOT, scenarios, SNAPSHOT.stressed_factor), Config())


def test_absurd_numbers_still_give_a_limit():
    frame = accounts(("a", 1e-300, "retail"), ("b", 1e300, "retail"), ("c", 1.0, "retail"))
    held = positions(("a", "AAA", 1e300), ("b", "AAA", 1e-300), ("c", "AAA", 1e-320))
    out = PREDICTOR.predict(frame, held)
    assert np.isfinite(out["max_leverage"]).all()
    assert out["effective_leverage"].tolist()[0] == np.inf
    assert out["action"].tolist() == ["reduce", "none", "none"]


def test_without_tiers_only_the_model_and_the_profile_speak():
    row = (
        Predictor(make_snapshot(RNG), Config())
        .predict(accounts(("a", 1e9, "retail")), positions(("a", "AAA", 1.0)))
        .iloc[0]
    )
    assert row["cap_venue_tiers"] == np.inf
    assert row["reasons"] == ""


def test_symbol_limits():
    out = PREDICTOR.symbol_limits()
    assert list(out.columns) == list(symbol_limit_columns())
    assert out["symbol"].tolist() == [s for s in (*SYMBOLS, STALE) for _ in range(2)]
    assert out["side"].tolist() == ["long", "short"] * 8
    assert out["status"].tolist() == ["scored"] * 14 + ["fallback"] * 2
    assert (out["max_leverage"] == out[CAPS].min(axis=1)).all()
    assert (out["max_leverage"][14:] <= 1).all()
    assert (out["cap_venue_tiers"][:14] == 75).all()
    held = predict_one(equity=10.0, segment="retail", symbol="BBB", notional=-10.0)
    row = out.set_index(["symbol", "side"]).loc[("BBB", "short")]
    for name in ["var_99", "es_975", "path_var_99", "path_es_975", "shock_probability", *CAPS]:
        assert row[name] == pytest.approx(held[name], rel=1e-12), name


def test_policy_is_read_from_the_configuration():
    tight = Predictor(SNAPSHOT, config_with(insolvency_budget=1e-6, fallback_max_leverage=0.5))
    row = tight.predict(accounts(("a", 1000.0, "retail")), positions(("a", STALE, 1.0))).iloc[0]
    assert row["cap_fallback"] == 0.5
    normal = predict_one()
    assert (
        tight.predict(accounts(("a", 1000.0, "retail")), positions(("a", "AAA", 1.0))).iloc[0]["cap_insolvency"]
        < normal["cap_insolvency"]
    )


def test_the_age_of_a_limit_without_time_is_configured():
    config = dataclasses.replace(Config(), guardrails=GuardrailConfig(previous_age_days=2.0))
    frame, held = accounts(("a", 1000.0, "institutional"), previous_max_leverage=0.25), positions(("a", "AAA", 500.0))
    assert Predictor(SNAPSHOT, config).predict(frame, held).iloc[0]["max_leverage"] == pytest.approx(0.25 * 1.2**2)


def test_the_number_of_reference_symbols_is_configured():
    flat = accounts(("a", 1000.0, "institutional")), positions()
    fewer = Predictor(SNAPSHOT, config_with(reference_symbols=1)).predict(*flat).iloc[0]
    of_first = [predict_one(equity=1000.0, notional=side, symbol=SYMBOLS[0]) for side in (1e-3, -1e-3)]
    assert fewer["max_leverage"] == min(row["max_leverage"] for row in of_first)
    assert fewer["max_leverage"] > predict_one(notional=0.0)["max_leverage"]


def test_symbol_limits_are_for_a_position_of_the_configured_notional():
    small, large = (
        Predictor(SNAPSHOT, config_with(symbol_limit_notional=size)).symbol_limits() for size in (1000.0, 1e6)
    )
    pd.testing.assert_frame_equal(
        small.drop(columns="config_hash"), PREDICTOR.symbol_limits().drop(columns="config_hash")
    )
    fresh = small["status"] == "scored"
    assert (large.loc[fresh, "cap_venue_tiers"] < small.loc[fresh, "cap_venue_tiers"]).all()


def test_a_rejected_night_is_no_limit_of_zero_to_rise_from():
    predictor = Predictor(make_snapshot(np.random.default_rng(3)), config_with())
    night = predictor.predict(accounts(("a", np.nan, "retail")), positions(("a", "CCC", 500.0)), None)
    night["previous_max_leverage"] = 3.0
    night["as_of"] -= pd.Timedelta(days=1)
    out = predictor.predict(accounts(("a", 1000.0, "retail")), positions(("a", "CCC", 500.0)), night)
    assert out["previous_max_leverage"].tolist() == [3.0]
    assert "previous_invalid" not in out["reasons"].tolist()[0]
    night["previous_max_leverage"] = np.nan
    out = predictor.predict(accounts(("a", 1000.0, "retail")), positions(("a", "CCC", 500.0)), night)
    assert out["guardrail_effect"].tolist() == [0.0]


def test_case_and_blanks_of_a_jurisdiction_do_not_matter():
    predictor = Predictor(make_snapshot(np.random.default_rng(3)), config_with())
    frame = accounts(*((name, 1000.0, "retail") for name in "abc")).assign(jurisdiction=["EU", " eu ", "SG"])
    held = positions(*((name, "CCC", 10.0) for name in "abc"))
    assert predictor.predict(frame, held)["cap_jurisdiction"].tolist() == [2.0, 2.0, np.inf]


def test_a_book_without_jurisdictions_gets_the_default_one():
    rows, held = accounts(("a", 1000.0, "retail")), positions(("a", "CCC", 10.0))
    snapshot = make_snapshot(np.random.default_rng(3))
    free, strict = Predictor(snapshot, config_with()), Predictor(snapshot, config_with(default_jurisdiction="EEA"))
    assert free.predict(rows, held)["cap_jurisdiction"].tolist() == [np.inf]
    assert strict.predict(rows, held)["cap_jurisdiction"].tolist() == [2.0]
    assert [one.code for one in free.clean(rows, held).findings] == ["jurisdiction_missing"]
    assert set(free.symbol_limits()["cap_jurisdiction"]) == {np.inf}
    assert set(strict.symbol_limits()["cap_jurisdiction"]) == {2.0}


def test_a_position_of_another_kind_leaves_the_account_in():
    rows = accounts(("a", 1000.0, "retail"), ("b", 1000.0, "retail")).assign(jurisdiction="SG")
    held = positions(("a", "CCC", 10.0), ("b", "CCC", 10.0), ("b", "CCC", 500.0))
    held = held.assign(kind=["swap", "PERP", "option"])
    out = PREDICTOR.predict(rows, held).set_index("account_id")
    assert out["effective_leverage"].tolist() == [0.01, 0.51]
    assert out["status"].tolist()[0] == "scored"
    assert out["max_leverage"].tolist()[1] <= out["max_leverage"].tolist()[0]
    assert ["kind_not_supported" in text for text in out["reasons"]] == [False, True]


def test_predict_is_clean_and_score():
    book = make_book(RNG, 300)
    cleaned = PREDICTOR.clean(*book)
    first = PREDICTOR.score(cleaned)
    pd.testing.assert_frame_equal(first, PREDICTOR.predict(*book), check_exact=True)
    earlier = first.assign(as_of=AS_OF - pd.Timedelta(hours=7), max_leverage=1.5)
    again = PREDICTOR.score(cleaned, earlier)
    pd.testing.assert_frame_equal(again, PREDICTOR.predict(*book, earlier), check_exact=True)


def test_a_symbol_that_only_the_tiers_know_is_reported_and_keeps_its_margin():
    predictor = Predictor(make_snapshot(RNG, tiers=make_tiers((*SYMBOLS, "TIERED"))), Config())
    held = positions(("a", "TIERED", 500.0), ("b", "NEVER", 500.0), ("c", STALE, 500.0))
    rows = accounts(("a", 1000.0, "institutional"), ("b", 1000.0, "institutional"), ("c", 1000.0, "institutional"))
    book = predictor.clean(rows, held)
    assert [(one.code, one.count) for one in book.findings] == [("symbol_unknown", 2), ("jurisdiction_missing", 3)]
    limits = predictor.score(book).set_index("account_id")
    assert limits["reasons"].map(lambda text: "symbol_unknown" in text).tolist() == [True, True, False]
    assert limits["reasons"].map(lambda text: "tier_missing" in text).tolist() == [False, True, True]


def test_a_book_of_another_predictor_is_refused():
    other = Predictor(make_snapshot(RNG, tiers=make_tiers((*SYMBOLS, "TIERED"))), Config())
    book = make_book(RNG, 5)
    with pytest.raises(ValueError, match="other instruments"):
        PREDICTOR.score(other.clean(*book))
