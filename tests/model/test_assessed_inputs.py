"""Inputs of many instants are those of each alone, and raw rows where nothing is to be mended."""

import numpy as np
import pandas as pd
import pytest

import levercap.model.assessed_inputs as module
from levercap.core.panel import BAR_FIELDS, HOUR
from levercap.market import Market
from levercap.market.quality import assess_quality
from levercap.model.assessed_inputs import assessed_inputs
from levercap.model.snapshots import snapshot_inputs, snapshot_inputs_by_quality, with_earlier
from support.look_ahead import other_future
from support.quality_markets import STALE, damaged, market

NIGHT = 24 * HOUR
QUANTILE = 0.9
CLEAN = market()
END = CLEAN.end.floor("D")
NIGHTS = pd.date_range(END - 12 * NIGHT, END, freq="D", unit="us")


def blank(panel, night, hours, symbols):
    """Bars of the last hours before a night are missing."""
    row = panel.rows_known(night)
    for name in BAR_FIELDS:
        getattr(panel, name)[row - hours : row, symbols] = np.nan


def bad_market():
    """A late feed, one symbol that lacks six hours, another that ends, a wrong print, and the end of a frozen day."""
    panel = damaged(CLEAN)
    blank(panel, NIGHTS[1], 6, slice(None))
    blank(panel, NIGHTS[6], 6, [1])
    blank(panel, NIGHTS[-1] + 9 * HOUR, 5 * 24, [2])
    row = panel.rows_known(NIGHTS[4]) + 7
    panel.high[row, 3] *= 3.0
    row = panel.rows_known(NIGHTS[9])
    for name in ("open", "high", "low", "close"):
        getattr(panel, name)[row - 24 : row, 4] = panel.close[row - 25, 4]
    return Market(panel, None, ())


def inputs_of(of, origins):
    raw = snapshot_inputs(of.panel, with_earlier(origins, of.panel), QUANTILE)
    return list(assessed_inputs(of, origins, raw, STALE, QUANTILE))


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.features, other.features, check_exact=True)
    pd.testing.assert_frame_equal(one.earlier, other.earlier, check_exact=True)
    pd.testing.assert_frame_equal(one.quality, other.quality, check_exact=True)
    np.testing.assert_array_equal(one.turnover, other.turnover)
    np.testing.assert_array_equal(one.stressed_volatility, other.stressed_volatility)
    assert one.origins.equals(other.origins)


@pytest.fixture(scope="module")
def bad():
    return bad_market()


@pytest.fixture(scope="module")
def found(bad):
    return inputs_of(bad, NIGHTS)


def test_inputs_of_every_night_are_those_that_scoring_makes_of_it_alone(bad, found):
    states = set()
    for night, mine in zip(NIGHTS, found, strict=True):
        alone = assess_quality(bad.panel, night, STALE, bad.disputes)
        assert_same(mine.inputs, snapshot_inputs_by_quality(alone.panel, night, alone.symbols, QUANTILE))
        pd.testing.assert_frame_equal(mine.quality, alone.symbols, check_exact=True)
        for name in BAR_FIELDS:
            np.testing.assert_array_equal(getattr(mine.panel, name), getattr(alone.panel, name), err_msg=name)
        states |= set(mine.quality["state"])
    assert {"fresh", "stale", "frozen", "disputed"} <= states


def test_a_clean_market_keeps_the_raw_rows_and_computes_no_features_again(monkeypatch):
    origins = with_earlier(NIGHTS, CLEAN)
    raw = snapshot_inputs(CLEAN, origins, QUANTILE)
    monkeypatch.setattr(module, "snapshot_inputs", None)
    for i, one in enumerate(assessed_inputs(Market(CLEAN, None, ()), NIGHTS, raw, STALE, QUANTILE)):
        for mine, instant in ((one.inputs.features, NIGHTS[i]), (one.inputs.earlier, NIGHTS[i] - NIGHT)):
            rows = raw.features[raw.features["as_of"] == instant].reset_index(drop=True)
            assert len(rows) == len(CLEAN.symbols)
            pd.testing.assert_frame_equal(mine, rows, check_exact=True)
        place = origins.get_loc(NIGHTS[i])
        np.testing.assert_array_equal(one.inputs.turnover[0], raw.turnover[place])
        np.testing.assert_array_equal(one.inputs.stressed_volatility[0], raw.stressed_volatility[place])


def test_nights_with_the_same_hours_masked_are_computed_together(monkeypatch):
    panel = damaged(CLEAN)
    panel.high[panel.rows_known(NIGHTS[0]) - 24 * 40, 3] *= 3.0
    calls = []
    original = module.snapshot_inputs
    monkeypatch.setattr(module, "snapshot_inputs", lambda *a: calls.append(a[1]) or original(*a))
    inputs_of(Market(panel, None, ()), NIGHTS)
    assert [call.equals(with_earlier(NIGHTS, CLEAN)) for call in calls] == [True]
    calls.clear()
    monkeypatch.setattr(module, "MOST_TOGETHER", 5)
    inputs_of(Market(panel, None, ()), NIGHTS)
    assert [len(call) for call in calls] == [6, 6, 4]


@pytest.mark.parametrize("night", [1, 6, 9])
def test_inputs_see_nothing_later(bad, found, night):
    as_of = NIGHTS[night]
    for panel in (bad.panel.until(as_of), other_future(bad.panel, as_of)):
        mine = inputs_of(Market(panel, None, ()), NIGHTS[: night + 1])[-1]
        assert_same(mine.inputs, found[night].inputs)
