"""The extended table: no look-ahead, never infinite, the same in any unit and under any names."""

import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import levercap.features.table as table_module
from levercap.config import MarketConfig
from levercap.core.panel import BAR_FIELDS, OPTIONAL_FIELDS, Panel
from levercap.features import feature_table
from levercap.features.catalogue import EXTENSIONS
from levercap.features.table import KEYS
from levercap.market import load_market
from support import look_ahead as futures
from support.panels import window
from support.properties import examples

HOUR = pd.Timedelta(hours=1)
OF_TURNOVER = {"leverage_proxy", "market_leverage_proxy", "illiquidity_24h", "market_illiquidity_24h"}


@pytest.fixture(scope="module")
def panel(fitted) -> Panel:
    return window(fitted.market.panel, 150, 300)


def extended_at(panel: Panel, as_of: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The table of one instant, taken from a table of several."""
    origins = pd.DatetimeIndex([as_of - pd.Timedelta(days=3), as_of - HOUR, as_of])
    return {"extended": feature_table(panel, origins, extended=True)}


@pytest.mark.parametrize("hours", [24 * 270, 24 * 271 + 1, 24 * 265 + 13])
def test_the_extended_table_sees_nothing_later(panel, hours):
    as_of = panel.start + hours * HOUR
    known = extended_at(panel, as_of)["extended"]
    assert known.notna().any().all(), "a feature that is never known proves nothing"
    futures.assert_no_look_ahead(extended_at, panel, as_of)


def test_every_hour_of_the_day_is_an_instant_like_any_other(panel):
    """Rows of a table of every hour are those of tables of single hours."""
    origins = panel.origins(panel.start + 24 * 270 * HOUR, panel.start + 24 * 271 * HOUR, 1)
    whole = feature_table(panel, origins, extended=True)
    assert whole["as_of"].dt.hour.nunique() == 24
    for as_of in origins[[0, 7, 23]]:
        alone = feature_table(panel.until(as_of), pd.DatetimeIndex([as_of]), extended=True)
        expected = whole[whole["as_of"] == as_of].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda e: e.make.__name__)
def test_a_look_ahead_of_one_hour_in_any_extension_is_caught(fitted, extension, monkeypatch):
    """Each extension fed with the market of an hour later fails the test that the honest ones pass."""
    short = window(fitted.market.panel, 300, 100)

    def leaking(panel, x, slow):
        for name, values in extension.make(panel, x, slow):
            yield name, np.append(values[1:], values[-1:], axis=0)

    monkeypatch.setattr(table_module, "EXTENSIONS", [dataclasses.replace(extension, make=leaking)])
    with pytest.raises(AssertionError):
        futures.assert_no_look_ahead(extended_at, short, short.start + (24 * 90 - 1) * HOUR)


@examples(10)
@given(
    seed=st.integers(0, 9999),
    missing=st.sampled_from([0.0, 0.05, 0.4]),
    price=st.sampled_from([1e-9, 1.0, 1e6]),
    jump=st.sampled_from([1.0, 1e3, 1e-3]),
    flat=st.booleans(),
    idle=st.booleans(),
    constant=st.booleans(),
)
@example(seed=4214, missing=0.4, price=1e-9, jump=1.0, flat=True, idle=False, constant=True)
def test_no_feature_is_ever_infinite(seed, missing, price, jump, flat, idle, constant):
    """Holes, dead symbols, flat prices, no volume, redenominations, open interest and implied volatility of zero."""
    rng = np.random.default_rng(seed)
    shape = (24 * 80, 4)
    close = price * np.exp(np.cumsum(rng.standard_t(3, shape) * 0.01, axis=0))
    close[700:] *= jump
    if flat:
        close[900:, 1] = close[900, 1]
        close[:, 3] = price
    fields = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close}
    fields["volume"] = rng.exponential(1e3, shape) * (0.0 if idle else 1.0)
    fields["funding_rate"] = np.full(shape, 1e-4) if constant else rng.standard_t(2, shape) * 1e-3
    fields["open_interest"] = rng.exponential(1e6, shape) * (rng.random(shape) > 0.1)
    fields["implied_vol"] = np.where(rng.random(shape) < 0.1, 0.0, 0.5)
    gone = rng.random(shape) < missing
    gone[:800, 2] = True
    fields = {name: np.where(gone, np.nan, v) for name, v in fields.items()}
    stamps = pd.date_range("2024-01-01", periods=shape[0], freq="h", tz="UTC", unit="us")
    wild = Panel(stamps, ("AAA", "BTC", "CCC", "DDD"), **fields)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = feature_table(wild, wild.origins(wild.start, wild.end, 31), extended=True)
    assert len(table) > 0
    values = table.drop(columns=list(KEYS)).to_numpy(float)
    assert not np.isinf(values).any()
    smallest_slow_volatility = 0.02  # of hourly steps of 1 % and more; nothing but the jump itself can be larger
    assert np.nanmax(np.abs(values)) < np.log(1e3) / smallest_slow_volatility


def test_the_currency_does_not_matter(panel):
    """Prices times a constant per symbol give the same features."""
    factor = np.geomspace(0.2, 500.0, len(panel.symbols))
    scaled = {name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    origins = panel.origins(panel.start + 24 * 250 * HOUR, panel.end, 331)
    mine, other = (feature_table(p, origins, True) for p in (panel, dataclasses.replace(panel, **scaled)))
    for extension in EXTENSIONS:
        for d in extension.descriptions:
            tolerance = 0.02 if d.name in OF_TURNOVER else 1e-6
            np.testing.assert_allclose(mine[d.name], other[d.name], rtol=1e-6, atol=tolerance, err_msg=d.name)


def test_other_names_permute_the_rows(panel):
    m = len(panel.symbols)
    names = [f"N{i}" for i in range(m)]
    back = [f"N{m - 1 - i}" for i in range(m)]
    order = np.argsort(back)
    renamed = dataclasses.replace(panel, symbols=tuple(names))
    cut = {n: getattr(panel, n)[:, order] for n in (*BAR_FIELDS, *OPTIONAL_FIELDS)}
    permuted = dataclasses.replace(panel, symbols=tuple(back[i] for i in order), **cut)
    origins = panel.origins(panel.start + 24 * 250 * HOUR, panel.end, 331)
    mine, other = (feature_table(p, origins, extended=True) for p in (renamed, permuted))
    other["symbol"] = other["symbol"].map(dict(zip(back, names, strict=True)))
    other = other.sort_values(["as_of", "symbol"], ignore_index=True)
    pd.testing.assert_frame_equal(mine, other, rtol=1e-8, atol=1e-9)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif("LEVERCAP_MARKET" not in os.environ, reason="LEVERCAP_MARKET does not name a market folder")
@pytest.mark.parametrize("venue", ["spot", "perp"])
def test_the_extended_table_of_the_real_market_sees_nothing_later(venue):
    """Four symbols, 500 days; no feature is infinite, and none mostly missing."""
    whole = load_market(Path(os.environ["LEVERCAP_MARKET"]) / venue, MarketConfig()).panel
    panel = window(whole, len(whole.timestamps) // 24 - 900, 500).select(["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"])
    futures.assert_no_look_ahead(extended_at, panel, panel.start + (24 * 450 + 5) * HOUR)
    table = feature_table(panel, panel.origins(panel.start + 24 * 300 * HOUR, panel.end, 77), extended=True)
    values = table.drop(columns=list(KEYS))
    assert not np.isinf(values.to_numpy(float)).any()
    assert values.notna().mean().min() > 0.2
