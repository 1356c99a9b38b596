"""Whatever is wrong with the bars of a symbol, it is not scored from them or no volatility is calmer than in truth."""

from functools import cache

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.panel import BAR_FIELDS, HOUR
from levercap.core.quality import SCORED, SymbolState
from levercap.features.returns import ingredients
from levercap.features.volatility import slow_level, volatility_features
from levercap.market.quality import assess_quality
from support.panels import tail
from support.properties import examples
from support.quality_markets import PRICES, damaged, market

VOLATILITIES = [
    *(f"realised_volatility_{w}" for w in ("6h", "24h", "2d", "7d", "30d")),
    *(f"smoothed_volatility_{w}" for w in ("12h", "2d", "8d")),
    "range_volatility_24h",
    "range_volatility_7d",
]
TOLERANCE = 0.01
BACK = st.integers(0, 1500)
COLUMN = st.integers(0, 3)


def volatilities(panel, column):
    """Log volatilities of one symbol at the end of a panel, by feature, from its last 100 days."""
    x = ingredients(tail(panel.select([panel.symbols[column]]), 100))
    slow = slow_level(x)
    found = dict(volatility_features(x, slow))
    return pd.Series({name: found[name][-1, 0] + slow[-1, 0] for name in VOLATILITIES})


def truth(end, column):
    return volatilities(market().until(end), column)


@cache
def sound_states(end):
    """States of the undamaged market: its own jumps may be doubted."""
    return assess_quality(market().until(end), end, 3).symbols["state"]


def judge(panel, column, missing_at_the_end=0, hidden=None):
    """The symbol is out and named, or at least as volatile as in truth, or as before the hours missing at the end, or
    as with a hole where hours are hidden; the others stay as they were.
    """
    quality = assess_quality(panel, panel.end, 3)
    symbol = panel.symbols[column]
    row = quality.symbols.set_index("symbol").loc[symbol]
    clean = sound_states(panel.end)
    changed = (quality.symbols["state"] != clean).drop(column)
    assert changed.sum() <= 1  # a move of another symbol may lose the one that confirmed it
    assert set(quality.symbols["state"].drop(column)[changed]) <= {SymbolState.DISPUTED, SymbolState.FRESH}
    if clean[column] not in SCORED:
        return
    if row["state"] not in SCORED:
        assert row["hours_out"] > 0
        assert row["reason"]
        assert any(symbol in example for f in quality.findings for example in f.examples)
        return
    mine = volatilities(quality.panel, column)
    least = truth(panel.end, column)
    if missing_at_the_end:
        least = np.minimum(least, truth(panel.end - missing_at_the_end * HOUR, column))
    if hidden is not None:
        least = np.fmin(least, volatilities(with_hole(panel, hidden, column), column))
    assert (mine >= least - TOLERANCE).all(), (mine - least)[mine < least - TOLERANCE]


def with_hole(panel, rows, column):
    """The sound market until the end of `panel` without the bars of one symbol in `rows`."""
    hole = damaged(market().until(panel.end))
    for name in BAR_FIELDS:
        getattr(hole, name)[rows, column] = np.nan
    return hole


def cut(back):
    panel = market()
    return damaged(panel.until(panel.end - back * HOUR))


@given(BACK, COLUMN, st.integers(1, 300), st.integers(0, 200), st.booleans())
@examples(25)
def test_a_repeated_price(back, column, hours, until, without_volume):
    panel = cut(back)
    rows = slice(len(panel.close) - hours - until, len(panel.close) - until)
    for name in PRICES:
        getattr(panel, name)[rows, column] = panel.close[rows.start - 1, column]
    if without_volume:
        panel.volume[rows, column] = 0.0
    judge(panel, column, hours if until == 0 else 0, rows)


@given(BACK, COLUMN, st.integers(1, 720), st.integers(0, 48))
@examples(20)
def test_bars_of_the_close_only(back, column, hours, until):
    panel = cut(back)
    rows = slice(len(panel.close) - hours - until, len(panel.close) - until)
    for name in ("open", "high", "low"):
        getattr(panel, name)[rows, column] = panel.close[rows, column]
    judge(panel, column, hours if until == 0 else 0, rows)


@given(BACK, COLUMN, st.floats(0.1, 8.0), st.booleans(), st.integers(1, 60), st.integers(1, 3))
@examples(25)
def test_bars_at_another_level(back, column, size, up, ago, hours):
    panel = cut(back)
    rows = slice(len(panel.close) - ago, min(len(panel.close) - ago + hours, len(panel.close)))
    for name in PRICES:
        getattr(panel, name)[rows, column] *= np.exp(size if up else -size)
    judge(panel, column)


@given(BACK, COLUMN, st.floats(0.15, 8.0), st.booleans(), st.integers(1, 80))
@examples(20)
def test_a_wick(back, column, size, up, ago):
    panel = cut(back)
    row = len(panel.close) - ago
    if up:
        panel.high[row, column] *= np.exp(size)
    else:
        panel.low[row, column] *= np.exp(-size)
    judge(panel, column)


@given(BACK, COLUMN, st.floats(0.5, 8.0), st.booleans(), st.integers(1, 1000), st.integers(0, 400))
@examples(20)
def test_another_unit_or_coin_with_or_without_a_hole(back, column, size, up, ago, hole):
    size = size + (1.0 + 0.05 * np.sqrt(hole) if hole else 0.0)
    panel = cut(back)
    row = len(panel.close) - ago
    for name in PRICES:
        getattr(panel, name)[row:, column] *= np.exp(size if up else -size)
    for name in BAR_FIELDS:
        getattr(panel, name)[row - hole : row, column] = np.nan
    quality = assess_quality(panel, panel.end, 3)
    assert quality.symbols["state"][column] not in SCORED
    assert quality.symbols["hours_out"][column] >= ago + hole


@given(BACK, COLUMN, st.integers(1, 3), st.integers(1, 72))
@examples(15)
def test_coarse_prices(back, column, digits, hours):
    panel = cut(back)
    rows = slice(len(panel.close) - hours, None)
    for name in PRICES:
        values = getattr(panel, name)[rows, column]
        unit = 10.0 ** (np.floor(np.log10(values)) + 1 - digits)
        getattr(panel, name)[rows, column] = np.round(values / unit) * unit
    if digits < 3 and hours >= 24:
        assert assess_quality(panel, panel.end, 3).symbols["state"][column] not in SCORED
    elif digits == 1:
        judge(panel, column, hours)


@given(BACK, COLUMN, st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
@examples(15)
def test_many_hours_missing_at_random(back, column, share, seed):
    panel = cut(back)
    gone = np.random.default_rng(seed).random(24 * 40) < share + 0.05
    rows = len(panel.close) - 24 * 40 + np.flatnonzero(gone)
    for name in BAR_FIELDS:
        getattr(panel, name)[rows, column] = np.nan
    assert assess_quality(panel, panel.end, 3).symbols["state"][column] not in SCORED


@given(BACK, COLUMN, st.integers(1, 400), st.integers(0, 100))
@examples(25)
def test_a_hole(back, column, hours, until):
    panel = cut(back)
    begin, end = len(panel.close) - hours - until, len(panel.close) - until
    missing = slice(begin, end)
    week = np.abs(np.diff(np.log(panel.close[begin - 170 : end + 170, column])))
    inside = np.abs(np.diff(np.log(panel.close[begin - 1 : end, column])))
    for name in BAR_FIELDS:
        getattr(panel, name)[missing, column] = np.nan
    if until == 0 or inside.max() < np.sort(week)[-10:].min():
        judge(panel, column, hours if until == 0 else 0)
