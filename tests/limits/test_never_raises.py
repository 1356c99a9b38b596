"""More risk, tighter rules or fewer data never raise a limit: thousands of random books each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import Config, PolicyConfig, ProfileConfig
from levercap.limits.predictor import Predictor
from levercap.risk import adverse_paths
from support.properties import examples
from support.snapshots import (
    SYMBOLS,
    config_with,
    limits_of,
    make_book,
    make_snapshot,
    make_tiers,
    with_scenarios,
    without_symbol,
)

SLACK = 1 + 2e-6
"""Losses are float32 sums: the same book written at another scale may differ in the last bits."""

worlds = examples(12)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([0.001, 0.006, 0.04])


def world(seed: int, scale: float):
    rng = np.random.default_rng(seed)
    tiers = make_tiers(SYMBOLS[:6]) if seed % 3 else None
    return rng, make_snapshot(rng, scale, tiers), make_book(rng)


def assert_never_higher(after: pd.DataFrame, before: pd.DataFrame) -> None:
    assert after["account_id"].tolist() == before["account_id"].tolist()
    worse = after["max_leverage"] > before["max_leverage"] * SLACK
    columns = [c for c in after.columns if c.startswith("cap_")]
    assert not worse.any(), pd.concat([before[worse][columns], after[worse][columns]]).to_string()


def bounds_of(snapshot) -> tuple[float, float]:
    paths = adverse_paths(snapshot.scenarios, snapshot.stressed_factor)
    return paths.bound, paths.stressed_bound


@worlds
@given(seeds, scales)
def test_limit_is_the_smallest_cap(seed, scale):
    _, snapshot, book = world(seed, scale)
    out = limits_of(snapshot, book)
    assert (out["max_leverage"] == out.filter(like="cap_").min(axis=1)).all()
    assert np.isfinite(out["max_leverage"]).all()


@worlds
@given(seeds, scales, st.floats(1.0, 20.0), st.booleans())
def test_more_volatility_never_raises_a_limit(seed, scale, factor, stress_too):
    _, snapshot, book = world(seed, scale)
    symbols = len(snapshot.scenarios.instruments)
    scaled = snapshot.scenarios.scaled(np.full(symbols, factor))
    # the stressed factor is relative to today's volatility: kept, the stressed window scales as well; divided, it stays
    stressed = snapshot.stressed_factor if stress_too else snapshot.stressed_factor / np.float64(np.float32(factor))
    after = limits_of(with_scenarios(snapshot, scaled, stressed), book)
    assert_never_higher(after, limits_of(snapshot, book))


@worlds
@given(seeds, scales, st.floats(1.0, 50.0))
def test_more_stressed_volatility_never_raises_a_limit(seed, scale, factor):
    _, snapshot, book = world(seed, scale)
    heavier = dataclasses.replace(snapshot, stressed_factor=snapshot.stressed_factor * factor)
    assert_never_higher(limits_of(heavier, book), limits_of(snapshot, book))


@worlds
@given(seeds, scales, st.floats(1.0, 1e6))
def test_more_notional_never_raises_a_limit(seed, scale, factor):
    _, snapshot, (accounts, positions) = world(seed, scale)
    more = positions.assign(notional=positions["notional"] * factor)
    predictor = Predictor(snapshot, Config())
    assert_never_higher(predictor.predict(accounts, more), predictor.predict(accounts, positions))


@worlds
@given(seeds, scales, st.floats(1.0, 1e4))
def test_more_equity_along_the_same_shares_never_raises_a_leverage(seed, scale, factor):
    """Larger accounts sit in higher tiers."""
    _, snapshot, (accounts, positions) = world(seed, scale)
    predictor = Predictor(snapshot, Config())
    richer = accounts.assign(equity=accounts["equity"] * factor)
    assert_never_higher(predictor.predict(richer, positions), predictor.predict(accounts, positions))


@worlds
@given(seeds, scales, st.data())
def test_a_tighter_rule_never_raises_a_limit(seed, scale, data):
    _, snapshot, book = world(seed, scale)
    share = data.draw(st.floats(0.05, 1.0))
    policy = PolicyConfig()
    tighter = data.draw(
        st.sampled_from(
            [
                {"liquidation_probability": policy.liquidation_probability * share},
                {"insolvency_budget": policy.insolvency_budget * share},
                {"closing_cost": policy.closing_cost / share},
                {"maintenance_margin_rate": policy.maintenance_margin_rate / share},
                {"missing_tier_max_leverage": policy.missing_tier_max_leverage * share},
                {"fallback_max_leverage": policy.fallback_max_leverage * share},
                {"profiles": {"retail": ProfileConfig(25.0 * share, 0.9 * share)}},
                {"jurisdiction_caps": {"EU": dict.fromkeys(policy.profiles, 2.0), "CH": {"retail": 3.0 * share}}},
            ]
        )
    )
    assert_never_higher(limits_of(snapshot, book, config_with(**tighter)), limits_of(snapshot, book))


@worlds
@given(seeds, scales, st.sampled_from(SYMBOLS))
def test_losing_the_data_of_a_symbol_never_raises_a_limit(seed, scale, symbol):
    _, snapshot, book = world(seed, scale)
    # scoring keeps the bound of the training, which the worst move of the lost symbol may have set
    bound, stressed_bound = bounds_of(snapshot)
    lost = dataclasses.replace(without_symbol(snapshot, symbol), bound=bound, stressed_bound=stressed_bound)
    before, after = Predictor(snapshot, Config()), Predictor(lost, Config())
    limits = before.predict(*book)
    assert_never_higher(after.predict(*book), limits)
    assert_never_higher(after.predict(*book, limits[["account_id", "max_leverage"]]), limits)


@worlds
@given(seeds, scales)
def test_losing_every_forecast_never_raises_a_limit(seed, scale):
    _, snapshot, book = world(seed, scale)
    lost = snapshot
    for symbol in SYMBOLS:
        lost = without_symbol(lost, symbol)
    before = limits_of(snapshot, book)
    after = Predictor(lost, Config()).predict(*book, before[["account_id", "max_leverage"]])
    assert_never_higher(after, before)
    assert (after["status"] == "fallback").all()
    assert (after["max_leverage"] <= 1.0).all()


@worlds
@given(seeds, scales)
def test_losing_equity_or_notional_rejects_and_touches_nobody_else(seed, scale):
    rng, snapshot, (accounts, positions) = world(seed, scale)
    predictor = Predictor(snapshot, Config())
    hit = rng.random(len(accounts)) < 0.1
    broken = accounts.assign(equity=accounts["equity"].where(~hit))
    before, after = predictor.predict(accounts, positions), predictor.predict(broken, positions)
    assert_never_higher(after, before)
    assert (after["status"][hit] == "rejected").all()
    assert (after["max_leverage"][~hit] == before["max_leverage"][~hit]).all()


@worlds
@given(seeds, scales)
def test_guardrails_hold_on_whole_books(seed, scale):
    rng, snapshot, (accounts, positions) = world(seed, scale)
    size = len(accounts)
    odd = rng.choice([np.nan, np.inf, -1.0, 0.0], size)
    previous = np.where(rng.random(size) < 0.2, odd, 10 ** rng.uniform(-2, 2, size))
    out = Predictor(snapshot, Config()).predict(accounts.assign(previous_max_leverage=previous), positions)
    assert (out["max_leverage"] <= out["unguarded_max_leverage"]).all()
    assert (out["max_leverage"] > 0).all()
    assert (out["unguarded_max_leverage"] == out.filter(like="cap_").min(axis=1)).all()
    usable = np.isfinite(previous) & (previous > 0)
    assert (out["max_leverage"][usable] <= previous[usable] * 1.2 * SLACK).all()
    assert ((out["binding"] == "guardrail") == (out["guardrail_effect"] < 0)).all()
