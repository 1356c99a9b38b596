"""The embedded market is deterministic, sound, and has the features that real ones have."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import BookSimulation, MarketConfig, MarketSimulation
from levercap.core.errors import ConfigError
from levercap.market import load_market, market_from_tables, write_market
from levercap.simulation import simulate_book, simulate_market
from levercap.simulation.prices import _extremes
from support.properties import examples

NAMES = {"bars", "funding", "open_interest", "implied_vol", "leverage_tiers"}


@pytest.fixture(scope="module")
def tables():
    return simulate_market(MarketSimulation())


@pytest.fixture(scope="module")
def market(tables):
    return market_from_tables(tables, MarketConfig())


@pytest.fixture(scope="module")
def book(tables):
    return simulate_book(BookSimulation(accounts=50_000), tables["bars"])


def equal(left, right):
    return all(left[name].equals(right[name]) for name in NAMES)


@examples(6)
@given(st.integers(0, 2**31), st.integers(1, 7), st.integers(30, 90))
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_market(seed, symbols, days):
    first, again, other = (
        simulate_market(MarketSimulation(symbols=symbols, days=days, seed=s)) for s in (seed, seed, seed + 1)
    )
    assert set(first) == NAMES
    assert equal(first, again)
    assert not first["bars"].equals(other["bars"])
    market_from_tables(first, MarketConfig())


def test_files_are_the_same_byte_for_byte_and_load_back(tmp_path):
    config = MarketSimulation(symbols=5, days=60)
    for name in ("a", "b"):
        write_market(simulate_market(config), tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    loaded = load_market(tmp_path / "a", MarketConfig())
    memory = market_from_tables(simulate_market(config), MarketConfig())
    assert loaded.panel.data_hash() == memory.panel.data_hash()


def test_default_market_is_valid_and_has_the_defects_it_promises(market):
    panel = market.panel
    assert (len(panel.symbols), len(panel.timestamps)) == (12, 24 * 1096)
    assert {f.code for f in market.findings} == {"holes", "stale_symbols"}
    present = ~np.isnan(panel.close)
    hours = len(panel.timestamps)
    last = {s: int(np.flatnonzero(present[:, j])[-1]) for j, s in enumerate(panel.symbols)}
    first = {s: int(np.flatnonzero(present[:, j])[0]) for j, s in enumerate(panel.symbols)}
    assert [s for s in panel.symbols if last[s] < hours - 1] == ["SIM11USDT"]
    dead = panel.close[: last["SIM11USDT"] + 1, panel.symbols.index("SIM11USDT")]
    assert np.nanmax(dead) / dead[-1] > 1e5
    assert [s for s in panel.symbols if first[s] > 0.4 * hours] == ["SIM10USDT"]
    assert (~present[:, panel.symbols.index("SIM09USDT")]).sum() > 1000
    outage = np.flatnonzero(~present[:, [j for j, s in enumerate(panel.symbols) if last[s] == hours - 1]].any(axis=1))
    assert len(outage) >= 33


def test_bars_are_honest(market):
    panel = market.panel
    present = ~np.isnan(panel.close)
    for array in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        assert np.isfinite(array[present]).all()
        assert (array[present] > 0).all()
    span = np.log(panel.high / panel.low)
    moves = np.log(panel.close / panel.open)
    alive = np.arange(12) != 10  # the collapse moves by drift, where ranges say less
    parkinson = np.nanmean(span**2, axis=0) / (4 * np.log(2))
    assert parkinson[alive] == pytest.approx(np.nanmean(moves**2, axis=0)[alive], rel=0.1)


def test_extremes_have_the_law_of_the_brownian_bridge():
    rng = np.random.default_rng(5)
    shape, s, a, b = (200_000, 1), 0.02, 0.01, -0.005
    volatility, jump = np.full(shape, s), np.zeros(shape)
    low, high = _extremes(rng, np.full(shape, a), np.full(shape, b), volatility, jump)
    assert (high >= max(a, b)).all()
    assert (low <= min(a, b)).all()
    for m in (0.02, 0.03, 0.05):  # P(max > m) = exp(-2 (m - a)(m - b) / s^2), by reflection
        expected = np.exp(-2 * (m - a) * (m - b) / s**2)
        assert (high > m).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / shape[0]))
        mirrored = a + b - m
        assert (low < mirrored).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / shape[0]))


def daily(panel, column):
    hourly = np.diff(np.log(panel.close[:, column]), prepend=np.nan)
    return np.nansum(hourly.reshape(-1, 24) ** 2, axis=1)


def test_returns_cluster_have_heavy_tails_and_move_together(market):
    panel = market.panel
    returns = np.diff(np.log(panel.close), axis=0)
    assert (pd.DataFrame(returns).kurt() > 6).all()
    volatility = pd.Series(np.log(np.sqrt(daily(panel, 0) + 1e-7)))
    assert volatility.autocorr(1) > 0.5
    assert volatility.autocorr(7) > 0.3
    assert volatility.autocorr(30) > 0.1
    correlation = pd.DataFrame(returns[:, [0, 1, 2, 3, 4]]).corr().to_numpy()
    assert correlation.min() > 0.3
    crash = np.nansum(returns < -0.03, axis=1)
    assert (crash >= 8).sum() >= 5  # hours in which most symbols fall at once


def test_a_fall_raises_volatility_more_than_a_rise(market):
    returns = np.diff(np.log(market.panel.close[:, 0]))
    scale = np.nanstd(returns)
    later = pd.Series(np.abs(returns)).rolling(6).mean().shift(-6).to_numpy()
    assert np.nanmean(later[returns < -scale]) > 1.02 * np.nanmean(later[returns > scale])


def test_volume_and_open_interest_tell_about_volatility(market):
    panel = market.panel
    volatility = np.log(np.sqrt(daily(panel, 0) + 1e-7))
    volume = np.log(np.nansum((panel.volume * panel.close)[:, 0].reshape(-1, 24), axis=1) + 1.0)
    assert np.corrcoef(volatility, volume)[0, 1] > 0.4
    assert np.isnan(panel.open_interest[:, -1]).all()  # small symbols have none
    assert np.nanstd(np.log(panel.open_interest[:, 0])) > 0.1
    assert (~np.isnan(panel.funding_rate[:, 0])).sum() == pytest.approx(len(panel.timestamps) / 8, rel=0.01)
    assert np.nanquantile(panel.implied_vol[:, 0], [0.05, 0.95]) == pytest.approx([0.25, 1.2], rel=0.4)


def test_several_time_scales_forecast_volatility_better_than_one_ewma(market):
    """Three horizons and implied volatility, fitted on the first half, beat RiskMetrics on the second."""
    variance = pd.Series(daily(market.panel, 0) + 1e-7)
    target = np.log(variance.shift(-1))
    implied = pd.Series(np.log(np.nan_to_num(market.panel.implied_vol[23::24, 0], nan=0.5)))
    scales = [np.log(variance.rolling(days, min_periods=1).mean()) for days in (1, 7, 30)]
    features = np.column_stack([np.ones(len(variance)), *scales, implied])
    ewma = np.log(variance.ewm(alpha=0.06).mean())
    fit, test = slice(30, 550), slice(550, len(variance) - 1)
    weights = np.linalg.lstsq(features[fit], target[fit], rcond=None)[0]
    bias = (target - ewma)[fit].mean()
    error = ((features @ weights - target)[test] ** 2).mean()
    assert error < 0.9 * ((ewma + bias - target)[test] ** 2).mean()


def test_nothing_optional_is_stamped_before_it_is_known(tables):
    bars = tables["bars"].set_index(["symbol", "timestamp"]).index
    hour = pd.Timedelta(hours=1)
    for name in ("funding", "open_interest", "implied_vol"):
        frame = tables[name]
        known = pd.MultiIndex.from_arrays([frame["symbol"], frame["timestamp"] - hour])
        assert known.isin(bars).all()


def test_tiers_are_monthly_and_only_of_listed_symbols(tables, market):
    snapshots = market.tiers["as_of"].drop_duplicates()
    assert len(snapshots) == 36
    late = market.tiers[market.tiers["symbol"] == "SIM10USDT"]["as_of"].min()
    assert late > tables["bars"].query("symbol == 'SIM10USDT'")["timestamp"].min()
    dead = market.tiers[market.tiers["symbol"] == "SIM11USDT"]["as_of"].max()
    assert dead < tables["bars"].query("symbol == 'SIM11USDT'")["timestamp"].max()


@pytest.mark.parametrize("wrong", [MarketSimulation(days=29), MarketSimulation(symbols=0)])
def test_a_market_too_small_is_a_configuration_error(wrong):
    with pytest.raises(ConfigError, match="simulated_market"):
        simulate_market(wrong)


@pytest.mark.slow
def test_book_has_the_quantiles_of_real_ones(book):
    accounts, positions = book
    for level, value, tolerance in ((0.5, 1e3, 0.05), (0.9, 4e4, 0.08), (0.99, 1.6e6, 0.2)):
        assert accounts["equity"].quantile(level) == pytest.approx(value, rel=tolerance)
    gross = positions["notional"].abs().groupby(positions["account_id"]).sum()
    leverage = gross / accounts.set_index("account_id")["equity"].reindex(gross.index)
    assert leverage.median() == pytest.approx(2.0, rel=0.05)
    assert leverage.quantile(0.99) > 15
    assert leverage.max() <= 100.01
    held = positions.groupby("account_id").size()
    assert (held.min(), held.max()) == (1, 8)
    assert 0.02 < 1 - len(held) / len(accounts) < 0.04
    assert 0.55 < (positions["notional"] > 0).mean() < 0.65
    mixed = positions.groupby("account_id")["notional"].agg(lambda x: (x > 0).any() and (x < 0).any())
    assert mixed.mean() > 0.3


def test_book_is_wide_and_clean(book, tables):
    accounts, positions = book
    assert not accounts["account_id"].duplicated().any()
    assert not positions.duplicated(["account_id", "symbol"]).any()
    assert set(accounts["segment"]) == {"retail", "professional", "institutional"}
    assert {"EU", "UK"} < set(accounts["jurisdiction"])
    equity = accounts.groupby("segment")["equity"].median()
    assert equity["retail"] < equity["professional"] < equity["institutional"]
    popular = positions["symbol"].value_counts()
    assert popular.index[0] == "SIM01USDT"
    assert set(popular.index) == set(tables["bars"]["symbol"]) - {"SIM11USDT"}  # the dead one is gone


def test_book_is_the_same_for_the_same_seed(tables):
    first, again, other = (simulate_book(BookSimulation(300, seed=s), tables["bars"]) for s in (1, 1, 2))
    for left, right in zip(first, again, strict=True):
        assert left.equals(right)
    assert not first[1].equals(other[1])


def test_book_on_a_market_of_one_symbol(tables):
    only = tables["bars"][tables["bars"]["symbol"] == "SIM02USDT"]
    _, positions = simulate_book(BookSimulation(50), only)
    assert set(positions["symbol"]) == {"SIM02USDT"}
    assert positions["account_id"].is_unique


def test_book_without_accounts_is_a_configuration_error(tables):
    with pytest.raises(ConfigError, match="accounts"):
        simulate_book(BookSimulation(0), tables["bars"])
