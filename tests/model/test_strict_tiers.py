"""Leverage tiers that are absent or milder than remembered."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from levercap.config import Config, MarketConfig
from levercap.model.strict_tiers import strict_tiers
from levercap.storage.snapshot_bounds import check_tiers
from levercap.venue.ladders import milder_ladders, stricter_ladders
from levercap.venue.tiers import tiers_as_of

UNTIL = pd.Timestamp("2024-03-01", tz="UTC").as_unit("us")
DAY = pd.Timedelta(days=1)
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


def table(as_of=UNTIL, symbols=SYMBOLS, rate=1.0, notional=1.0, leverage=1.0):
    parts = []
    for symbol in symbols:
        parts.append(
            pd.DataFrame(
                {
                    "as_of": as_of,
                    "symbol": symbol,
                    "tier": [1, 2],
                    "notional_floor": [0.0, 1e5 * notional],
                    "notional_cap": [1e5 * notional, 1e6 * notional],
                    "max_leverage": [50.0 * leverage, 10.0 * leverage],
                    "maintenance_margin_rate": [0.01 * rate, 0.05 * rate],
                    "maintenance_amount": float("nan"),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


MEMORY = SimpleNamespace(until=UNTIL, tiers=table())


def strict(tiers, as_of=UNTIL, memory=MEMORY, previous=None, **market):
    config = dataclasses.replace(Config(), market=MarketConfig(**market))
    now = None if tiers is None else tiers_as_of(tiers, as_of)
    before = None if previous is None else tiers_as_of(previous, as_of)
    found, findings = strict_tiers(now, memory, as_of, SYMBOLS, config, before)
    if found is not None:
        check_tiers(found)
    return found, findings


def test_tiers_that_are_there_are_used_as_they_are():
    given = table(leverage=1.5)
    tiers, findings = strict(given)
    pd.testing.assert_frame_equal(tiers, tiers_as_of(given, UNTIL))
    assert findings == ()


def test_a_venue_without_tiers_at_training_has_none_to_miss():
    assert strict(None, memory=SimpleNamespace(until=UNTIL, tiers=None)) == (None, ())
    tiers, findings = strict(table(rate=0.001), memory=SimpleNamespace(until=UNTIL, tiers=None))
    assert (len(tiers), findings) == (6, ())


@pytest.mark.parametrize("given", [None, table().iloc[:0], table(as_of=UNTIL + 90 * DAY)])
def test_absent_tiers_are_carried_and_then_the_strict_value_holds(given):
    tiers, (finding,) = strict(given, UNTIL + 30 * DAY)
    pd.testing.assert_frame_equal(tiers, tiers_as_of(MEMORY.tiers, UNTIL))
    assert (finding.code, finding.where) == ("table_missing", "leverage_tiers")
    later, (finding,) = strict(given, UNTIL + 31 * DAY)
    assert not milder_ladders(later, tiers, SYMBOLS, 1.0).any()
    assert (later["max_leverage"] <= 10.0).all()
    assert (later["maintenance_margin_rate"] >= 0.05).all()
    assert (finding.code, finding.where) == ("table_missing", "leverage_tiers")


def test_how_long_they_are_carried_is_configured():
    tiers, _ = strict(None, UNTIL + 2 * DAY, tier_carry_days=1.0)
    assert (tiers["max_leverage"] <= 10.0).all()


def test_only_tiers_known_at_the_instant_are_remembered():
    memory = SimpleNamespace(until=UNTIL + 60 * DAY, tiers=pd.concat([table(), table(UNTIL + 50 * DAY, rate=3.0)]))
    tiers, findings = strict(table(), UNTIL, memory)
    assert findings == ()
    pd.testing.assert_frame_equal(tiers, tiers_as_of(table(), UNTIL))
    assert strict(table(), UNTIL + 50 * DAY, memory)[1][0].code == "tiers_milder"


def test_a_symbol_that_lost_its_tiers_is_named_and_no_milder():
    tiers, (finding,) = strict(table(symbols=("AUSDT", "CUSDT")))
    assert (finding.code, finding.where, finding.count) == ("tiers_missing", "leverage_tiers", 1)
    assert "BUSDT" in finding.message
    assert "BUSDT" in finding.examples
    earlier = tiers_as_of(MEMORY.tiers, UNTIL)
    assert not milder_ladders(tiers, earlier, SYMBOLS, 1.0).any()
    assert (tiers.loc[tiers["symbol"] == "BUSDT", "max_leverage"] <= 10.0).all()
    same = tiers[tiers["symbol"] != "BUSDT"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, tiers_as_of(table(symbols=("AUSDT", "CUSDT")), UNTIL))


@pytest.mark.parametrize("change", [{"rate": 0.01}, {"notional": 1000.0}, {"leverage": 10.0}])
def test_a_milder_table_is_replaced_by_the_stricter_of_both(change):
    tiers, (finding,) = strict(table(**change))
    earlier = tiers_as_of(MEMORY.tiers, UNTIL)
    pd.testing.assert_frame_equal(tiers, stricter_ladders(tiers_as_of(table(**change), UNTIL), earlier))
    assert not milder_ladders(tiers, earlier, SYMBOLS, 1.0).any()
    assert (finding.code, finding.where, finding.count) == ("tiers_milder", "leverage_tiers", 3)


def test_a_single_milder_ladder_is_named_and_the_others_are_used_as_they_are():
    given = pd.concat([table(symbols=("AUSDT", "CUSDT"), leverage=1.5), table(symbols=("BUSDT",), rate=0.01)])
    tiers, (finding,) = strict(given)
    assert finding.examples == ("BUSDT",)
    assert "BUSDT" in finding.message
    mine = tiers[tiers["symbol"] != "BUSDT"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, tiers_as_of(table(symbols=("AUSDT", "CUSDT"), leverage=1.5), UNTIL))
    assert not milder_ladders(tiers, tiers_as_of(MEMORY.tiers, UNTIL), ("BUSDT",), 1.0).any()


def test_how_far_tiers_may_be_loosened_is_configured():
    assert strict(table(leverage=1.5), tier_loosening=1.2)[1][0].code == "tiers_milder"
    assert strict(table(leverage=3.0), tier_loosening=4.0)[1] == ()


def no_milder(tiers, *others):
    for other in others:
        symbols = tuple(sorted(set(other["symbol"])))
        assert not milder_ladders(tiers, other, symbols, 1.0).any()


@pytest.mark.parametrize("given", [None, table(rate=0.01)], ids=["absent", "milder"])
def test_the_stricter_of_the_bundle_and_the_run_before_holds(given):
    """Rates doubled for one symbol and leverage raised for the others since the training."""
    before = pd.concat([table(symbols=("AUSDT",), rate=2.0), table(symbols=("BUSDT", "CUSDT"), leverage=1.5)])
    tiers, (finding,) = strict(given, previous=before)
    assert finding.code == ("table_missing" if given is None else "tiers_milder")
    no_milder(tiers, tiers_as_of(before, UNTIL), tiers_as_of(MEMORY.tiers, UNTIL))
    again, _ = strict(given, previous=tiers.assign(as_of=UNTIL))
    pd.testing.assert_frame_equal(again, tiers)


@pytest.mark.parametrize("remembered", [("AUSDT", "BUSDT"), ()], ids=["remembered", "never seen"])
@pytest.mark.parametrize("given", [None, table(symbols=("AUSDT",))], ids=["absent", "one left"])
def test_a_symbol_listed_since_the_training_gets_no_milder_tiers(remembered, given):
    memory = SimpleNamespace(until=UNTIL, tiers=table(symbols=remembered) if remembered else None)
    tiers, findings = strict(given, memory=memory, previous=table())
    no_milder(tiers, tiers_as_of(table(), UNTIL))
    assert (tiers.loc[tiers["symbol"] == "CUSDT", "max_leverage"] <= 10.0).all()
    (finding,) = [f for f in findings if "CUSDT" in f.examples]
    assert (finding.code, "run before" in finding.message) == ("tiers_missing", True)


@pytest.mark.parametrize("before", [table(rate=5.0), table(leverage=0.1), table(symbols=SYMBOLS[:1])])
def test_tiers_that_are_back_are_used_as_they_are_whatever_held_for_a_night(before):
    given = table(leverage=1.5)
    tiers, findings = strict(given, previous=before)
    pd.testing.assert_frame_equal(tiers, tiers_as_of(given, UNTIL))
    assert findings == ()


def test_only_symbols_of_the_market_are_carried():
    tiers, findings = strict(table(), previous=table(symbols=(*SYMBOLS, "GONEUSDT")))
    assert (set(tiers["symbol"]), findings) == (set(SYMBOLS), ())
