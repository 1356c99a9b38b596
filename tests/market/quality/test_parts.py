"""Parts of the assessment: habits, steps of prices, levels, coverage, outages and the texts."""

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import DataError
from levercap.core.panel import BAR_FIELDS, HOUR
from levercap.core.quality import SCORED, SymbolState
from levercap.market.quality import QUALITY, assess_quality
from levercap.market.quality.confirmation import long_scale, median_of_others
from levercap.market.quality.coverage import covered
from levercap.market.quality.frozen import frozen_hours, price_step
from levercap.market.quality.hours import known_panel, last_row, last_true, recent_hours, rolling_count
from support.quality_markets import PRICES, damaged, market, state_of


def lifeless(panel, rows, column):
    """Bars that repeat the close before, one after the other."""
    for row in rows:
        for name in PRICES:
            getattr(panel, name)[row, column] = panel.close[row - 1, column]


def thin(share, seed=0):
    """A market whose symbol 1 has lifeless hours all its life, in the given share of its hours."""
    panel = damaged(market())
    rows = np.flatnonzero(np.random.default_rng(seed).random(len(panel.close)) < share)
    lifeless(panel, rows[rows > 0], 1)
    return panel


def test_an_illiquid_symbol_is_fresh_with_its_ordinary_lifeless_hours():
    panel = thin(0.15)
    assert state_of(assess_quality(panel, panel.end, 3), panel.symbols[1])["state"] == SymbolState.FRESH


def test_an_illiquid_symbol_is_frozen_by_a_run_beyond_its_habit():
    panel = thin(0.15)
    lifeless(panel, range(len(panel.close) - 14, len(panel.close)), 1)
    assert state_of(assess_quality(panel, panel.end, 3), panel.symbols[1])["state"] == SymbolState.FROZEN


def test_a_symbol_lifeless_most_of_its_life_is_frozen():
    panel = thin(0.8)
    assert state_of(assess_quality(panel, panel.end, 3), panel.symbols[1])["state"] == SymbolState.FROZEN


def test_one_lifeless_hour_of_a_liquid_symbol_is_masked():
    panel = damaged(market())
    lifeless(panel, [len(panel.close) - 30], 2)
    frozen = frozen_hours(recent_hours(known_panel(panel, panel.end), 400), QUALITY)
    assert np.argwhere(frozen).tolist() == [[400 * 24 - 30, 2]]


def test_price_step_is_the_grid():
    rng = np.random.default_rng(0)
    prices = np.log(np.round(100 + rng.normal(0, 1, (48, 4, 2)), 1))
    step = price_step(prices, 24)
    np.testing.assert_allclose(step, 0.001, rtol=0.05)
    assert np.isnan(price_step(np.zeros((24, 4, 1)), 24)).all()


def test_median_of_others_leaves_the_own_value_out():
    values = np.array([[1.0, 2.0, 9.0, np.nan], [1.0, 2.0, 4.0, 8.0], [5.0, np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(median_of_others(values, np.array([2, 0, 0])), [1.5, 4.0, 0.0])


def test_long_scale_is_the_standard_deviation_and_one_print_does_not_matter():
    moves = np.random.default_rng(1).normal(0, 0.01, (9000, 3))
    np.testing.assert_allclose(long_scale(moves), 0.01, rtol=0.03)
    moves[4000, 1] = 7.0
    np.testing.assert_allclose(long_scale(moves), 0.01, rtol=0.03)
    moves[:, 2] = np.nan
    assert long_scale(moves)[2] == pytest.approx(np.median(long_scale(moves[:, :2])))


def test_coverage_counts_hours_since_the_first_bar():
    good = np.ones((800, 3), dtype=bool)
    good[:400, 1] = False
    good[780:788, 2] = False
    enough = covered(good, good, QUALITY)
    assert enough[-1].tolist() == [True, True, False]
    good[785:788, 2] = True
    assert covered(good, good, QUALITY)[-1].tolist() == [True, True, True]


def test_rows_and_counts():
    flags = np.array([[0, 1], [1, 0], [1, 0], [0, 0]], dtype=bool)
    assert last_true(flags).tolist() == [2, 0]
    assert last_true(~flags & False).tolist() == [-1, -1]
    assert last_row(flags).tolist() == [[-1, 0], [1, 0], [2, 0], [2, 0]]
    assert rolling_count(flags, 2).tolist() == [[0, 1], [1, 1], [2, 0], [1, 0]]


def test_the_panel_is_extended_to_the_instant_and_the_given_one_left_alone():
    panel = damaged(market())
    before = panel.close.copy()
    panel.high[-5, 0] = np.nan
    quality = assess_quality(panel, panel.end + 2.5 * HOUR, 3)
    assert quality.panel.end == panel.end + 2 * HOUR
    assert set(quality.symbols["state"]) == {SymbolState.FRESH}
    assert np.isfinite(quality.panel.close[-2:]).all()
    np.testing.assert_array_equal(panel.close, before)
    assert (assess_quality(panel, panel.end + 3.5 * HOUR, 3).symbols["state"] == SymbolState.STALE).all()
    assert (assess_quality(panel, panel.end + 3 * HOUR, 3).symbols["state"] == SymbolState.FRESH).all()
    with pytest.raises(DataError, match="no bar is known"):
        assess_quality(panel, panel.start, 3)


def test_only_what_was_known_counts():
    panel = damaged(market())
    as_of = panel.end - 30 * HOUR
    known = assess_quality(panel, as_of, 3)
    for name in BAR_FIELDS:
        getattr(panel, name)[-30:] *= 7.0
    later = assess_quality(panel, as_of, 3)
    pd.testing.assert_frame_equal(known.symbols, later.symbols)
    assert known.panel.data_hash() == later.panel.data_hash()


def test_contradictory_rows_dispute_for_two_days_and_are_gaps_after_them():
    panel = damaged(market())
    for name in BAR_FIELDS:
        getattr(panel, name)[[-31, -60], [1, 2]] = np.nan
    stamps = [panel.timestamps[-31], panel.timestamps[-60], panel.start - 9 * HOUR]
    disputes = pd.DataFrame({"symbol": [*panel.symbols[1:3], "GONE"], "timestamp": stamps, "reason": "twice"})
    quality = assess_quality(panel, panel.end, 3, disputes)
    states = quality.symbols["state"].tolist()
    assert states[1] == SymbolState.DISPUTED
    assert states[2] == SymbolState.FRESH
    assert quality.symbols["hours_out"][1] == 31
    assert "contradictory rows in 1 h" in quality.symbols["reason"][1]
    assert np.isfinite(quality.panel.close[-60, 2])
    assert np.isnan(quality.panel.close[-31, 1])


@pytest.mark.parametrize(("days", "text"), [(3, "72 usable hours"), (40, "960 usable hours")])
def test_a_young_symbol_says_how_many_hours_are_missing(days, text):
    panel = damaged(market())
    for name in BAR_FIELDS:
        getattr(panel, name)[: -24 * days, 3] = np.nan
    row = state_of(assess_quality(panel, panel.end, 3), panel.symbols[3])
    assert row["state"] == SymbolState.YOUNG
    assert row["reason"].startswith(text)
    assert f"{2160 - 24 * days:,} missing of 2,160" in row["reason"]


def test_a_symbol_without_bars_is_unknown_and_a_dead_one_stale():
    panel = damaged(market())
    for name in BAR_FIELDS:
        getattr(panel, name)[:, 3] = np.nan
        getattr(panel, name)[60:, 2] = np.nan
    quality = assess_quality(panel, panel.end, 3)
    unknown, dead = (state_of(quality, panel.symbols[j]) for j in (3, 2))
    assert (unknown["state"], dead["state"]) == (SymbolState.UNKNOWN, SymbolState.STALE)
    assert np.isinf(unknown["hours_out"])
    assert pd.isna(unknown["last_good"])
    assert dead["last_good"] == panel.start + 60 * HOUR
    assert {f.code for f in quality.findings} >= {"symbol_unknown_data", "symbol_stale"}


def test_a_crash_of_the_whole_market_puts_no_symbol_out():
    panel = damaged(market())
    fall = np.linspace(0.55, 0.65, len(panel.symbols))
    panel.close[-2] *= fall
    panel.low[-2] = np.minimum(panel.low[-2] * fall, panel.close[-2])
    for name in PRICES:
        getattr(panel, name)[-1] *= fall
    assert assess_quality(panel, panel.end, 3).symbols["state"].isin(SCORED).all()


def test_a_crash_of_one_symbol_is_disputed_until_three_hours_of_trading_confirm_it():
    panel = damaged(market())
    row = len(panel.close) - 6
    panel.close[row, 2] *= 0.6
    panel.low[row, 2] = min(panel.low[row, 2], panel.close[row, 2])
    for name in PRICES:
        getattr(panel, name)[row + 1 :, 2] *= 0.6
    states = [assess_quality(panel, panel.end - k * HOUR, 3).symbols["state"][2] for k in range(6)]
    assert states == [SymbolState.FRESH] * 3 + [SymbolState.DISPUTED] * 3


def test_a_move_with_a_surge_of_volume_is_not_disputed():
    panel = damaged(market())
    panel.close[-1, 2] *= 1.3
    panel.high[-1, 2] = max(panel.high[-1, 2], panel.close[-1, 2])
    panel.volume[-1, 2] *= 30.0
    assert assess_quality(panel, panel.end, 3).symbols["state"][2] == SymbolState.FRESH


def test_findings_name_ten_symbols_and_count_the_others():
    panel = damaged(market())
    recipe = QUALITY.__class__(listed=2, feed_share=1.0)
    for name in BAR_FIELDS:
        getattr(panel, name)[-10:, :4] = np.nan
    stale = assess_quality(panel, panel.end, 3, recipe=recipe).findings[0]
    assert (stale.code, stale.count) == ("symbol_stale", 4)
    assert [e.split(":")[0] for e in stale.examples] == [*panel.symbols[:2], "and 2 more"]
