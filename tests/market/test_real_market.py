import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from levercap.config import MarketConfig
from levercap.core.errors import Severity
from levercap.market import load_market
from levercap.venue.tiers import tiers_as_of

pytestmark = pytest.mark.real

FOLDER = os.environ.get("LEVERCAP_MARKET")


@pytest.fixture(scope="module", params=["spot", "perp"])
def venue(request):
    if FOLDER is None:
        pytest.skip("LEVERCAP_MARKET is not set")
    return request.param, load_market(Path(FOLDER) / request.param, MarketConfig())


def at(instant):
    return pd.Timestamp(instant, tz="UTC")


def test_venue_has_no_fatal_finding_and_the_warnings_known(venue):
    name, market = venue
    found = {(f.code, f.where.split(":")[0].removesuffix(".parquet")): f for f in market.findings}
    assert all(f.severity == Severity.WARNING for f in market.findings)
    expected = {
        ("symbol_without_bars", "funding"),
        ("symbol_without_bars", "leverage_tiers"),
        ("tier_ladders", "leverage_tiers"),
    }
    if name == "spot":
        expected |= {("holes", "bars"), ("stale_symbols", "bars")}
        holes = found["holes", "bars"].examples
        assert holes[0].startswith("FTTUSDT: 16,290 hours in 6 holes")
        assert found["stale_symbols", "bars"].count == 11
    assert set(found) == expected


def test_venue_shape_and_period(venue):
    name, market = venue
    panel = market.panel
    assert panel.close.shape == ((68996, 30) if name == "spot" else (50935, 26))
    assert panel.end == at("2025-07-01")
    assert panel.start == at("2017-08-17 04:00" if name == "spot" else "2019-09-08 17:00")
    bars = 1_515_045 if name == "spot" else 710_592
    assert (~np.isnan(panel.close)).sum() == bars
    assert (~np.isnan(panel.implied_vol[:, panel.symbols.index("BTCUSDT")])).sum() == 37_440


@pytest.mark.parametrize(
    ("hour", "low"),
    [
        ("2020-03-13 02:00", 3782.13),
        ("2021-05-19 13:00", 30000.0),
        ("2022-11-09", 15588.0),
        ("2024-08-05 06:00", 49000.0),
    ],
)
def test_bitcoin_lows_are_in_the_spot_panel(venue, hour, low):
    name, market = venue
    if name != "spot":
        pytest.skip("spot prices")
    panel = market.panel
    column = panel.low[:, panel.symbols.index("BTCUSDT")]
    if at(hour).hour:
        assert column[panel.timestamps.get_loc(at(hour))] == low
    else:
        day = (panel.timestamps >= at(hour)) & (panel.timestamps < at(hour) + pd.Timedelta(days=1))
        assert np.nanmin(column[day]) == low


def test_luna_falls_as_it_did(venue):
    name, market = venue
    if name != "spot":
        pytest.skip("spot only")
    panel = market.panel
    luna = panel.close[:, panel.symbols.index("LUNA_OLDUSDT")]
    week = luna[panel.timestamps >= at("2022-05-06")]
    assert week[0] > 77
    assert np.nanmin(week) == 0.00005


def test_tiers_as_of_every_day_are_one_ladder_per_symbol(venue):
    _, market = venue
    assert tiers_as_of(market.tiers, at("2022-02-15 23:59")) is None
    for day in pd.date_range("2022-02-16", "2025-07-01", freq="17D", tz="UTC"):
        now = tiers_as_of(market.tiers, day)
        assert not now.duplicated(["symbol", "tier"]).any()
        assert np.isfinite(now["maintenance_amount"]).all()
        bitcoin = now[now["symbol"] == "BTCUSDT"]
        assert bitcoin["max_leverage"].iloc[0] == 125.0
        ends = bitcoin["notional_cap"].to_numpy()[:-1]
        np.testing.assert_array_equal(ends, bitcoin["notional_floor"].to_numpy()[1:])
