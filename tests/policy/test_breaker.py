import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import BreakerConfig
from levercap.policy import BatchChange, BatchFigures, trips
from support.properties import examples

CONFIG = BreakerConfig()
CALM = BatchFigures(
    accounts=100, rejected=0, flat=10, fallback=0, positions=300, orphaned=0, equity=1e6, gross_notional=3e6
)
SAME = BatchChange(accounts=100, gone=0, fallback=0.0, cuts=np.zeros(100), factors={}, scored_share=0.0)


def settings(figures=CALM, change=None, config=CONFIG):
    return [trip.setting for trip in trips(figures, change, config)]


def with_(figures=CALM, **changes):
    return dataclasses.replace(figures, **changes)


def test_an_ordinary_run_trips_nothing():
    assert trips(CALM, None, CONFIG) == trips(CALM, SAME, CONFIG) == ()


@pytest.mark.parametrize(
    ("field", "setting", "most"),
    [("rejected", "rejected_share", 20), ("orphaned", "orphaned_share", 60), ("flat", "flat_share", 90)],
)
def test_shares_of_the_book_trip_beyond_their_bound_and_not_at_it(field, setting, most):
    assert settings(with_(**{field: most})) == []
    (trip,) = trips(with_(**{field: most + 1}), None, CONFIG)
    assert (trip.setting, trip.bound) == (setting, getattr(CONFIG, setting))
    assert trip.value > trip.bound
    assert f"more than {trip.bound:.0%}" in trip.message
    assert settings(with_(**{field: most + 1}), config=dataclasses.replace(CONFIG, **{setting: 1.0})) == []


def test_a_book_without_positions_is_held_whatever_its_size():
    for accounts in (1, 1000):
        (trip,) = trips(with_(accounts=accounts, flat=accounts, positions=0), None, CONFIG)
        assert trip.setting == ""
        assert "no position" in trip.message


def test_a_book_of_which_nothing_can_be_read_is_held_whatever_its_size():
    assert settings(with_(accounts=3, flat=0, rejected=3, positions=4)) == ["rejected_share"]
    assert settings(with_(accounts=3, flat=3, positions=4, orphaned=4)) == ["orphaned_share"]


def test_a_small_book_never_trips_by_chance():
    small = with_(accounts=19, rejected=18, flat=18, fallback=19, positions=19, orphaned=18)
    assert settings(small) == []
    change = dataclasses.replace(SAME, accounts=19, gone=19, cuts=np.ones(19), factors={"equity": 100.0})
    assert settings(small, change) == []


def change(**changes):
    return dataclasses.replace(SAME, **changes)


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        (change(gone=21), "gone_share"),
        (change(factors={"equity": 3.1}), "book_change"),
        (change(factors={"gross notional": 1 / 3.1}), "book_change"),
        (change(factors={"number of positions": float("inf")}), "book_change"),
        (change(factors={"equity": float("nan")}), "book_change"),
        (change(cuts=np.repeat([0.0, 0.19, 0.21], [49, 0, 51])), "median_cut"),
        (change(cuts=np.repeat([0.0, 0.96], [99, 1])), "worst_cut"),
        (change(cuts=np.repeat([-1.0, 0.19, 0.25], [20, 29, 51])), "cut_share"),
    ],
)
def test_changes_from_the_previous_run_trip(changed, setting):
    assert setting in settings(CALM, changed)


def test_changes_within_the_bounds_do_not():
    mild = change(gone=20, factors={"equity": 3.0, "gross notional": 1 / 3}, cuts=np.repeat([0.0, 0.9], [51, 49]))
    assert settings(CALM, mild) == []
    assert settings(CALM, change(cuts=np.full(100, -50.0))) == []


def test_fallbacks_trip_when_they_grow():
    many = with_(fallback=40)
    assert settings(many) == []
    assert settings(many, SAME) == ["fallback_share"]
    assert settings(many, change(fallback=0.4)) == []


def test_a_crash_seen_by_most_of_the_market_gets_through():
    crash = change(cuts=np.full(100, 0.99), scored_share=0.5)
    assert settings(with_(fallback=100), crash) == []
    outage = change(cuts=np.full(100, 0.99), scored_share=0.49)
    assert settings(with_(fallback=100), outage) == ["fallback_share", "cut_share", "median_cut", "worst_cut"]
    unknown = change(cuts=np.full(100, 0.99), scored_share=float("nan"))
    assert "median_cut" in settings(CALM, unknown)


def test_a_broken_book_is_held_in_a_crash_too():
    assert settings(with_(rejected=50), change(cuts=np.full(50, 0.9), scored_share=1.0)) == ["rejected_share"]


counts = st.integers(0, 300)


@examples(200)
@given(counts, counts, counts, counts, counts, counts)
def test_more_of_what_is_wrong_never_lets_a_run_through(accounts, rejected, flat, fallback, positions, orphaned):
    book = BatchFigures(
        accounts, min(rejected, accounts), flat, fallback, positions, min(orphaned, positions), 1.0, 1.0
    )
    worse = with_(book, rejected=accounts, orphaned=positions)
    assert set(settings(book)) - {"flat_share"} <= set(settings(worse))
    for trip in trips(book, SAME, CONFIG):
        assert trip.message
