"""What then happened, against a slow twin that reads bar by bar."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.horizon import Horizon
from levercap.core.outcomes import realised_outcomes
from levercap.core.panel import Panel
from support.properties import examples

HOUR = pd.Timedelta(hours=1)
COLUMNS = ["realised_volatility", "long", "short", "path_long", "path_short"]


def make_panel(hours=160, symbols=("AAA", "BBB"), seed=0, missing=0.0) -> Panel:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (hours, len(symbols))), axis=0))
    fields = {
        "open": close,
        "high": close * np.exp(rng.exponential(0.01, close.shape)),
        "low": close * np.exp(-rng.exponential(0.01, close.shape)),
        "close": close,
        "volume": np.ones_like(close),
    }
    gone = rng.random(close.shape) < missing
    fields = {name: np.where(gone, np.nan, values) for name, values in fields.items()}
    return Panel(pd.date_range("2024-01-01", periods=hours, freq="h", tz="UTC", unit="us"), symbols, **fields)


def without(panel: Panel, rows, symbol=0) -> Panel:
    changed = {}
    for name in ("open", "high", "low", "close", "volume"):
        changed[name] = getattr(panel, name).copy()
        changed[name][rows, symbol] = np.nan
    return dataclasses.replace(panel, **changed)


def carried_price(close, row):
    """Last close at or before `row`, at most three hours old; None when there is none."""
    for back in range(4):
        if row - back >= 0 and not math.isnan(close[row - back]):
            return close[row - back]
    return None


def slow_realise(panel: Panel, origins, horizon) -> dict:
    """{(as_of, symbol): five numbers}, bar by bar."""
    out = {}
    first = panel.timestamps[0]
    for t in origins:
        last = int((t - first) / HOUR) - 1  # the bar that closes at t
        for j, symbol in enumerate(panel.symbols):
            close = panel.close[:, j]
            start = carried_price(close, last)
            if start is None:
                continue
            window = range(last + 1, last + 1 + horizon)
            unknown = [math.nan] * 5
            out[t, symbol] = unknown
            if window[-1] >= len(close) or sum(math.isnan(close[i]) for i in window) > 2:
                continue
            end = carried_price(close, window[-1])
            if end is None:
                continue
            squares = []
            for i in window:
                now, before = carried_price(close, i), carried_price(close, i - 1)
                if now is not None and before is not None:
                    squares.append(math.log(now / before) ** 2)
            lows = [panel.low[i, j] for i in window if not math.isnan(panel.low[i, j])]
            highs = [panel.high[i, j] for i in window if not math.isnan(panel.high[i, j])]
            out[t, symbol] = [
                math.sqrt(24.0 * sum(squares) / len(squares)),
                1 - end / start,
                end / start - 1,
                max(0.0, 1 - min(lows) / start),
                max(0.0, max(highs) / start - 1),
            ]
    return out


@examples(30)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.02, 0.1, 0.3]),
    horizon=st.sampled_from([5, 24, 48]),
    every=st.sampled_from([7, 24]),
)
def test_it_equals_the_slow_twin(seed, missing, horizon, every):
    panel = make_panel(seed=seed, missing=missing)
    origins = panel.origins(panel.start, panel.end + HOUR, every)
    found = realised_outcomes(panel, origins, Horizon(horizon)).set_index(["as_of", "symbol"])
    expected = slow_realise(panel, origins, horizon)
    assert set(found.index) == set(expected)
    for key, numbers in expected.items():
        np.testing.assert_allclose(found.loc[key, COLUMNS].to_numpy(float), numbers, rtol=1e-12, atol=1e-14)


def at(panel, hour, horizon=24):
    """Outcome of the first symbol at an origin `hour` hours after the start, None when it has no row."""
    table = realised_outcomes(panel, pd.DatetimeIndex([panel.start + hour * HOUR]), Horizon(horizon))
    rows = table[table["symbol"] == "AAA"]
    return rows.iloc[0] if len(rows) else None


def test_two_missing_bars_are_forgiven_and_three_are_not():
    panel = make_panel()
    assert at(without(panel, [50, 60]), 48)[COLUMNS].notna().all()
    assert at(without(panel, [50, 55, 60]), 48)[COLUMNS].isna().all()
    assert at(without(panel, [47]), 48)[COLUMNS].notna().all()


def test_a_symbol_without_a_price_has_no_row():
    panel = make_panel()
    assert at(without(panel, [45, 46, 47]), 48) is not None
    assert at(without(panel, [44, 45, 46, 47]), 48) is None


def test_a_horizon_past_the_end_is_not_known():
    panel = make_panel(hours=100)
    assert at(panel, 76)[COLUMNS].notna().all()
    assert at(panel, 77)[COLUMNS].isna().all()
    assert at(panel, 100)[COLUMNS].isna().all()
    assert at(panel, 72 + 24, 4)[COLUMNS].notna().all()


def test_an_origin_before_the_market_has_no_row():
    panel = make_panel()
    assert len(realised_outcomes(panel, pd.DatetimeIndex([panel.start, panel.start - 30 * HOUR]))) == 0


def test_a_constant_hourly_move_has_the_volatility_it_should():
    panel = make_panel()
    close = np.exp(0.01 * np.arange(160))[:, None] * np.ones(2)
    steady = dataclasses.replace(panel, open=close, high=close, low=close, close=close)
    row = at(steady, 48)
    assert row["realised_volatility"] == pytest.approx(0.01 * math.sqrt(24))
    assert row["short"] == pytest.approx(math.exp(0.24) - 1)
    assert (row["path_long"], row["long"]) == (0.0, pytest.approx(1 - math.exp(0.24)))
    assert at(steady, 48, 6)["realised_volatility"] == pytest.approx(0.01 * math.sqrt(24))


def test_losses_within_the_horizon_are_never_smaller_than_at_its_end():
    origins = make_panel(400).origins(make_panel().start, make_panel(400).end, 5)
    table = realised_outcomes(make_panel(400, seed=4), origins)
    table = table.dropna()
    assert (table["path_long"] >= table["long"] - 1e-15).all()
    assert (table["path_short"] >= table["short"] - 1e-15).all()


def test_the_price_is_carried_for_three_hours():
    panel = without(make_panel(20), [5, 6, 7, 8])
    price = panel.price()[:, 0]
    assert (price[5:8] == panel.close[4, 0]).all()
    assert np.isnan(price[8])
    assert price[9] == panel.close[9, 0]
