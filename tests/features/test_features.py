"""Features: their definitions, invariances and that they are numbers or missing, never infinite."""

import dataclasses
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.panel import BAR_FIELDS, OPTIONAL_FIELDS, Panel
from levercap.features import feature_table, stressed_volatility, turnover
from levercap.features.cross_section import mean_of_others, row_mean
from levercap.features.returns import ingredients
from levercap.features.volatility import b1_volatility
from levercap.forecast.scale import feature_columns
from support.panels import window
from support.properties import examples

HOUR = pd.Timedelta(hours=1)
TURNOVER = ["turnover_24h", "turnover_7d", "turnover_trend", "illiquidity_7d"]
"""Features of the logarithm of turnover plus one: invariant where turnover is large."""


@pytest.fixture(scope="module")
def panel(fitted):
    """120 days of the simulated market, one symbol listed on the way."""
    return window(fitted.market.panel, 180, 120)


def some_origins(panel, every=37):
    return panel.origins(panel.start + 30 * 24 * HOUR, panel.end + HOUR, every)


def test_b1_is_the_geometric_mean_of_four_averages_at_any_hour(fitted):
    panel = fitted.market.panel
    origins = pd.DatetimeIndex([panel.start + h * HOUR for h in (24 * 300, 24 * 300 + 5, 24 * 411 + 17)])
    table = feature_table(panel, origins)
    close = pd.DataFrame(panel.close).ffill(limit=3).to_numpy()
    assert len(table) >= 15
    for row in table.itertuples():
        j = panel.symbols.index(row.symbol)
        last = int((row.as_of - panel.start) / HOUR) - 1
        moves = [abs(math.log(close[i, j] / close[i - 24, j])) for i in range(last, 23, -24)]
        moves = [m for m in moves if not math.isnan(m)]
        means = []
        for decay in (0.9, 0.97, 0.99, 0.998):
            weights = [decay**k for k in range(len(moves))]
            means.append(sum(w * m for w, m in zip(weights, moves, strict=True)) / sum(weights))
        expected = math.prod(means) ** 0.25 * math.sqrt(math.pi / 2)
        found = math.exp(row.b1_volatility + row.slow_level)
        assert found == pytest.approx(expected, rel=1e-10), (row.as_of, row.symbol)


def test_b1_recovers_the_standard_deviation_of_normal_returns():
    daily = np.random.default_rng(0).normal(0, 0.04, (24 * 3000, 2))
    assert b1_volatility(daily)[-24:].mean() == pytest.approx(0.04, rel=0.05)


def test_realised_volatility_of_a_known_walk(panel):
    """A random walk with hourly deviation s has every volatility feature near the log of s times root 24."""
    rng = np.random.default_rng(2)
    n, m = panel.close.shape
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (n, m)), axis=0))
    walk = dataclasses.replace(panel, open=close, high=close, low=close, close=close, volume=np.full((n, m), 1e6))
    table = feature_table(walk, some_origins(walk))
    expected = math.log(0.01 * math.sqrt(24))
    assert table["slow_level"].mean() == pytest.approx(expected, abs=0.03)
    for name in (
        "realised_volatility_30d",
        "smoothed_volatility_30d",
        "smoothed_volatility_120d",
        "market_volatility_30d",
    ):
        assert table[name].mean() == pytest.approx(0.0, abs=0.05)
    assert table["downside_share_7d"].mean() == pytest.approx(0.5, abs=0.05)
    assert table["common_share_7d"].mean() == pytest.approx(1 / m, abs=0.05)


def test_every_feature_is_a_number_or_missing(fitted):
    values = fitted.data.features[feature_columns(fitted.data.features)]
    assert not np.isinf(values.to_numpy(float)).any()
    assert values.notna().mean().min() > 0.3
    constant = values.columns[values.std() == 0]
    assert list(constant) == ["hour"]  # the dataset holds midnights only


@examples(12)
@given(
    seed=st.integers(0, 9999),
    missing=st.sampled_from([0.0, 0.05, 0.4]),
    price=st.sampled_from([1e-9, 1.0, 1e6]),
    jump=st.sampled_from([1.0, 1e3, 1e-3]),
    flat=st.booleans(),
    idle=st.booleans(),
)
def test_no_feature_is_ever_infinite(seed, missing, price, jump, flat, idle):
    """Holes, dead symbols, flat prices, no volume, redenominations."""
    rng = np.random.default_rng(seed)
    shape = (24 * 60, 3)
    close = price * np.exp(np.cumsum(rng.standard_t(3, shape) * 0.01, axis=0))
    close[700:] *= jump
    if flat:
        close[900:, 1] = close[900, 1]
    fields = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close}
    fields["volume"] = rng.exponential(1e3, shape) * (0.0 if idle else 1.0)
    gone = rng.random(shape) < missing
    gone[:800, 2] = True
    fields = {name: np.where(gone, np.nan, v) for name, v in fields.items()}
    stamps = pd.date_range("2024-01-01", periods=shape[0], freq="h", tz="UTC", unit="us")
    wild = Panel(stamps, ("AAA", "BTC", "CCC"), **fields, implied_vol=np.where(gone, np.nan, 0.5))
    origins = wild.origins(wild.start, wild.end, 31)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = feature_table(wild, origins)
    assert len(table) > 0
    assert not np.isinf(table[feature_columns(table)].to_numpy(float)).any()
    assert table["slow_level"].notna().all()


def test_common_share_is_unknown_where_the_variance_is_of_other_symbols():
    """For half a week a constant coin has a variance, none at all, and the coin that moves has none yet."""
    rng = np.random.default_rng(12)
    close = np.full((24 * 40, 2), 5.0)
    close[:, 1] = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, len(close))))
    close[:100, 1] = np.nan
    stamps = pd.date_range("2024-01-01", periods=len(close), freq="h", tz="UTC", unit="us")
    panel = Panel(stamps, ("AAA", "BBB"), close, close, close, close, np.full_like(close, 1e3))
    share = feature_table(panel, panel.origins(panel.start + 590 * HOUR, panel.end, 1)).set_index("as_of")
    share = share.loc[share["symbol"] == "AAA", "common_share_7d"]
    young = share.index < panel.start + 664 * HOUR
    assert young.sum() > 50
    assert share[young].isna().all()
    assert share[~young].between(0.2, 1.0).all()


def test_the_currency_does_not_matter(panel):
    """Prices times a constant per symbol give the same features."""
    factor = np.geomspace(0.2, 500.0, len(panel.symbols))
    scaled = {name: getattr(panel, name) * factor for name in ("open", "high", "low", "close")}
    origins = some_origins(panel)
    mine, other = (feature_table(p, origins) for p in (panel, dataclasses.replace(panel, **scaled)))
    pd.testing.assert_frame_equal(mine[["as_of", "symbol"]], other[["as_of", "symbol"]])
    names = feature_columns(mine)
    exact = [n for n in names if n not in TURNOVER]
    np.testing.assert_allclose(mine[exact], other[exact], rtol=1e-6, atol=1e-8)
    assert (ingredients(panel).turnover[-1] > 1e3).all()
    np.testing.assert_allclose(mine[TURNOVER], other[TURNOVER], atol=0.02)


def test_volumes_in_other_units_change_only_turnover(panel):
    origins = some_origins(panel)
    table, other = (feature_table(p, origins) for p in (panel, dataclasses.replace(panel, volume=panel.volume * 7.0)))
    names = [n for n in table.columns if n not in TURNOVER]
    pd.testing.assert_frame_equal(table[names], other[names], check_exact=True)
    np.testing.assert_allclose(
        turnover(panel, origins) * 7.0, turnover(dataclasses.replace(panel, volume=panel.volume * 7), origins)
    )


def test_other_names_permute_the_rows(panel):
    """The same market under names that sort the other way has the same features, leader and all."""
    m = len(panel.symbols)
    names = ("BTC", *[f"N{i}" for i in range(1, m)])
    back = ("BTC", *[f"N{m - i}" for i in range(1, m)])
    order = np.argsort(back)
    renamed = dataclasses.replace(panel, symbols=names)
    cut = {n: None if (v := getattr(panel, n)) is None else v[:, order] for n in (*BAR_FIELDS, *OPTIONAL_FIELDS)}
    permuted = dataclasses.replace(panel, symbols=tuple(back[i] for i in order), **cut)
    origins = some_origins(panel)
    mine = feature_table(renamed, origins)
    other = feature_table(permuted, origins)
    other["symbol"] = other["symbol"].map(dict(zip(back, names, strict=True)))
    other = other.sort_values(["as_of", "symbol"], ignore_index=True)
    pd.testing.assert_frame_equal(mine, other, rtol=1e-9, atol=1e-12)


def test_only_symbols_with_a_fresh_price_and_twenty_days_have_a_row(panel):
    last = panel.start + 60 * 24 * HOUR
    n = panel.rows_known(last)
    close = panel.close.copy()
    close[n - 4 : n, 0] = np.nan
    close[n - 3 : n, 1] = np.nan
    close[: n - 470, 2] = np.nan
    close[: n - 490, 3] = np.nan
    table = feature_table(dataclasses.replace(panel, close=close), pd.DatetimeIndex([last]))
    have = set(table["symbol"])
    assert panel.symbols[0] not in have
    assert panel.symbols[1] in have
    assert panel.symbols[2] not in have
    assert panel.symbols[3] in have


def test_an_instant_long_after_the_last_bar_has_no_row(panel):
    for late, rows in ((0, True), (3, True), (4, False), (24 * 30, False)):
        table = feature_table(panel, pd.DatetimeIndex([panel.end + late * HOUR]))
        assert (len(table) > 0) == rows, late


def test_an_instant_before_the_market_is_refused(panel):
    with pytest.raises(ValueError, match="starts at"):
        feature_table(panel, pd.DatetimeIndex([panel.start]))


def test_mean_of_others_leaves_the_own_value_out():
    values = np.array([[1.0, 2.0, 6.0], [np.nan, 3.0, 5.0], [np.nan, np.nan, 4.0], [np.nan] * 3])
    expected = np.array([[4.0, 3.5, 1.5], [4.0, 5.0, 3.0], [4.0, 4.0, 4.0], [np.nan] * 3])
    np.testing.assert_array_equal(mean_of_others(values), expected)
    np.testing.assert_array_equal(row_mean(values), [3.0, 4.0, 4.0, np.nan])


def test_the_calendar_is_that_of_the_instant(panel):
    origins = pd.DatetimeIndex([pd.Timestamp("2022-08-17 13:00", tz="UTC")])
    row = feature_table(panel, origins).iloc[0]
    assert row["hour"] == 13
    week = 2 * math.pi * (2 * 24 + 13) / 168
    assert (row["week_sine_1"], row["week_cosine_1"]) == (pytest.approx(math.sin(week)), pytest.approx(math.cos(week)))


@examples(15)
@given(low=st.floats(0.01, 0.98), step=st.floats(0.001, 0.5))
def test_stressed_volatility_rises_with_the_quantile(fitted, low, step):
    panel = fitted.market.panel
    origins = pd.DatetimeIndex([panel.start + h * HOUR for h in (24 * 200 + 3, 24 * 450 + 11, 24 * 499)])
    lower, higher = (stressed_volatility(panel, origins, q) for q in (low, min(low + step, 0.99)))
    assert ((higher >= lower - 1e-15) | np.isnan(lower)).all()
    assert (np.isnan(lower) == np.isnan(higher)).all()


def test_stressed_volatility_is_the_quantile_of_the_own_past(fitted):
    panel = fitted.market.panel
    instant = panel.start + (24 * 480 + 7) * HOUR
    found = stressed_volatility(panel, pd.DatetimeIndex([instant]), 0.9)[0]
    b1 = b1_volatility(ingredients(panel).daily)
    past = b1[[h for h in range(panel.rows_known(instant)) if (panel.rows_known(instant) - 1 - h) % 24 == 0]]
    old = (~np.isnan(past)).sum(axis=0) >= 365
    own = np.array([np.nanquantile(past[:, j], 0.9) for j in range(len(panel.symbols))])
    assert old.any()
    assert (~old).any()
    np.testing.assert_allclose(found[old], own[old])
    ratio = np.median(own[old] / past[-1, old])
    np.testing.assert_allclose(found[~old], np.maximum(own, ratio * past[-1])[~old])


def test_turnover_is_the_mean_traded_value_of_thirty_days(panel):
    last = panel.start + 70 * 24 * HOUR + 5 * HOUR
    n = panel.rows_known(last)
    value = (panel.volume * panel.close)[n - 720 : n]
    expected = 24.0 * np.nanmean(value, axis=0)
    np.testing.assert_allclose(turnover(panel, pd.DatetimeIndex([last]))[0], expected)
