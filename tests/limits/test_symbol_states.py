import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.instrument import Instrument, perpetuals
from levercap.core.portfolio import Portfolio
from levercap.limits.symbol_states import any_held, largest_symbols, share_held, symbol_states
from support.snapshots import STALE, SYMBOLS, make_snapshot, with_out, without_symbol

SNAPSHOT = make_snapshot(np.random.default_rng(2))
LISTED = perpetuals((*SYMBOLS, STALE, "NEVER"))


def names(mask: np.ndarray) -> set[str]:
    return {one.name for one, hit in zip(LISTED, mask[:-1], strict=True) if hit}


def test_what_is_scored_and_why_the_rest_is_not():
    snapshot = with_out(with_out(SNAPSHOT, 5.0, "AAA"), 7.0, "BBB", state="gappy")
    snapshot = with_out(snapshot, 0.0, "CCC", state="young")
    states = symbol_states(snapshot, LISTED)
    assert names(states.out) == {"AAA", "BBB", STALE, "NEVER"}
    assert names(states.last_good) == {"AAA", "BBB"}
    assert {code: names(mask) for code, mask in states.reasons.items()} == {
        "symbol_unknown": {"NEVER"},
        "symbol_stale": {STALE},
        "symbol_frozen": {"AAA"},
        "symbol_gappy": {"BBB"},
    }
    assert states.out[-1]
    assert states.reasons["symbol_unknown"][-1]
    assert states.hours_out.tolist() == [5.0, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.inf, np.inf, np.inf]


def test_a_scored_state_without_scenarios_is_out():
    snapshot = with_out(without_symbol(without_symbol(SNAPSHOT, "AAA"), "BBB"), 0.0, "BBB", state="young")
    states = symbol_states(snapshot, LISTED)
    assert names(states.reasons["symbol_stale"]) == {"AAA", STALE}
    assert names(states.reasons["symbol_young"]) == {"BBB"}
    assert names(states.last_good) == set()


@pytest.mark.parametrize("state", ["", "perfect", None])
def test_a_state_that_is_none_is_unknown(state):
    symbols = SNAPSHOT.symbols.astype({"state": object})
    symbols.loc[0, "state"] = state
    states = symbol_states(dataclasses.replace(SNAPSHOT, symbols=symbols), LISTED)
    assert names(states.reasons["symbol_unknown"]) == {"AAA", "NEVER"}


@pytest.mark.parametrize("hours", [np.nan, -1.0])
def test_hours_that_make_no_sense_are_none(hours):
    assert symbol_states(with_out(SNAPSHOT, hours, "AAA"), LISTED).hours_out[0] == np.inf


def test_an_instrument_has_the_state_of_its_underlying():
    quarterly = Instrument("AAA-Q", "AAA")
    states = symbol_states(with_out(SNAPSHOT, 5.0, "AAA"), (quarterly,))
    assert states.reasons["symbol_frozen"].tolist() == [True, False]


def test_doubtful_symbols_are_scored():
    symbols = SNAPSHOT.symbols.assign(doubtful=[True, None, False, True, False, False, False, True])
    states = symbol_states(with_out(dataclasses.replace(SNAPSHOT, symbols=symbols), 5.0, "DDD"), LISTED)
    assert names(states.doubtful) == {"AAA"}


def test_held_flags_and_shares():
    portfolio = Portfolio(
        LISTED, np.ones(3), np.array([0, 2, 3, 3]), np.array([0, 3, -1]), np.array([30.0, -10.0, 5.0])
    )
    mask = np.zeros(len(LISTED) + 1, dtype=bool)
    assert any_held(portfolio, mask).tolist() == [False] * 3
    mask[[3, -1]] = True
    assert any_held(portfolio, mask).tolist() == [True, True, False]
    assert share_held(portfolio, mask).tolist() == [0.25, 1.0, 0.0]


def test_the_largest_symbols_by_turnover_that_have_not_been_out_for_long():
    assert largest_symbols(SNAPSHOT, 3) == ("AAA", "BBB", "CCC")
    assert largest_symbols(with_out(SNAPSHOT, 720.0, "AAA"), 2) == ("AAA", "BBB")
    assert largest_symbols(with_out(SNAPSHOT, 721.0, "AAA"), 2) == ("BBB", "CCC")
    assert largest_symbols(with_out(SNAPSHOT, np.inf, "AAA"), 1) == ("AAA",)
    nothing = dataclasses.replace(SNAPSHOT, symbols=SNAPSHOT.symbols.assign(turnover=np.nan))
    assert largest_symbols(nothing, 2) == ()
    same = dataclasses.replace(SNAPSHOT, symbols=SNAPSHOT.symbols.assign(turnover=pd.Series([1.0] * 8)))
    assert largest_symbols(same, 2) == ("AAA", "BBB")
