"""Forecasts that fell too fast or lie too low."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import Severity
from levercap.features import feature_table
from levercap.model.doubt import DOUBT_HOURS, DoubtRule, doubt_finding, doubtful_forecasts
from levercap.model.snapshots import make_snapshot, snapshot_inputs_by_quality
from support.quality_markets import fresh_quality


@pytest.fixture(scope="module")
def features(fitted):
    before = fitted.until - pd.Timedelta(hours=DOUBT_HOURS)
    table = feature_table(fitted.market.panel.until(fitted.until), pd.DatetimeIndex([fitted.until, before]))
    return tuple(table[table["as_of"] == t].reset_index(drop=True) for t in (fitted.until, before))


def found(fitted, features, earlier, rule=None):
    return doubtful_forecasts(fitted.bundle.forecaster, features, earlier, rule).set_index("symbol")


def higher(features, symbol, factor):
    shifted = features["slow_level"] + np.where(features["symbol"] == symbol, np.log(factor), 0.0)
    return features.assign(slow_level=shifted)


def test_on_sound_data_no_forecast_is_doubtful(fitted, features):
    assert found(fitted, *features).empty


def test_one_that_fell_faster_than_the_rule_allows_is(fitted, features):
    now, before = features
    symbol = now["symbol"].iloc[0]
    ratio = found(fitted, now, before, DoubtRule(10.0))["ratio"][symbol]
    for fall, doubtful in ((0.4, True), (0.7, False)):
        table = found(fitted, now, higher(before, symbol, ratio / fall))
        assert list(table.index) == ([symbol] if doubtful else [])
    assert found(fitted, now, higher(before, symbol, ratio / 0.4))["ratio"][symbol] == pytest.approx(0.4, rel=0.2)


def test_one_far_below_the_symbols_own_slow_volatility_is(fitted, features):
    share = found(fitted, *features, DoubtRule(smallest_share=10.0))["share"]
    assert len(share) == features[0]["symbol"].nunique()
    lowest = share.idxmin()
    assert list(found(fitted, *features, DoubtRule(smallest_share=share.min() * 1.0001)).index) == [lowest]


def test_without_an_earlier_forecast_the_own_level_decides(fitted, features):
    now, before = features
    assert found(fitted, now, before.iloc[:0]).empty
    assert len(found(fitted, now, before.iloc[:0], DoubtRule(smallest_share=10.0))) == now["symbol"].nunique()


def test_a_snapshot_states_it_of_what_is_scored_by_quality_only(fitted):
    panel = fitted.market.panel.until(fitted.until)
    plain = fitted.bundle.snapshot_at(panel, None, fitted.until)
    assert "doubtful" not in plain.symbols
    assert doubt_finding(plain.symbols) == ()
    judged = fitted.bundle.snapshot_at(panel, None, fitted.until, fresh_quality(panel, fitted.until))
    assert not judged.symbols["doubtful"].any()
    assert doubt_finding(judged.symbols) == ()


def test_the_snapshot_and_a_finding_name_the_symbol(fitted, features):
    panel, bundle = fitted.market.panel.until(fitted.until), fitted.bundle
    inputs = snapshot_inputs_by_quality(panel, fitted.until, fresh_quality(panel, fitted.until), 0.95)
    pd.testing.assert_frame_equal(inputs.earlier, features[1], check_exact=True)
    symbol = panel.symbols[1]
    inputs = dataclasses.replace(inputs, earlier=higher(inputs.earlier, symbol, 4.0))
    provenance = {"bundle_id": "", "config_hash": "", "data_hash": ""}
    snapshot = make_snapshot(bundle.forecaster, bundle.blocks, inputs, 0, None, 0, provenance)
    assert list(snapshot.symbols.loc[snapshot.symbols["doubtful"], "symbol"]) == [symbol]
    (finding,) = doubt_finding(snapshot.symbols)
    assert (finding.code, finding.severity, finding.count) == ("symbol_doubtful", Severity.WARNING, 1)
    assert finding.examples[0].startswith(symbol)
