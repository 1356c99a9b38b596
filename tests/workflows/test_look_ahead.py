"""No forecast at an instant depends on anything known after it: checked bit for bit against other futures."""

import dataclasses
import importlib

import numpy as np
import pandas as pd
import pytest

import levercap.features.table as table_module
from levercap.core.panel import BAR_FIELDS
from levercap.core.quality import SCORED
from levercap.features import feature_table, stressed_volatility, turnover
from levercap.features.smoothing import rolling_mean
from levercap.forecast import ForecastSpec, history, out_of_sample_tails
from levercap.market.quality import assess_quality
from levercap.model import snapshot_inputs
from levercap.model.dataset import build_dataset
from levercap.model.snapshots import make_snapshot
from levercap.model.training_bound import training_bound, with_bound
from levercap.model.walk_forward import Month, walk
from levercap.venue.tiers import tiers_as_of
from levercap.workflows.replay import snapshots
from levercap.workflows.train import train
from support.look_ahead import assert_identical, assert_no_look_ahead, futures, other_future, parts, scored


def instants(seed: int, start: str, stop: str, count: int) -> list[pd.Timestamp]:
    """Random whole hours, the first one a midnight."""
    rng = np.random.default_rng(seed)
    first, last = (pd.Timestamp(t, tz="UTC").as_unit("us") for t in (start, stop))
    hours = rng.integers(0, (last - first) // pd.Timedelta(hours=1), count)
    drawn = [first + pd.Timedelta(hours=int(h)) for h in hours]
    return [drawn[0].floor("D"), *drawn[1:]]


ANY_HOUR = instants(5, "2022-03-01", "2023-05-01", 6)


def features_at(panel, as_of):
    """The features of one instant, taken from a table of several."""
    origins = pd.DatetimeIndex([as_of - pd.Timedelta(days=3), as_of - pd.Timedelta(hours=1), as_of])
    table = feature_table(panel, origins)
    return {
        "features": table,
        "alone": feature_table(panel, origins[2:]),
        "stressed": stressed_volatility(panel, origins, 0.9),
        "turnover": turnover(panel, origins),
    }


@pytest.mark.slow
@pytest.mark.parametrize("as_of", ANY_HOUR, ids=str)
def test_features_see_nothing_later(fitted, as_of):
    assert_no_look_ahead(features_at, fitted.market.panel, as_of)


def test_features_of_an_instant_do_not_depend_on_the_other_instants(fitted):
    panel = fitted.market.panel
    whole = fitted.data.features
    for as_of in instants(6, "2022-02-01", "2023-05-01", 4):
        midnight = as_of.floor("D")
        alone = feature_table(panel.until(midnight), pd.DatetimeIndex([midnight]))
        expected = whole[whole["as_of"] == midnight].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)
        assert len(alone) > 0


@pytest.mark.parametrize("as_of", ANY_HOUR[:4], ids=str)
def test_snapshots_and_limits_see_nothing_later(fitted, as_of):
    compute = scored(fitted.bundle, fitted.market.tiers, fitted.accounts, fitted.positions)
    assert_no_look_ahead(compute, fitted.market.panel, as_of)


def test_snapshots_made_in_a_batch_are_those_made_alone(fitted):
    b, panel = fitted.bundle, fitted.market.panel
    origins = pd.DatetimeIndex(sorted(instants(8, "2023-03-01", "2023-05-01", 3)))
    inputs = snapshot_inputs(panel, origins, fitted.config.policy.stressed_quantile)
    for i, as_of in enumerate(origins):
        tiers = tiers_as_of(fitted.market.tiers, as_of)
        alone = b.snapshot_at(panel, tiers, as_of)
        names = {k: getattr(alone, k) for k in ("bundle_id", "config_hash", "data_hash")}
        batch = make_snapshot(b.forecaster, b.blocks, inputs, i, tiers, fitted.config.scenarios.seed, names)
        assert_identical(parts(alone), parts(batch))


def past_of(config, kind):
    """Function of (panel, as_of) to everything that is known at `as_of` about the past of the forecasts."""

    def compute(panel, as_of):
        data = build_dataset(panel)
        past = history(kind, data.features, data.outcomes, ForecastSpec(config.forecast))
        tails = out_of_sample_tails(kind, past, data.outcomes, panel.start, ForecastSpec(config.forecast))
        known = (data.outcomes["as_of"] <= as_of - pd.Timedelta(hours=24)).to_numpy()
        before = (past["as_of"] <= as_of).to_numpy()
        return {
            "features": data.features[before],
            "outcomes": data.outcomes[known],
            "past": past[before],
            "tails": tails[(tails["as_of"] <= as_of).to_numpy()] if len(tails) else tails,
        }

    return compute


@pytest.mark.parametrize("as_of", ["2023-01-01", "2023-02-17 13:00"])
def test_the_history_sees_nothing_later(fitted, as_of):
    as_of = pd.Timestamp(as_of, tz="UTC").as_unit("us")
    recent = fitted.market.panel.until(as_of + pd.Timedelta(days=20))
    compute = past_of(fitted.config, "levercap")
    found = compute(recent, as_of)
    assert found["past"]["volatility"].notna().sum() > 1000
    assert len(found["tails"]) > 20
    for other in (recent.until(as_of), other_future(recent, as_of)):
        assert_identical(found, compute(other, as_of))


def test_the_history_of_the_baseline_sees_nothing_later(fitted):
    as_of = pd.Timestamp("2023-01-01", tz="UTC").as_unit("us")
    assert_no_look_ahead(past_of(fitted.config, "b1"), fitted.market.panel, as_of)


@pytest.fixture(scope="module")
def retrained(fitted, tmp_path_factory):
    """Trained until the same instant on a market whose future is another one."""
    market = dataclasses.replace(fitted.market, panel=other_future(fitted.market.panel, fitted.until))
    return train(market, fitted.until, fitted.config, tmp_path_factory.mktemp("retrained") / "bundle")


def test_training_sees_nothing_later(fitted, retrained):
    assert retrained.bundle_id == fitted.bundle.bundle_id
    assert_identical(parts(retrained.snapshot), parts(fitted.bundle.snapshot))


def test_walk_forward_has_the_forecaster_that_training_gives(fitted):
    month = Month(fitted.until, fitted.until + pd.Timedelta(days=31))
    ((_, forecaster),) = walk(fitted.inputs, "levercap", [month])
    rows = fitted.data.features[fitted.data.features["as_of"] >= fitted.until]
    mine, trained = forecaster.predict(rows), fitted.bundle.forecaster.predict(rows)
    assert len(mine.forecasts) > 200
    pd.testing.assert_frame_equal(mine.forecasts, trained.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(mine.tails, trained.tails, check_exact=True)
    for name, pair in forecaster.scale.pairs_.items():
        other = fitted.bundle.forecaster.scale.pairs_[name]
        texts = [p.boosted_.booster_.model_to_string() for p in (pair, other)]
        assert texts[0].split("\nparameters:")[0] == texts[1].split("\nparameters:")[0]


def scoring_snapshot(bundle, market, as_of, config):
    """What nightly scoring makes of a bundle and a market."""
    quality = assess_quality(market.panel, as_of, config.market.stale_hours, market.disputes)
    strict = bundle.strictness_at(quality.panel, tiers_as_of(market.tiers, as_of), as_of, config)
    strict = strict.with_symbols_out(quality.symbols, bundle.memory.symbols["symbol"].tolist())
    return with_bound(bundle.strict_snapshot(strict, as_of, quality.symbols), training_bound(bundle.snapshot))


def test_replay_makes_the_snapshots_that_scoring_with_a_bundle_trained_then_makes(fitted):
    """On clean nights, on one that is late by six hours and on the one after it."""
    panel, late = fitted.market.panel, fitted.until + pd.Timedelta(days=2)
    origins = panel.origins(fitted.until, late + pd.Timedelta(days=2))
    row = panel.rows_known(late)
    bars = {name: getattr(panel, name).copy() for name in BAR_FIELDS}
    for values in bars.values():
        values[row - 6 : row] = np.nan
    market = dataclasses.replace(fitted.market, panel=dataclasses.replace(panel, **bars))
    replayed = list(snapshots(market, origins, fitted.config))
    assert [s.as_of for s in replayed] == list(origins)
    for mine in replayed:
        made = scoring_snapshot(fitted.bundle, market, mine.as_of, fitted.config)
        expected, found = parts(made), parts(mine)
        del expected["provenance"], found["provenance"]
        assert_identical(expected, found)
        np.testing.assert_array_equal([mine.bound, mine.stressed_bound], [made.bound, made.stressed_bound])
    assert [s.symbols["state"].isin(SCORED).any() for s in replayed] == [True, True, False, True]


def test_a_feature_that_uses_the_next_row_is_caught(fitted, monkeypatch):
    honest = table_module.volatility_features

    def leaking(x, slow):
        yield from honest(x, slow)
        yield "leak", np.append(x.hourly[1:], x.hourly[-1:], axis=0)

    monkeypatch.setattr(table_module, "volatility_features", leaking)
    with pytest.raises(AssertionError):
        assert_no_look_ahead(features_at, fitted.market.panel, ANY_HOUR[1])


def test_a_feature_that_uses_the_whole_sample_is_caught(fitted, monkeypatch):
    honest = table_module.volatility_features

    def leaking(x, slow):
        yield from honest(x, slow)
        yield "leak", rolling_mean(x.hourly**2, 24) / np.nanmean(x.hourly**2)

    monkeypatch.setattr(table_module, "volatility_features", leaking)
    with pytest.raises(AssertionError):
        assert_no_look_ahead(features_at, fitted.market.panel, ANY_HOUR[1])


def test_a_history_that_learns_from_outcomes_not_known_yet_is_caught(fitted, monkeypatch):
    module = importlib.import_module("levercap.forecast.history")
    monkeypatch.setattr(module, "known_by", lambda table, instant, horizon: (table["as_of"] <= instant).to_numpy())
    as_of = pd.Timestamp("2022-07-01", tz="UTC").as_unit("us")
    recent = fitted.market.panel.until(as_of + pd.Timedelta(days=3))
    compute = past_of(fitted.config, "levercap")
    with pytest.raises(AssertionError):
        assert_identical(compute(recent, as_of), compute(recent.until(as_of), as_of))


def test_the_other_future_is_another_one_and_the_past_the_same(fitted):
    panel, as_of = fitted.market.panel, ANY_HOUR[2]
    n = panel.rows_known(as_of)
    for other in futures(panel, as_of)[1:]:
        np.testing.assert_array_equal(panel.close[:n], other.close[:n])
    assert np.nanmin(np.abs(other.close[n:] / panel.close[n:] - 1.0)) > 0
