"""Moves, liquidity, co-movement and fragility: known processes, slow twins, and by hand."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from levercap.core.panel import Panel
from levercap.features.comovement import comovement_features
from levercap.features.fragility import calm_hours, fragility_features
from levercap.features.liquidity import corwin_schultz, liquidity_features
from levercap.features.moves import bipower_variation, move_features, rogers_satchell
from levercap.features.returns import ingredients
from levercap.features.volatility import slow_level

NAN = math.nan
HOURS, SYMBOLS = 24 * 140, 5


def made(features, panel: Panel) -> dict[str, np.ndarray]:
    x = ingredients(panel)
    return dict(features(panel, x, slow_level(x)))


def panel_of(returns: np.ndarray, **fields: np.ndarray) -> Panel:
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    bars = {"open": close, "high": close, "low": close, "close": close, "volume": np.full(close.shape, 1e5), **fields}
    stamps = pd.date_range("2024-01-01", periods=len(close), freq="h", tz="UTC", unit="us")
    return Panel(stamps, tuple(f"S{j}" for j in range(close.shape[1])), **bars)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Hourly returns of 1 %, each symbol half the market: correlation 0.5 between any two."""
    rng = np.random.default_rng(4)
    return 0.01 * math.sqrt(0.5) * (rng.normal(size=(HOURS, 1)) + rng.normal(size=(HOURS, SYMBOLS)))


@pytest.fixture(scope="module")
def walk(noise) -> Panel:
    panel = panel_of(noise)
    close = panel.close.copy()
    close[: 24 * 50, 4] = NAN
    close[1000:1010, 1] = NAN
    return dataclasses.replace(panel, close=close)


def test_moves_are_absolute_returns(walk):
    got = made(move_features, walk)
    x = ingredients(walk)
    slow = slow_level(x)
    windows = {"12h": 12, "24h": 24, "2d": 48, "3d": 72, "7d": 168, "14d": 336, "30d": 720}
    for i in (24 * 85, 24 * 139 + 7):
        for label, hours in windows.items():
            moved = (x.price[i] - x.price[i - hours]) / (np.exp(slow[i]) * math.sqrt(hours / 24))
            assert_allclose(got[f"move_{label}"][i], np.abs(moved))
            others = [np.mean([abs(moved[k]) for k in range(SYMBOLS) if k != j]) for j in range(SYMBOLS)]
            assert_allclose(got[f"market_move_{label}"][i], others)
            if label in ("24h", "7d"):
                assert_allclose(got[f"common_move_{label}"][i], abs(moved.mean()))
    assert len([name for name in got if "move_" in name]) == 2 * len(windows) + 2


def test_bipower_variation_leaves_the_jumps_out():
    """Without jumps both estimate the variance; jumps of half the variance raise the realised variance alone."""
    rng = np.random.default_rng(5)
    returns = rng.normal(0, 0.01, (200_000, 1))
    assert bipower_variation(returns)[1:].mean() == pytest.approx(1e-4, rel=0.02)
    jumps = np.where(rng.random(returns.shape) < 0.002, math.sqrt(1e-4 / 0.002), 0.0) * rng.choice(
        [-1, 1], returns.shape
    )
    assert np.mean((returns + jumps) ** 2) == pytest.approx(2e-4, rel=0.1)
    assert bipower_variation(returns + jumps)[1:].mean() == pytest.approx(1e-4, rel=0.15)


def test_jump_share_and_quarticity_of_known_returns(noise):
    """Normal returns: no jumps, and a fourth power three times the squared variance."""
    got = made(move_features, panel_of(noise))
    late = slice(24 * 40, None)
    assert got["jump_share_30d"][late].mean() == pytest.approx(0.0, abs=0.02)
    assert got["quarticity_30d"][late].mean() == pytest.approx(math.log(1 + 3), abs=0.05)
    single = np.full((HOURS, 1), 1e-4) * np.where(np.arange(HOURS)[:, None] % 2, 1, -1)
    single[-100] = 0.1
    got = made(move_features, panel_of(single))
    assert got["jump_share_30d"][-1] > 0.95
    assert got["quarticity_30d"][-1] == pytest.approx(math.log(1 + 720), rel=0.01)


def test_prices_that_never_move_have_no_jump_share():
    got = made(move_features, panel_of(np.zeros((24 * 60, 2))))
    assert np.isnan(got["jump_share_30d"]).all()
    assert np.isnan(got["quarticity_30d"]).all()


def paths(hours: int, drift: float = 0.0, steps: int = 2000) -> tuple[np.ndarray, ...]:
    """Open, high, low, close of hours of a random walk of 1 % an hour."""
    rng = np.random.default_rng(6)
    log_price = np.cumsum(rng.normal(drift / steps, 0.01 / math.sqrt(steps), hours * steps)).reshape(hours, steps)
    start = np.append(0.0, log_price[:-1, -1])
    whole = np.column_stack([start, log_price])
    return tuple(np.exp(v)[:, None] for v in (start, whole.max(axis=1), whole.min(axis=1), log_price[:, -1]))


@pytest.mark.parametrize("drift", [0.0, 0.01])
def test_rogers_satchell_is_the_variance_whatever_the_drift(drift):
    open_, high, low, close = paths(1500, drift)
    panel = panel_of(np.zeros((1500, 1)), open=open_, high=high, low=low, close=close)
    assert rogers_satchell(panel).mean() == pytest.approx(1e-4, rel=0.08)  # discrete steps see a little less


def test_range_excess_is_that_of_ranges_over_closes():
    open_, high, low, close = paths(600)
    panel = panel_of(np.zeros((600, 1)), open=open_, high=high, low=low, close=close)
    got = made(move_features, panel)["range_excess_6h"][:, 0]
    returns = np.diff(np.log(close[:, 0]))
    i = 500
    expected = 0.5 * math.log(rogers_satchell(panel)[i - 5 : i + 1, 0].mean() / np.mean(returns[i - 6 : i] ** 2))
    assert got[i] == pytest.approx(expected)


def test_corwin_schultz_as_published():
    """The two-step formula of the paper, bar by bar."""
    rng = np.random.default_rng(7)
    low = np.exp(rng.normal(0, 0.02, (50, 2)))
    high = low * np.exp(np.abs(rng.normal(0, 0.02, (50, 2))))
    got = corwin_schultz(high, low)
    k = 3 - 2 * math.sqrt(2)
    some = 0
    for i in range(1, 50):
        for j in range(2):
            beta = sum(math.log(high[t, j] / low[t, j]) ** 2 for t in (i - 1, i))
            gamma = math.log(max(high[i - 1 : i + 1, j]) / min(low[i - 1 : i + 1, j])) ** 2
            alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
            spread = 2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha))
            assert got[i, j] == pytest.approx(max(spread, 0.0), abs=1e-12)
            some += spread > 0
    assert some > 10
    assert np.isnan(got[0]).all()


def test_corwin_schultz_sees_the_spread():
    """Sells at the bid lower the low, buys at the ask raise the high: a spread of 2 % shows, more the wider it is."""
    _, high, low, _ = paths(1500)
    found = []
    for spread in (0.0, 0.01, 0.02, 0.04):
        mean = corwin_schultz(high * (1 + spread / 2), low * (1 - spread / 2))[1:].mean()
        found.append(mean)
    assert found == sorted(found)
    assert found[3] == pytest.approx(0.04, rel=0.1)
    assert found[0] < 0.005, "what is left of no spread at all"


def test_spread_is_relative_to_its_own_level(walk):
    """Ten times the range throughout is no news; from now on it is."""
    wide = {}
    for name, factor in (("calm", 1.0), ("wide", 10.0)):
        size = np.full(walk.close.shape, 0.001 * factor)
        if name == "wide":
            size[: -24 * 7] /= factor
        bars = {"high": 1.0 + size, "low": 1.0 - size}
        wide[name] = made(liquidity_features, dataclasses.replace(walk, **bars))
    assert_allclose(wide["calm"]["spread_7d"][-1], 0.0, atol=1e-9)
    assert (wide["wide"]["spread_7d"][-1] > 1.5).all()
    assert_allclose(wide["wide"]["spread_24h"][-1], wide["wide"]["spread_7d"][-1], atol=0.05)


def test_correlation_and_beta_of_a_known_market(noise):
    """Own return = beta x market + noise."""
    betas = np.array([0.5, 1.0, 1.5, 1.0, 1.0])
    rng = np.random.default_rng(8)
    market = rng.normal(0, 0.01, (HOURS, 1))
    got = made(comovement_features, panel_of(market * betas + rng.normal(0, 0.005, (HOURS, SYMBOLS))))
    for j, beta in enumerate(betas):
        others = np.delete(betas, j).mean()
        noise_of_mean = 0.005**2 / (SYMBOLS - 1)
        expected = beta * others * 1e-4 / (others**2 * 1e-4 + noise_of_mean)
        assert got["market_beta_90d"][-1, j] == pytest.approx(expected, rel=0.06)
        strength = beta * others * 1e-4 / math.sqrt((beta**2 * 1e-4 + 0.005**2) * (others**2 * 1e-4 + noise_of_mean))
        assert got["market_correlation_90d"][-1, j] == pytest.approx(math.atanh(strength), abs=0.12)
    assert np.abs(got["market_correlation_shift"][-1]).max() < 0.5


def test_correlation_against_a_slow_twin(walk):
    got = made(comovement_features, walk)
    x = ingredients(walk)
    own = x.hourly / np.exp(slow_level(x))
    i, j = HOURS - 30, 1
    pairs = []
    for k in range(i + 1):
        others = [own[k, m] for m in range(SYMBOLS) if m != j and not math.isnan(own[k, m])]
        if others and not math.isnan(own[k, j]):
            pairs.append((own[k, j], sum(others) / len(others)))
    values = {}
    for half_life in (168, 720, 2160):
        w = np.array([0.5 ** (n / half_life) for n in range(len(pairs))][::-1])
        a, b = np.array(pairs).T
        values[half_life] = math.atanh((w @ (a * b)) / math.sqrt((w @ a**2) * (w @ b**2)))
    assert got["market_correlation_30d"][i, j] == pytest.approx(values[720], rel=1e-6)
    assert got["market_correlation_shift"][i, j] == pytest.approx(values[168] - values[2160], rel=1e-6)


def test_a_lone_symbol_has_no_correlation_with_itself():
    got = made(comovement_features, panel_of(np.random.default_rng(9).normal(0, 0.01, (24 * 40, 1))))
    for name, values in got.items():
        if "breadth" not in name:
            assert np.isnan(values).all(), name


def test_breadth_is_the_share_of_symbols_beyond_two_slow_volatilities(walk):
    got = made(comovement_features, walk)
    x = ingredients(walk)
    scale = 2.0 * np.exp(slow_level(x))
    down = np.full(HOURS, NAN)
    for i in range(HOURS):
        known = [j for j in range(SYMBOLS) if not math.isnan(x.daily[i, j]) and not math.isnan(scale[i, j])]
        if known:
            down[i] = sum(x.daily[i, j] < -scale[i, j] for j in known) / len(known)
            assert got["hit_breadth_24h"][i, 0] == sum(abs(x.daily[i, j]) > scale[i, j] for j in known) / len(known)
            assert got["downside_breadth_24h"][i, 0] == down[i]
    assert np.nanmax(down) > 0
    assert got["downside_breadth_7d"][-1, 0] == pytest.approx(np.mean(down[-168:]))


def test_calm_by_hand():
    hit = np.full((2000, 4), 0.0)
    hit[[900, 1300], 0] = 1.0
    hit[:100, 1] = NAN
    hit[1000:1024, 2] = NAN  # a day: nothing can hide in it
    hit[1000:1025, 3] = NAN
    hit[900, 2:] = 1.0
    got = calm_hours(hit)
    assert np.isnan(got[:720, 0]).all()
    assert_array_equal(got[[720, 899, 900, 950, 1300, 1999], 0], [720, 899, 0, 50, 0, 699])
    assert np.isnan(got[:820, 1]).all()
    assert_array_equal(got[[820, 1999], 1], [720, 1899])
    assert_array_equal(got[[999, 1024, 1999], 2], [99, 124, 1099])
    assert np.isnan(got[1000:1024, 2]).all()
    assert np.isnan(got[1025 : 1025 + 720, 3]).all()
    assert_array_equal(got[[999, 1025 + 720], 3], [99, 720])


def test_fragility_is_leverage_built_up_in_calm(noise):
    """Three months at 1 % an hour, one at 0.2 %, open interest doubled meanwhile and paid for by longs."""
    returns = noise.copy()
    returns[-24 * 30 :] *= 0.2
    ramp = np.concatenate([np.zeros(HOURS - 720), np.linspace(0, math.log(2), 720)])[:, None]
    rate = np.full(returns.shape, NAN)
    rate[::8] = 3e-4
    interest = np.exp(ramp) * np.ones((1, SYMBOLS))
    panel = dataclasses.replace(panel_of(returns), open_interest=interest, funding_rate=rate)
    got = made(fragility_features, panel)
    assert (got["market_fast_to_slow"][-1] < -1.0).all()
    expected = -got["market_fast_to_slow"][-1] * math.log(2)
    assert_allclose(got["calm_run_up"][-1], expected, rtol=0.01)
    assert_allclose(got["paid_run_up"][-1], math.asinh(3.0) * math.log(2), rtol=0.01)
    assert_allclose(got["fast_to_slow"].mean(axis=1)[-1], got["market_fast_to_slow"][-1, 0])
    assert (got["market_calm_duration"][-1] > math.log1p(24)).all()
    stormy = made(fragility_features, dataclasses.replace(panel, close=panel_of(noise[:, :]).close[::-1]))
    assert (stormy["calm_run_up"][-1] < 0.2 * got["calm_run_up"][-1]).all()


def test_volatility_of_volatility_is_a_deviation_over_thirty_days(walk):
    got = made(fragility_features, walk)["volatility_of_volatility_30d"]
    x = ingredients(walk)
    slow = slow_level(x)
    i, j = HOURS - 5, 0
    logs = []
    for k in range(i - 719, i + 1):
        window = x.hourly[k - 23 : k + 1, j]
        logs.append(0.5 * math.log(np.nanmean(window**2) * 24) - slow[k, j])
    assert got[i, j] == pytest.approx(np.std(logs), rel=1e-6)
