import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.venue.tiers import maintenance_amounts, tiers_as_of
from support.market_tables import START, tiers
from support.properties import examples

DAY = pd.Timedelta(days=1)


def snapshots():
    return pd.concat([tiers(START + 10 * DAY).assign(max_leverage=[5.0, 4.0, 3.0]), tiers(START)], ignore_index=True)


@pytest.mark.parametrize(
    ("as_of", "first"),
    [(START, 50.0), (START + 10 * DAY - pd.Timedelta(1, "us"), 50.0), (START + 10 * DAY, 5.0), (START + 99 * DAY, 5.0)],
)
def test_the_latest_snapshot_known_counts(as_of, first):
    now = tiers_as_of(snapshots(), as_of)
    assert now["max_leverage"].iloc[0] == first
    assert [*now.columns] == [
        "symbol",
        "tier",
        "notional_floor",
        "notional_cap",
        "max_leverage",
        "maintenance_margin_rate",
        "maintenance_amount",
    ]
    assert [*now.index] == [0, 1, 2]


def test_none_before_the_first_snapshot_and_none_without_tiers():
    assert tiers_as_of(snapshots(), START - pd.Timedelta(1, "us")) is None
    assert tiers_as_of(None, START) is None


def test_a_symbol_that_left_the_latest_snapshot_has_no_tier():
    both = pd.concat([tiers(START), tiers(START).assign(symbol="BBBUSDT"), tiers(START + DAY)])
    assert set(tiers_as_of(both, START)["symbol"]) == {"AAAUSDT", "BBBUSDT"}
    assert set(tiers_as_of(both, START + DAY)["symbol"]) == {"AAAUSDT"}


def test_given_amounts_are_kept_and_missing_ones_derived():
    frame = tiers().assign(maintenance_amount=[np.nan, 111.0, np.nan])
    assert tiers_as_of(frame, START)["maintenance_amount"].tolist() == pytest.approx([0.0, 111.0, 3100.0])


def test_amounts_by_hand_and_of_tiers_that_are_no_step():
    rate, floor = np.array([0.004, 0.005, 0.0065, 0.0065]), np.array([0.0, 50e3, 600e3, np.inf])
    amounts = maintenance_amounts(floor, rate)
    np.testing.assert_allclose(amounts, [0.0, 50.0, 950.0, 950.0], rtol=1e-12)
    np.testing.assert_array_equal(maintenance_amounts(floor, np.stack([rate, 2 * rate]))[0], amounts)


ladders = st.lists(st.tuples(st.floats(1.0, 1e9), st.floats(0.001, 0.2)), min_size=1, max_size=8)


@examples(100)
@given(st.lists(ladders, min_size=1, max_size=4))
def test_derived_amounts_make_the_maintenance_margin_continuous(books):
    parts = []
    for i, steps in enumerate(books):
        cap = np.cumsum([width for width, _ in steps])
        rate = np.minimum(np.cumsum([rise for _, rise in steps]), 1.0)
        frame = {"tier": np.arange(1, len(cap) + 1), "notional_floor": np.append(0.0, cap[:-1]), "notional_cap": cap}
        parts.append(
            pd.DataFrame(frame).assign(
                as_of=START, symbol=f"C{i}", max_leverage=1.0, maintenance_margin_rate=rate, maintenance_amount=np.nan
            )
        )
    now = tiers_as_of(pd.concat(parts).sample(frac=1, random_state=1), START)
    for _, ladder in now.groupby("symbol"):
        below = ladder["notional_cap"] * ladder["maintenance_margin_rate"] - ladder["maintenance_amount"]
        floor = ladder["notional_floor"]
        above = floor * ladder["maintenance_margin_rate"] - ladder["maintenance_amount"]
        np.testing.assert_allclose(above.iloc[1:], below.iloc[:-1], rtol=1e-9, atol=1e-6)
        assert above.iloc[0] == 0.0
