"""Funding stamped seconds off its hour counts for the hour, and no charge is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import MarketConfig
from levercap.features.funding import funding_known
from levercap.market import market_from_tables
from support.market_tables import HOURS, START, bars
from support.properties import examples

CONFIG = MarketConfig()
SECOND = pd.Timedelta(seconds=1)


def charges(seconds, rates, symbol="AAAUSDT"):
    at = [(START + s * SECOND).as_unit("us") for s in seconds]
    return pd.DataFrame({"timestamp": at, "symbol": symbol, "funding_rate": rates})


def rates_of(frame, codes=()):
    market = market_from_tables({"bars": bars(), "funding": frame}, CONFIG)
    assert [f.code for f in market.findings] == [*codes]
    return market.panel.funding_rate[:, 0]


@examples(50)
@given(st.lists(st.integers(-60_000, 60_000), min_size=HOURS - 1, max_size=HOURS - 1))
def test_charges_up_to_a_minute_off_the_hour_are_those_of_the_hour(offsets):
    hours = 3600 * np.arange(1, HOURS)
    exact = rates_of(charges(hours, 1.25e-5))
    off = rates_of(charges(hours + np.array(offsets) / 1000, 1.25e-5))
    np.testing.assert_array_equal(off, exact)
    assert (~np.isnan(off)).sum() == HOURS - 1


def test_milliseconds_late_give_the_same_funding_of_a_day():
    rng = np.random.default_rng(0)
    rate = rates_of(charges(3600 * np.arange(1, HOURS) + rng.integers(0, 20, HOURS - 1) / 1000, 1.25e-5))
    np.testing.assert_allclose(funding_known(rate[:, None])[1 : HOURS - 1, 0], 3.0)


@pytest.mark.parametrize(
    ("seconds", "row"), [(7200, 1), (7260, 1), (7261, 2), (7140, 1), (7139, 1), (3601, 0), (3661, 1)]
)
def test_the_tolerance_is_a_minute(seconds, row):
    assert np.flatnonzero(~np.isnan(rates_of(charges([seconds], [1e-4])))).tolist() == [row]


def test_several_charges_within_an_hour_add_up():
    rate = rates_of(charges([3600, 5400, 7200, 10800], [1e-4, 2e-4, 3e-4, 4e-4]))
    np.testing.assert_allclose(rate[:3], [1e-4, 5e-4, 4e-4])


def test_one_charge_recorded_twice_counts_once():
    rate = rates_of(charges([3600, 3600.012, 7200], [1e-4, 1e-4, 2e-4]), ["duplicate_rows"])
    np.testing.assert_array_equal(rate[:2], [1e-4, 2e-4])
    rate = rates_of(charges([3600, 3600.012, 7200], [1e-4, 3e-4, 2e-4]), ["duplicate_rows_disagree"])
    np.testing.assert_array_equal(rate[:2], [np.nan, 2e-4])
