"""Milder and stricter leverage tiers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.instrument import perpetuals
from levercap.venue.ladders import EMPTY_TIERS, flat_ladders, milder_ladders, stricter_ladders
from levercap.venue.margin import initial_margin, maintenance_margin, margin_sheet
from levercap.venue.tiers import maintenance_amounts
from support.properties import examples


def ladder(symbol="A", caps=(1e4, 1e5, 1e6), leverage=(50.0, 20.0, 10.0), rates=(0.01, 0.02, 0.05)):
    floor = np.append(0.0, caps[:-1])
    return pd.DataFrame(
        {
            "symbol": symbol,
            "tier": np.arange(1, len(caps) + 1),
            "notional_floor": floor,
            "notional_cap": np.array(caps, dtype=float),
            "max_leverage": np.array(leverage, dtype=float),
            "maintenance_margin_rate": np.array(rates, dtype=float),
            "maintenance_amount": maintenance_amounts(floor, np.array(rates, dtype=float)),
        }
    )


def margins(tiers, symbol, notional):
    sheet = margin_sheet(
        tiers,
        perpetuals((symbol,)),
        maintenance_margin_rate=0.005,
        missing_tier_max_leverage=10.0,
        missing_tier_maintenance_share=0.5,
    )
    code = np.zeros(len(notional), dtype=np.int64)
    return initial_margin(sheet, code, notional), maintenance_margin(sheet, code, notional)


@st.composite
def ladders(draw):
    count = draw(st.integers(1, 5))
    caps = np.cumsum(draw(st.lists(st.floats(1e3, 1e7), min_size=count, max_size=count)))
    leverage = sorted(draw(st.lists(st.floats(1.0, 125.0), min_size=count, max_size=count)), reverse=True)
    rates = sorted(draw(st.lists(st.floats(0.001, 0.5), min_size=count, max_size=count)))
    return ladder("A", tuple(caps), tuple(leverage), tuple(rates))


@given(ladders(), ladders())
@examples(100)
def test_the_stricter_of_two_asks_at_least_the_margin_of_both_at_every_notional(first, second):
    both = stricter_ladders(first, second)
    notional = np.unique(np.concatenate([np.logspace(1, 9, 60), first["notional_cap"], second["notional_cap"]]))
    within = notional <= min(first["notional_cap"].max(), second["notional_cap"].max())
    initial, maintenance = margins(both, "A", notional)
    for one in (first, second):
        least_initial, least_maintenance = margins(one, "A", notional)
        assert (initial >= least_initial * (1 - 1e-9)).all()
        assert (maintenance >= least_maintenance * (1 - 1e-9))[within].all()
    assert np.isinf(initial[~within]).all()


def test_the_stricter_of_a_ladder_and_itself_is_the_ladder():
    one = ladder()
    pd.testing.assert_frame_equal(stricter_ladders(one, one), one, check_dtype=False)


def test_a_symbol_of_one_table_keeps_its_ladder():
    a, b = ladder("A"), ladder("B", rates=(0.02, 0.03, 0.06))
    pd.testing.assert_frame_equal(stricter_ladders(b, a), pd.concat([a, b], ignore_index=True), check_dtype=False)
    pd.testing.assert_frame_equal(stricter_ladders(EMPTY_TIERS, a), a, check_dtype=False)
    assert stricter_ladders(EMPTY_TIERS, EMPTY_TIERS).empty


@pytest.mark.parametrize(
    ("change", "milder"),
    [
        ({}, False),
        ({"rates": (0.0001, 0.0002, 0.0005)}, True),
        ({"caps": (1e7, 1e8, 1e9)}, True),
        ({"leverage": (500.0, 200.0, 100.0)}, True),
        ({"leverage": (90.0, 36.0, 18.0)}, False),
        ({"caps": (1.9e4, 1.9e5, 1.9e6)}, False),
        ({"caps": (1e3, 1e4, 1e5), "rates": (0.02, 0.04, 0.1)}, False),
        ({"caps": (1e4, 1e5, 3e6)}, True),
    ],
)
def test_milder_is_beyond_the_factor_in_rates_or_notionals(change, milder):
    now = pd.concat([ladder("A", **change), ladder("B")])
    earlier = pd.concat([ladder("A"), ladder("B")])
    assert milder_ladders(now, earlier, ("A", "B"), 2.0).tolist() == [milder, False]


@given(ladders(), st.floats(1.0, 4.0), st.floats(1.0, 4.0))
@examples(50)
def test_loosening_by_the_factor_and_no_more_is_honest(one, rates, notionals):
    looser = one.assign(
        notional_floor=one["notional_floor"] * notionals,
        notional_cap=one["notional_cap"] * notionals,
        max_leverage=one["max_leverage"] * rates,
        maintenance_margin_rate=one["maintenance_margin_rate"] / rates,
    )
    assert not milder_ladders(looser, one, ("A",), max(rates, notionals) * (1 + 1e-6)).any()


def test_flat_ladders_hold_for_every_notional():
    tiers = flat_ladders(("A", "B"), 10.0, 0.05)
    initial, maintenance = margins(tiers, "B", np.array([1.0, 1e6, 1e12]))
    np.testing.assert_allclose(initial, np.array([0.1, 1e5, 1e11]))
    np.testing.assert_allclose(maintenance, np.array([0.05, 5e4, 5e10]))
    assert flat_ladders((), 10.0, 0.05).empty


def test_empty_tiers_give_every_symbol_the_value_of_a_missing_tier():
    initial, maintenance = margins(EMPTY_TIERS, "A", np.array([1e6]))
    assert (initial[0], maintenance[0]) == pytest.approx((1e5, 5e4))
