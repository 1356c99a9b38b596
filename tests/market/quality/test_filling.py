"""Conservative filling: absent is not calm."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.panel import BAR_FIELDS
from levercap.features.returns import ingredients
from levercap.features.volatility import slow_level, volatility_features
from levercap.market.quality.filling import bridge, fill_missing, missing_runs
from support.panels import tail
from support.properties import examples
from support.quality_markets import damaged, market

CALMER = [
    *(f"realised_volatility_{w}" for w in ("6h", "24h", "2d", "7d", "30d")),
    *(f"smoothed_volatility_{w}" for w in ("12h", "2d", "8d", "30d")),
    "range_volatility_24h",
    "range_volatility_7d",
    "absolute_hourly_2d",
]
log_size = st.floats(-0.3, 0.3)


@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=12), log_size, log_size)
@examples(200)
def test_every_step_of_a_bridge_is_as_long_as_asked_and_the_hour_after_is_not_lessened(sizes, gap, after):
    path = bridge(0.0, gap, gap + after, np.array(sizes))
    steps = np.abs(np.diff(np.append(0.0, path)))
    assert (steps >= np.array(sizes) - 1e-12).all()
    assert abs(gap + after - path[-1]) >= abs(after) - 1e-12
    assert np.abs(path).max() <= abs(gap) + 3 * max(max(sizes), abs(gap))


def test_missing_runs():
    there = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0], dtype=bool)
    assert missing_runs(there) == [(0, 1), (2, 4), (6, 7), (8, 9)]


def without(panel, rows, column):
    """The panel without some bars of a symbol, and with them filled."""
    out = damaged(panel)
    for name in BAR_FIELDS:
        getattr(out, name)[rows, column] = np.nan
    until = np.where(np.arange(len(panel.symbols)) == column, len(panel.close), 0)
    fill_missing(out, 720, until)
    return out


def last_features(panel, column):
    """Log volatilities of one symbol at the end of a panel, by feature, from its last 100 days."""
    x = ingredients(tail(panel.select([panel.symbols[column]]), 100))
    slow = slow_level(x)
    found = dict(volatility_features(x, slow))
    return pd.Series({name: found[name][-1, 0] + slow[-1, 0] for name in CALMER})


@given(st.integers(0, 4), st.lists(st.integers(30, 150), min_size=1, max_size=3, unique=True), st.integers(1, 6))
@examples(15)
def test_no_volatility_falls_where_ordinary_hours_are_missing(column, ago, length):
    panel = market()
    rows = sorted({len(panel.close) - a + k for a in ago for k in range(length)})
    largest = np.abs(np.diff(np.log(panel.close[-320:, column]))).max()
    own = np.abs(np.log(panel.close[rows, column] / panel.close[np.array(rows) - 1, column]))
    if (own >= 0.999 * largest).any():
        return
    filled = without(panel, rows, column)
    assert np.isfinite(filled.close[rows, column]).all()
    for name in ("high", "open", "low", "close"):
        assert (filled.high >= getattr(filled, name))[rows, column].all()
        assert (filled.low <= getattr(filled, name))[rows, column].all()
    assert (last_features(filled, column) >= last_features(panel, column) - 1e-9).all()


@given(st.integers(0, 4), st.integers(1, 3), st.integers(0, 2000))
@examples(15)
def test_volatility_with_hours_missing_at_the_end_is_no_lower_than_before_them(column, hours, back):
    panel = market()
    end = panel.end - back * pd.Timedelta(hours=1)
    now, before = panel.until(end), panel.until(end - hours * pd.Timedelta(hours=1))
    filled = without(now, slice(-hours, None), column)
    windows = [n for n in CALMER if n.startswith(("realised", "range"))]
    then, known = last_features(before, column)[windows], last_features(filled, column)[windows]
    assert (known[then.notna()] >= then.dropna() - 1e-3).all()


@pytest.mark.parametrize("column", [0, 3])
def test_the_panel_is_unchanged_where_nothing_is_missing(column):
    filled = without(market(), [], column)
    for name in BAR_FIELDS:
        np.testing.assert_array_equal(getattr(filled, name), getattr(market(), name))


def test_the_hours_between_are_bridged():
    panel = market()
    rows = [len(panel.close) - 40, len(panel.close) - 39]
    filled = without(panel, rows, 1)
    total = np.log(filled.close[-36, 1] / filled.close[-44, 1])
    assert total == pytest.approx(np.log(panel.close[-36, 1] / panel.close[-44, 1]))
    assert filled.open[-40, 1] == pytest.approx(panel.close[-41, 1])
    week = slice(len(panel.close) - 40 - 168, None)
    assert (np.log(filled.high[rows, 1] / filled.low[rows, 1]) > 0).all()
    ranges = np.delete(np.log(panel.high[week, 1] / panel.low[week, 1]), [168, 169])
    assert np.log(filled.high[rows, 1] / filled.low[rows, 1]).min() >= ranges.max() - 1e-12
    turnover = filled.volume[rows, 1] * filled.close[rows, 1]
    assert turnover.min() >= np.delete((panel.volume * panel.close)[week, 1], [168, 169]).max() * (1 - 1e-12)


def test_hours_are_filled_up_to_the_row_asked_only():
    out = damaged(market())
    count = len(out.close)
    for rows in (slice(count - 100, count - 98), slice(count - 50, count - 40), slice(count - 3, count)):
        for name in BAR_FIELDS:
            getattr(out, name)[rows] = np.nan
    fill_missing(out, 720, np.array([count - 60, 0, count - 45, count, count - 3]))
    there = np.isfinite(out.close[-100:])
    assert there[:2].tolist() == [[True, False, True, True, True]] * 2
    assert there[50:60].tolist() == [[False, False, False, True, True]] * 10
    assert there[97:].tolist() == [[False, False, False, True, False]] * 3
