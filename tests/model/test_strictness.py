"""A market that lacks what its bundle was trained with is scored strictly and named; a complete one as before."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.panel import HOUR
from levercap.core.quality import SCORED
from levercap.core.snapshot import EarlierMarket
from levercap.limits.predictor import Predictor
from levercap.model.bundle import snapshot_of
from levercap.model.strictness import Strictness
from levercap.venue.tiers import tiers_as_of
from support.look_ahead import assert_identical, parts

INSTANTS = ("2023-03-01 00:00", "2023-03-11 07:00", "2023-03-24 13:00")


def at(text):
    return pd.Timestamp(text, tz="UTC").as_unit("us")


def last_days(panel, as_of, days, symbols=None):
    """The panel with only the last days of the given symbols, or of all."""
    known = panel.until(as_of)
    if symbols is None:
        return known.rows(max(0, len(known.timestamps) - 24 * days))
    gone = np.outer(
        np.arange(len(known.timestamps)) < len(known.timestamps) - 24 * days, np.isin(known.symbols, symbols)
    )
    names = ("open", "high", "low", "close", "volume", "funding_rate", "open_interest", "implied_vol")
    return dataclasses.replace(known, **{n: np.where(gone, np.nan, getattr(known, n)) for n in names})


def renamed(panel, names):
    return dataclasses.replace(panel, symbols=tuple(names.get(s, s) for s in panel.symbols))


def limits(fitted, snapshot, names=None):
    positions = fitted.positions
    if names is not None:
        positions = positions.assign(symbol=positions["symbol"].replace(names).astype("str"))
    found = Predictor(snapshot, fitted.config).predict(fitted.accounts, positions)
    return found.set_index("account_id")["max_leverage"]


def snapshots(fitted, as_of, panel):
    """Snapshot of the complete market and of `panel`, and what was found in the latter."""
    tiers = tiers_as_of(fitted.market.tiers, as_of)
    strict = fitted.bundle.strictness_at(panel, tiers, as_of)
    return (
        fitted.bundle.snapshot_at(fitted.market.panel, tiers, as_of),
        fitted.bundle.strict_snapshot(strict, as_of),
        strict,
    )


@pytest.mark.parametrize("as_of", [*INSTANTS, "2022-06-01 00:00"])
def test_a_complete_market_is_scored_as_before_bit_for_bit(fitted, as_of):
    b, panel, as_of = fitted.bundle, fitted.market.panel, at(as_of)
    tiers = tiers_as_of(fitted.market.tiers, as_of)
    strict = b.strictness_at(panel, tiers, as_of)
    assert strict.findings == ()
    assert set(strict.multiplier.values()) == {1.0}
    assert strict.stressed_multiplier == strict.stressed_floor == strict.stressed_level == strict.gain_shares == {}
    plain = snapshot_of(b.forecaster, b.blocks, b.config, panel, tiers, as_of, b.bundle_id)
    assert_identical(parts(plain), parts(b.snapshot_at(panel, tiers, as_of)))


@pytest.mark.parametrize("as_of", INSTANTS)
@pytest.mark.parametrize("days", [200, 90, 40])
def test_cut_histories_are_never_milder_and_named(fitted, as_of, days):
    as_of = at(as_of)
    complete, cut, strict = snapshots(fitted, as_of, last_days(fitted.market.panel, as_of, days))
    mine, other = (s.symbols.set_index("symbol") for s in (cut, complete))
    scored = mine["state"].isin(SCORED)
    assert (mine["volatility"] >= 0.99 * other["volatility"])[scored].all()
    if as_of < fitted.until + 15 * 24 * HOUR:  # a level that rose since the training is not remembered
        assert (mine["stressed_volatility"] >= 0.99 * other["stressed_volatility"])[scored].all()
    rise = limits(fitted, cut) / limits(fitted, complete)
    assert rise.max() < 1.01
    (finding,) = strict.findings
    assert (finding.code, finding.where) == ("history_cut", "bars")
    assert "USDT" in finding.message
    assert set(strict.gain_shares) >= {"SIM01USDT", "SIM03USDT", "SIM05USDT"}


def test_one_cut_history_leaves_the_others_alone(fitted):
    as_of = at(INSTANTS[1])
    complete, cut, strict = snapshots(fitted, as_of, last_days(fitted.market.panel, as_of, 60, ["SIM04USDT"]))
    (finding,) = strict.findings
    assert "SIM04USDT" in finding.message
    assert "SIM04USDT" in finding.examples[0]
    assert list(strict.gain_shares) == ["SIM04USDT"]
    mine, other = (s.symbols.set_index("symbol") for s in (cut, complete))
    others = mine["state"].isin(SCORED) & (mine.index != "SIM04USDT")
    np.testing.assert_allclose(mine["volatility"][others], other["volatility"][others], rtol=0.05)
    assert (limits(fitted, cut) / limits(fitted, complete)).max() < 1.01


@pytest.mark.parametrize("as_of", INSTANTS)
def test_symbols_that_the_bundle_never_saw_are_never_milder_and_named(fitted, as_of):
    as_of = at(as_of)
    panel = fitted.market.panel
    names = {s: s.replace("USDT", "-PERP") for s in panel.symbols}
    strict = fitted.bundle.strictness_at(renamed(panel, names), None, as_of)
    new = fitted.bundle.strict_snapshot(strict, as_of)
    complete = fitted.bundle.snapshot_at(panel, None, as_of)
    (finding,) = [f for f in strict.findings if f.code == "symbol_unseen"]
    assert "SIM01-PERP" in finding.message
    assert "bundle" in finding.message
    assert fitted.bundle.memory.unseen_factor >= 1.0
    assert set(strict.stressed_multiplier.values()) == {fitted.bundle.memory.unseen_factor}
    assert (limits(fitted, new, names) / limits(fitted, complete)).max() < 1.01


@pytest.mark.parametrize("as_of", INSTANTS)
def test_without_implied_volatility_no_forecast_is_milder(fitted, as_of):
    as_of = at(as_of)
    panel = dataclasses.replace(fitted.market.panel, implied_vol=None)
    complete, without, strict = snapshots(fitted, as_of, panel)
    (finding,) = strict.findings
    assert (finding.code, finding.where) == ("table_missing", "implied_vol")
    factor = fitted.bundle.memory.table_factors["implied_vol"]
    assert set(strict.multiplier.values()) == {factor}
    mine, other = (s.symbols.set_index("symbol") for s in (without, complete))
    scored = mine["state"].isin(SCORED)
    assert (mine["volatility"] >= 0.99 * other["volatility"])[scored].all()
    plain = snapshot_of(
        fitted.bundle.forecaster, fitted.bundle.blocks, fitted.config, panel, None, as_of, fitted.bundle.bundle_id
    )
    keys = ["symbol", "side", "level"]
    ratio = (
        without.tails.set_index(keys)[["var", "es", "path_var", "path_es"]]
        / plain.tails.set_index(keys)[["var", "es", "path_var", "path_es"]]
    )
    np.testing.assert_allclose(ratio, factor)
    assert (limits(fitted, without) / limits(fitted, complete)).max() < 1.01


@pytest.mark.parametrize("factor", [0.1, 0.01, 365**-0.5])
@pytest.mark.parametrize("hours", [3, 200, 10**6])
def test_implied_volatility_in_another_unit_is_as_good_as_none(fitted, factor, hours):
    as_of = at(INSTANTS[1])
    known = fitted.market.panel.until(as_of)
    values = known.implied_vol.copy()
    values[-hours:] *= factor
    _, doubtful, strict = snapshots(fitted, as_of, dataclasses.replace(known, implied_vol=values))
    (finding,) = strict.findings
    assert (finding.code, finding.where) == ("unit_doubtful", "implied_vol")
    _, without, _ = snapshots(fitted, as_of, dataclasses.replace(known, implied_vol=None))
    mine, other = parts(doubtful), parts(without)
    assert_identical(mine, other)


def test_stressed_levels_and_multipliers_act_as_they_say():
    features = pd.DataFrame({"symbol": ["A", "B", "C"], "x": [1.0, np.nan, 1.0]})
    strict = Strictness(
        None,
        None,
        multiplier={"A": 2.0},
        stressed_multiplier={"B": 3.0},
        gain_shares={"C": 0.5},
        stressed_level={"D": 0.15},
        stressed_floor={"A": 0.2, "B": 0.2},
        state_factors={"x": 1.5, "absent": 9.0},
    )
    assert strict.of_rows(features).tolist() == [2.0, 1.5, 1.0]
    assert strict.of_gains(("A", "C")).tolist() == [1.0, 0.5]
    stressed = strict.of_stressed(("A", "B", "C", "D"), np.array([np.nan, 0.1, 0.1, 0.9]))
    np.testing.assert_allclose(stressed, [0.2, 0.3, 0.1, 0.15])


def test_a_later_instant_without_tiers_is_carried_and_named(fitted):
    as_of = fitted.until + 48 * HOUR
    strict = fitted.bundle.strictness_at(fitted.market.panel, None, as_of)
    assert [(f.code, f.where) for f in strict.findings] == [("table_missing", "leverage_tiers")]
    pd.testing.assert_frame_equal(strict.tiers, tiers_as_of(fitted.bundle.memory.tiers, as_of))


def test_of_a_cut_history_the_larger_stressed_volatility_of_bundle_and_run_before_holds(fitted):
    as_of = at(INSTANTS[0])
    panel = last_days(fitted.market.panel, as_of, 60, ["SIM04USDT", "SIM05USDT"])
    alone = fitted.bundle.strictness_at(panel, None, as_of)
    table = pd.DataFrame({"symbol": ["SIM01USDT", "SIM04USDT", "SIM05USDT"], "stressed_volatility": [9.0, 9.0, 1e-9]})
    both = fitted.bundle.strictness_at(panel, None, as_of, previous=EarlierMarket(table, None))
    assert both.stressed_level == {**alone.stressed_level, "SIM04USDT": 9.0}
    unknown = EarlierMarket(table.assign(stressed_volatility=np.nan), None)
    assert fitted.bundle.strictness_at(panel, None, as_of, previous=unknown).stressed_level == alone.stressed_level
