"""States of symbols in a simulated market that is damaged in one way at a time."""

import numpy as np
import pandas as pd
import pytest

from levercap.core.panel import BAR_FIELDS, HOUR
from levercap.core.quality import SCORED, SymbolState
from levercap.market.quality import QualityRecipe, assess_quality
from support.quality_markets import PRICES, STALE, damaged, market, state_of

SYMBOL = 2


@pytest.fixture
def panel():
    return damaged(market())


def assess(panel, **more):
    return assess_quality(panel, panel.end, 3, **more)


def frozen(panel, hours, until=0):
    rows = slice(len(panel.close) - hours - until, len(panel.close) - until)
    for name in PRICES:
        getattr(panel, name)[rows, SYMBOL] = panel.close[rows.start - 1, SYMBOL]
    return panel


def test_a_sound_market_is_fresh_and_its_panel_unchanged(panel):
    quality = assess(panel)
    assert set(quality.symbols["state"]) == {SymbolState.FRESH}
    assert (quality.symbols["hours_out"] == 0).all()
    assert (quality.symbols["reason"] == "").all()
    assert (quality.symbols["last_good"] == panel.end).all()
    assert quality.findings == ()
    for name in BAR_FIELDS:
        np.testing.assert_array_equal(getattr(quality.panel, name), getattr(panel, name))


@pytest.mark.parametrize("hours", [4, 6, 24, 168, 10_000])
def test_a_frozen_feed_is_frozen_and_named(panel, hours):
    quality = assess(frozen(panel, min(hours, len(panel.close) - 1)))
    row = state_of(quality, panel.symbols[SYMBOL])
    assert row["state"] == SymbolState.FROZEN
    if hours < 10_000:
        assert row["hours_out"] == hours
        assert row["last_good"] == panel.end - hours * HOUR
    else:
        assert np.isinf(row["hours_out"])
        assert pd.isna(row["last_good"])
    assert [f.code for f in quality.findings] == ["symbol_frozen"]
    assert quality.findings[0].examples[0].startswith(panel.symbols[SYMBOL])
    others = quality.symbols[quality.symbols["symbol"] != panel.symbols[SYMBOL]]
    assert set(others["state"]) == {SymbolState.FRESH}


def test_of_a_symbol_without_one_usable_hour_no_earlier_hour_is_used(panel):
    days = 60
    quality = assess(frozen(panel, 24 * days), recipe=QualityRecipe(history_days=days))
    assert np.isnan(quality.panel.close[:, SYMBOL]).all()
    others = np.arange(len(panel.symbols)) != SYMBOL
    np.testing.assert_array_equal(quality.panel.close[:, others], panel.close[:, others])


@pytest.mark.parametrize(("hours", "factor"), [(1, 1.5), (5, 1.2), (5, 7.0), (5, 1000.0), (30, 0.5)])
def test_a_bar_at_another_level_is_disputed_and_masked(panel, hours, factor):
    row = len(panel.close) - hours
    for name in PRICES:
        getattr(panel, name)[row, SYMBOL] *= factor
    quality = assess(panel)
    assert state_of(quality, panel.symbols[SYMBOL])["state"] == SymbolState.DISPUTED
    assert np.isnan(quality.panel.close[row, SYMBOL])
    assert state_of(quality, panel.symbols[SYMBOL])["hours_out"] == hours
    assert quality.findings[0].code == "symbol_disputed"


@pytest.mark.parametrize(("factor", "hours"), [(5.0, 240), (1000.0, 240), (1e-3, 240), (1000.0, 2)])
def test_another_unit_is_disputed_for_sixty_days(panel, factor, hours):
    for name in PRICES:
        getattr(panel, name)[-hours:, SYMBOL] *= factor
    panel.volume[-hours:, SYMBOL] /= factor
    row = state_of(assess(panel), panel.symbols[SYMBOL])
    assert row["state"] == SymbolState.DISPUTED
    assert row["hours_out"] == hours


def test_a_week_missing_until_yesterday_is_gappy(panel):
    for name in BAR_FIELDS:
        getattr(panel, name)[-192:-24, SYMBOL] = np.nan
    row = state_of(assess(panel), panel.symbols[SYMBOL])
    assert row["state"] == SymbolState.GAPPY
    assert row["hours_out"] == 192


def test_an_outage_of_six_hours_yesterday_stays_scored(panel):
    for name in BAR_FIELDS:
        getattr(panel, name)[-30:-24] = np.nan
    quality = assess(panel)
    assert set(quality.symbols["state"]) <= set(SCORED)
    assert np.isfinite(quality.panel.close[-30:]).all()
    assert [f.code for f in quality.findings] == ["hours_filled"]


def test_half_of_the_feed_late_makes_every_symbol_stale(panel):
    for name in BAR_FIELDS:
        getattr(panel, name)[-8:, ::2] = np.nan
    quality = assess(panel)
    assert set(quality.symbols["state"]) == {SymbolState.STALE}
    assert (quality.symbols["hours_out"] == 8).all()
    assert quality.findings[0].code == "feed_incomplete"


def test_a_symbol_without_its_most_violent_hours_is_gappy(panel):
    close = np.log(panel.close[:, SYMBOL])
    moves = np.abs(np.append(0.0, np.diff(close)))[-480:]
    rows = np.argsort(moves)[-5:] + len(close) - 480
    for name in BAR_FIELDS:
        getattr(panel, name)[rows, SYMBOL] = np.nan
    row = state_of(assess(panel), panel.symbols[SYMBOL])
    assert row["state"] == SymbolState.GAPPY
    assert "violent" in row["reason"]
    assert row["hours_out"] >= len(close) - rows.max()


def test_bars_of_a_symbol_that_died_are_left_as_they_are():
    """Else the days assessed, as they move over its last hours, would change what is masked every night."""
    panel = damaged(market())
    n = len(panel.close)
    for name in BAR_FIELDS:
        getattr(panel, name)[n - 31 * 24 :, 1] = np.nan
        getattr(panel, name)[n - 33 * 24 - 3 : n - 33 * 24, 1] = np.nan
    panel.high[n - 40 * 24, 1] *= 3.0
    dead = assess_quality(panel, panel.end, STALE)
    for name in BAR_FIELDS:
        np.testing.assert_array_equal(getattr(dead.panel, name), getattr(panel, name), err_msg=name)
    assert state_of(dead, panel.symbols[1])["state"] == "stale"
    before = panel.until(panel.end - 30 * 24 * HOUR)
    lately = assess_quality(before, before.end, STALE).panel
    assert lately.high[n - 40 * 24, 1] != before.high[n - 40 * 24, 1]
