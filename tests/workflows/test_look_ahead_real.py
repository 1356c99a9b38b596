"""Nothing that is forecast at an instant depends on anything known after it, on the real market."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from levercap.config import Config, ForecastConfig, ScenarioConfig
from levercap.features import feature_table, stressed_volatility
from levercap.forecast import ForecastSpec, history
from levercap.market import Market, load_market
from levercap.model.dataset import build_dataset
from levercap.simulation import simulate_book
from levercap.workflows.train import train
from support.look_ahead import assert_identical, assert_no_look_ahead, other_future, scored

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("LEVERCAP_MARKET" not in os.environ, reason="LEVERCAP_MARKET does not name a market folder"),
]

CONFIG = Config(scenarios=ScenarioConfig(count=200), forecast=ForecastConfig(boosting_rounds=15))
START = pd.Timestamp("2022-06-01", tz="UTC")


@pytest.fixture(scope="module")
def market() -> Market:
    """Six symbols since the middle of 2022."""
    whole = load_market(Path(os.environ["LEVERCAP_MARKET"]) / "spot", CONFIG.market)
    panel = whole.panel.select(whole.panel.symbols[:6])
    n = panel.rows_known(START)
    arrays = {
        f.name: None if (values := getattr(panel, f.name)) is None else values[n:]
        for f in dataclasses.fields(panel)
        if f.name not in {"timestamps", "symbols"}
    }
    return dataclasses.replace(whole, panel=dataclasses.replace(panel, timestamps=panel.timestamps[n:], **arrays))


def random_instants(panel, count):
    rng = np.random.default_rng(31)
    return [panel.timestamps[int(i)] for i in rng.integers(300 * 24, len(panel.timestamps) - 10 * 24, count)]


@pytest.mark.slow
def test_features_see_nothing_later(market):
    def compute(panel, as_of):
        origins = pd.DatetimeIndex([as_of.floor("D"), as_of])
        return {"features": feature_table(panel, origins), "stressed": stressed_volatility(panel, origins, 0.95)}

    for as_of in random_instants(market.panel, 3):
        assert_no_look_ahead(compute, market.panel, as_of)


@pytest.mark.slow
def test_training_snapshots_and_limits_see_nothing_later(market, tmp_path):
    """One training on each side of a future, then three snapshots and sets of limits at any hour."""
    until = pd.Timestamp("2024-03-01", tz="UTC").as_unit("us")
    other = dataclasses.replace(market, panel=other_future(market.panel.until(until + pd.Timedelta(days=30)), until))
    bundle = train(market, until, CONFIG, tmp_path / "bundle")
    assert bundle.forecaster.method == "levercap"
    assert train(other, until, CONFIG, tmp_path / "other").bundle_id == bundle.bundle_id
    compute = scored(bundle, market.tiers, *a_book(market))
    for as_of in random_instants(market.panel, 3):
        assert_no_look_ahead(compute, market.panel, as_of)


def test_the_history_sees_nothing_later(market):
    as_of = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")

    def compute(panel):
        data = build_dataset(panel)
        past = history("levercap", data.features, data.outcomes, ForecastSpec(CONFIG.forecast))
        return {"past": past[(past["as_of"] <= as_of).to_numpy()]}

    recent = market.panel.until(as_of + pd.Timedelta(days=40))
    found = compute(recent)
    assert found["past"]["volatility"].notna().sum() > 1000
    assert_identical(found, compute(recent.until(as_of)))
    assert_identical(found, compute(other_future(recent, as_of)))


def a_book(market):
    from levercap.config import BookSimulation

    panel = market.panel
    n = panel.rows_known(pd.Timestamp("2023-01-01", tz="UTC"))
    last = {
        "timestamp": panel.timestamps[n - 1],
        "symbol": pd.array(panel.symbols, dtype="str"),
        **{name: getattr(panel, name)[n - 1] for name in ("open", "high", "low", "close", "volume")},
    }
    return simulate_book(BookSimulation(accounts=50), pd.DataFrame(last))
