"""Alignment puts every value in the row at whose end it is known, and nothing known later can change a row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import MarketConfig
from levercap.market import market_from_tables
from support.market_tables import HOURS, START, bars, stamps
from support.properties import examples

CONFIG = MarketConfig()
MINUTE = pd.Timedelta(minutes=1)


def panel_of(**tables):
    return market_from_tables({"bars": bars(), **tables}, CONFIG).panel


def interest(minutes, values, symbol="AAAUSDT"):
    at = START + np.array(minutes) * MINUTE
    return pd.DataFrame({"timestamp": at, "symbol": symbol, "open_interest": np.array(values, dtype=float)})


def test_arrays_are_contiguous_floats_of_one_shape():
    panel = panel_of(open_interest=interest([60], [1.0]))
    for name in ("open", "high", "low", "close", "volume", "open_interest"):
        array = getattr(panel, name)
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert array.shape == (HOURS, 2)
    assert panel.timestamps.equals(stamps())


@pytest.mark.parametrize(("minute", "row"), [(1, 0), (59, 0), (60, 0), (61, 1), (120, 1), (HOURS * 60, HOURS - 1)])
def test_a_value_goes_to_the_row_at_whose_end_it_is_known(minute, row):
    values = panel_of(open_interest=interest([minute], [5.0])).open_interest
    assert np.flatnonzero(~np.isnan(values[:, 0])).tolist() == [row]
    assert np.isnan(values[:, 1]).all()


@pytest.mark.parametrize("minute", [-30, 0, HOURS * 60 + 1])
def test_values_outside_the_time_of_the_bars_have_no_row(minute):
    assert np.isnan(panel_of(open_interest=interest([minute], [5.0])).open_interest).all()


def test_the_last_value_within_an_hour_counts_and_none_is_carried_forward():
    values = panel_of(open_interest=interest([10, 60, 30, 200], [1.0, 3.0, 2.0, 4.0])).open_interest[:, 0]
    np.testing.assert_array_equal(values[:5], [3.0, np.nan, np.nan, 4.0, np.nan])


def slow_series(frame):
    """The definition, value by value: the last one stamped within (open, open + 1h] counts."""
    out = np.full((HOURS, 2), np.nan)
    for stamp, symbol, value in sorted(frame.itertuples(index=False)):
        row = int(np.ceil((stamp - START) / (60 * MINUTE))) - 1
        if 0 <= row < HOURS:
            out[row, ("AAAUSDT", "BBBUSDT").index(symbol)] = value
    return out


stamped = st.lists(
    st.tuples(st.integers(-200, HOURS * 60 + 200), st.sampled_from(["AAAUSDT", "BBBUSDT"]), st.integers(1, 99)),
    max_size=60,
    unique_by=lambda x: x[:2],
)


@pytest.mark.slow
@examples(60)
@given(stamped)
def test_series_equal_their_definition(rows):
    minutes, symbols, values = zip(*(rows or [(60, "AAAUSDT", 7)]), strict=True)
    frame = interest(minutes, values, list(symbols))
    np.testing.assert_array_equal(panel_of(open_interest=frame).open_interest, slow_series(frame))


@examples(60)
@given(stamped, st.integers(1, HOURS), st.lists(st.integers(0, 2 * HOURS - 1), max_size=30))
def test_a_panel_cut_at_an_instant_equals_the_panel_of_the_data_known_then(rows, known, lost):
    every = bars().drop(index=lost)
    every = pd.concat([every, bars().iloc[[0, HOURS]]]).drop_duplicates(["timestamp", "symbol"])
    minutes, symbols, values = zip((60, "AAAUSDT", 7), *rows, strict=True)
    extra = interest(minutes, values, list(symbols))
    extra = extra.drop_duplicates(["timestamp", "symbol"])
    as_of = START + pd.Timedelta(hours=known)
    whole = market_from_tables({"bars": every, "open_interest": extra}, CONFIG).panel
    seen = every[every["timestamp"] + pd.Timedelta(hours=1) <= as_of]
    then = market_from_tables({"bars": seen, "open_interest": extra[extra["timestamp"] <= as_of]}, CONFIG).panel
    cut = whole.until(as_of)
    n = len(then.timestamps)  # shorter when the last hours before as_of are holes of every symbol
    assert cut.timestamps[:n].equals(then.timestamps)
    for name in ("open", "high", "low", "close", "volume", "open_interest"):
        np.testing.assert_array_equal(getattr(cut, name)[:n], getattr(then, name))
    for name in ("open", "high", "low", "close", "volume"):
        assert np.isnan(getattr(cut, name)[n:]).all()
