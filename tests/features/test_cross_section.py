"""Cross-section: what stands for the leader where it is missing."""

import dataclasses

import numpy as np
import pytest

from levercap.core.panel import BAR_FIELDS
from levercap.features.cross_section import LEAST_OTHERS, cross_section_features, row_mean
from levercap.features.returns import ingredients
from levercap.features.volatility import slow_level
from support.panels import window

NAMES = [f"leader_volatility_{label}" for label in ("24h", "7d", "30d")]


@pytest.fixture(scope="module")
def panel(fitted):
    panel = window(fitted.market.panel, 180, 60)
    return dataclasses.replace(panel, symbols=("BTCUSDT", *panel.symbols[1:]))


def leading_features(panel):
    x = ingredients(panel)
    slow = slow_level(x)
    found = dict(cross_section_features(panel, x, slow))
    return {name: found[name] for name in NAMES}, x, slow


def test_the_leaders_own_values_count_where_they_are_there(panel):
    found, _, slow = leading_features(panel)
    alone, _, _ = leading_features(panel.select(["BTCUSDT"]))
    known = ~np.isnan(slow[:, 0])
    assert known.sum() > 900
    for name in NAMES:
        np.testing.assert_array_equal(found[name][known, 0], alone[name][known, 0])


def test_the_mean_of_all_symbols_stands_for_a_missing_leader(panel):
    gone = slice(-48, None)
    cut = {name: getattr(panel, name).copy() for name in BAR_FIELDS}
    for values in cut.values():
        values[gone, 0] = np.nan
    found, x, _ = leading_features(dataclasses.replace(panel, **cut))
    usual, _, _ = leading_features(panel)
    silent = np.isnan(x.price[:, 0])
    assert silent[-45:].all()
    for name in NAMES:
        assert np.isfinite(found[name][-45:]).all()
        before = slice(None, -48)
        np.testing.assert_array_equal(found[name][before], usual[name][before])
    others = [s for s in panel.symbols if s != "BTCUSDT"]
    without, _, _ = leading_features(panel.select(others))
    np.testing.assert_allclose(found["leader_volatility_24h"][-20:, 0], without["leader_volatility_24h"][-20:, 0])


def test_without_a_leader_it_is_the_mean_of_all_symbols(panel):
    other = dataclasses.replace(panel, symbols=("XXXUSDT", *panel.symbols[1:]))
    found, x, slow = leading_features(other)
    squared = x.hourly**2
    week = np.full_like(squared, np.nan)
    for row in range(len(week) - 5, len(week)):
        week[row] = np.nanmean(squared[row - 167 : row + 1], axis=0)
    expected = row_mean(0.5 * np.log(np.maximum(week, 1e-10) * 24.0) - slow)
    np.testing.assert_allclose(found["leader_volatility_7d"][-5:, 0], expected[-5:])


def test_before_the_leader_is_listed_the_mean_of_a_few_symbols_does_not_stand_for_it(panel):
    listed = len(panel.close) - 700
    cut = {name: getattr(panel, name).copy() for name in BAR_FIELDS}
    for values in cut.values():
        values[:listed, 0] = np.nan
        values[: listed - 520, 5:] = np.nan
    found, _, slow = leading_features(dataclasses.replace(panel, **cut))
    others = (~np.isnan(slow[:listed])).sum(axis=1)
    assert {0, 4} <= set(others)
    assert others.max() >= LEAST_OTHERS
    known = np.isfinite(found["leader_volatility_24h"][:listed, 0])
    np.testing.assert_array_equal(known, others >= LEAST_OTHERS)
    assert np.isfinite(found["leader_volatility_24h"][listed + 500 :]).all()
