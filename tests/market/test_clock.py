"""The end of the market is the last hour that half of the symbols reach, whatever single bars claim."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import MarketConfig
from levercap.core.errors import DataError
from levercap.core.panel import Panel
from levercap.market import market_from_tables
from levercap.market.clock import WEEK, age_hours, market_end, market_hours
from support.market_tables import HOURS, START, bars, series
from support.properties import examples

CONFIG = MarketConfig()
HOUR = pd.Timedelta(hours=1)


def of(*rows):
    """Codes and hours of symbols given as ranges or lists of hours."""
    code = np.concatenate([np.full(len(hours), i) for i, hours in enumerate(rows)])
    return code, np.concatenate([np.array(hours, dtype=np.int64) for hours in rows])


def literal_end(code, hour):
    """The definition, hour by hour."""
    best = None
    for h in np.unique(hour):
        before = set(code[(hour >= h - WEEK) & (hour < h)])
        if 2 * len(set(code[hour == h])) >= len(before):
            best = int(h)
    return best


histories = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 160)), min_size=1, max_size=120)


@examples(200)
@given(histories)
def test_within_a_week_the_end_is_its_definition(rows):
    code, hour = (np.array(column) for column in zip(*rows, strict=True))
    assert market_hours(code, hour)[1] == literal_end(code, hour)


@examples(200)
@given(st.lists(st.integers(150, 900), min_size=1, max_size=12), st.lists(st.integers(0, 11), min_size=12, max_size=12))
def test_long_histories_end_as_defined_too(stops, starts):
    """Symbols listed at any time that die at any time, without strays: the definition holds."""
    spans = [range(20 * start, stop) for start, stop in zip(starts, stops, strict=False) if 20 * start < stop]
    if not spans:
        return
    code, hour = of(*spans)
    end = market_hours(code, hour)[1]
    assert end <= literal_end(code, hour)
    if len(spans) < 4 or min(stops) + WEEK > max(stops):
        assert end == literal_end(code, hour)


@examples(200)
@given(
    st.integers(1, 12),
    st.integers(24, 400),
    st.lists(st.tuples(st.integers(0, 11), st.integers(WEEK, 700_000)), max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_strays_far_ahead_move_nothing(symbols, length, strays, seed):
    """Fewer than a day of hours, whoever they come from, a week or more after everybody's last bar."""
    code, hour = of(*[range(length)] * symbols)
    strays = strays[:20]
    more = np.array([s for s, _ in strays], dtype=np.int64) % symbols
    far = np.array([length - 1 + h for _, h in strays], dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(code) + len(more))
    code, hour = np.append(code, more)[order], np.append(hour, far)[order]
    assert market_hours(code, hour) == (0, length - 1)


@pytest.mark.parametrize("ahead", [1, 3, 100, 24 * 365, 660_000])
def test_one_bar_of_three_symbols_ahead_moves_nothing(ahead):
    code, hour = of([*range(50), 49 + ahead], range(50), range(50))
    assert market_hours(code, hour) == (0, 49)


@pytest.mark.parametrize(("ahead", "end"), [(1, 50), (167, 216), (168, 49), (10_000, 49)])
def test_of_one_symbol_a_bar_within_the_week_is_the_market_and_later_ones_are_strays(ahead, end):
    assert market_hours(*of([*range(50), 49 + ahead]))[1] == end


def test_a_symbol_dated_a_year_ahead_does_not_become_the_market():
    code, hour = of(*[range(1000)] * 9, range(24 * 365, 24 * 365 + 1000))
    assert market_hours(code, hour) == (0, 999)


def test_dead_symbols_are_out_of_the_count_after_a_week():
    dead, alive = [range(100)] * 6, [range(100 + WEEK)] * 4
    assert market_hours(*of(*dead, *alive))[1] == 99
    longer = [range(101 + WEEK + 24)] * 4
    assert market_hours(*of(*dead, *longer))[1] == 100 + WEEK + 24


def test_a_market_that_was_out_for_a_month_goes_on():
    code, hour = of(*[[*range(100), *range(900, 930)]] * 5)
    assert market_hours(code, hour) == (0, 929)
    code, hour = of(*[[*range(100), *range(900, 910)]] * 5)
    assert market_hours(code, hour) == (0, 99), "less than a day: not yet"


def test_young_symbols_count_from_their_second_hour():
    code, hour = of(range(500), range(500), *[range(499, 500)] * 40)
    assert market_hours(code, hour) == (0, 499)


def test_strays_long_before_the_market_do_not_begin_it():
    code, hour = of([0, *range(200_000, 200_100)], range(200_000, 200_100))
    assert market_hours(code, hour) == (200_000, 200_099)
    code, hour = of([*range(30), *range(200_000, 200_100)], range(200_000, 200_100))
    assert market_hours(code, hour) == (0, 200_099)


def test_end_of_a_panel_at_an_instant():
    closes = np.ones((60, 4))
    closes[40:50, 1:] = np.nan
    hours = pd.date_range(START, periods=60, freq="h", unit="us")
    panel = Panel(hours, tuple("ABCD"), closes, closes, closes, closes, closes)
    start = panel.start
    assert market_end(panel) == start + 60 * HOUR
    assert market_end(panel, start + 45 * HOUR) == start + 40 * HOUR
    assert market_end(panel, start + 55 * HOUR) == start + 55 * HOUR
    with pytest.raises(DataError, match="no bar is known"):
        market_end(panel, start)


@pytest.mark.parametrize(("minutes", "age"), [(0, 0.0), (180, 3.0), (90, 1.5), (-60, -1.0)])
def test_age_counts_from_the_close_of_the_last_bar(minutes, age):
    market = market_from_tables({"bars": bars()}, CONFIG)
    assert age_hours(market.panel.end, START + (HOURS * 60 + minutes) * HOUR / 60) == age


@pytest.mark.parametrize("stamp", ["2024-01-03T03:00", "2024-02-01", "2099-12-31"])
def test_a_bar_ahead_is_left_out_and_named_and_its_symbol_is_fresh(stamp):
    frame = pd.concat([bars(), bars().iloc[:HOURS].assign(symbol="CCCUSDT")], ignore_index=True)
    ahead = frame.tail(1).assign(timestamp=pd.Timestamp(stamp, tz="UTC").as_unit("us"))
    clean = market_from_tables({"bars": frame}, CONFIG)
    market = market_from_tables({"bars": pd.concat([frame, ahead])}, CONFIG)
    (found,) = market.findings
    assert (found.code, found.count) == ("bars_ahead", 1)
    assert found.examples == (f"CCCUSDT: 1 bar, opened {pd.Timestamp(stamp):%Y-%m-%dT%H:%MZ}",)
    assert market.panel.data_hash() == clean.panel.data_hash()
    assert len(market.disputes) == 0


def test_a_bar_of_another_decade_does_not_begin_the_grid():
    early = bars().head(1).assign(timestamp=pd.Timestamp("1991-01-01", tz="UTC").as_unit("us"))
    market = market_from_tables({"bars": pd.concat([early, bars()])}, CONFIG)
    (found,) = market.findings
    assert (found.code, found.examples) == ("bars_before", ("AAAUSDT: 1 bar, opened 1991-01-01T00:00Z",))
    assert market.panel.start == START


@pytest.mark.parametrize("name", ["funding_rate", "open_interest", "implied_vol"])
def test_values_after_the_end_are_left_out_and_named(name):
    table = {"funding_rate": "funding"}.get(name, name)
    frame = series(name, 0.5)
    late = frame.tail(2).assign(timestamp=[START + (HOURS * HOUR), START + (HOURS * HOUR) + pd.Timedelta(minutes=2)])
    market = market_from_tables({"bars": bars(), table: pd.concat([frame, late])}, CONFIG)
    (found,) = market.findings
    assert (found.code, found.count, found.where) == ("values_ahead", 1, f"{table}: timestamp")
    assert "symbol=AAAUSDT" in found.examples[0]
    assert getattr(market.panel, name)[-1, 0] == 0.5
