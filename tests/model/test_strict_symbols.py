"""Cut histories and symbols that were never seen."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.features import feature_table
from levercap.features.returns import ingredients
from levercap.features.volatility import b1_volatility
from levercap.model.strict_symbols import cut_history, history_margin, unseen_symbols
from support.properties import examples


@given(st.floats(0.1, 5000.0), st.floats(0.1, 5000.0))
@examples(50)
def test_a_shorter_history_has_no_smaller_margin(first, second):
    short, long = history_margin(np.array(sorted([first, second])))
    assert short >= long > 1.0


def test_margins_cover_what_was_measured():
    days = np.array([25.0, 40.0, 60.0, 120.0, 500.0])
    assert (np.log(history_margin(days)) >= [0.24, 0.073, 0.043, 0.034, 0.023]).all()


def cut(fitted, days, share=0.95):
    panel = fitted.market.panel.until(fitted.until)
    part = panel.rows(len(panel.timestamps) - 24 * days)
    return part, cut_history(part, fitted.bundle.memory, fitted.until, share, 0.95)


def test_remembered_levels_hold_where_they_are_stricter(fitted):
    panel, found = cut(fitted, 60)
    known = fitted.bundle.memory.at(fitted.until)
    tonight = feature_table(panel, pd.DatetimeIndex([fitted.until])).set_index("symbol")["slow_level"]
    margin = history_margin(np.array([60.0]))[0]
    ratio = np.exp(known.loc["SIM01USDT", "slow_level"] - tonight["SIM01USDT"])
    assert found.multiplier["SIM01USDT"] == pytest.approx(max(ratio, 1.0) * margin, rel=0.01)
    volatility = found.multiplier["SIM01USDT"] * found.gain_share["SIM01USDT"]
    assert volatility == pytest.approx(min(ratio, 1.0) / margin, rel=0.01)
    stressed = known["stressed_volatility"][list(found.stressed_level)]
    level = pd.Series(found.stressed_level)
    assert (level >= stressed * margin * 0.99).all()
    assert level["SIM01USDT"] == pytest.approx(stressed["SIM01USDT"] * margin, rel=0.01)
    assert all(value < 1.0 for value in found.gain_share.values())


def test_a_share_of_the_history_is_enough(fitted):
    assert cut(fitted, 415)[1].findings == ()
    assert cut(fitted, 300)[1].findings
    assert cut(fitted, 300, share=0.5)[1].findings == ()


def test_the_finding_counts_hours_and_names_the_shortest_first(fitted):
    panel, found = cut(fitted, 60)
    close = panel.close.copy()
    close[: -24 * 30, panel.symbols.index("SIM03USDT")] = np.nan
    found = cut_history(dataclasses.replace(panel, close=close), fitted.bundle.memory, fitted.until, 0.95, 0.95)
    (finding,) = found.findings
    assert finding.examples[0].startswith("SIM03USDT")
    known = fitted.bundle.memory.at(fitted.until)["hours"].reindex(panel.symbols)
    hours = pd.Series((~np.isnan(close)).sum(axis=0), panel.symbols)
    assert finding.count == int((known - hours)[list(found.gain_share)].sum())


def test_symbols_with_all_their_hours_pay_only_where_most_are_cut(fitted):
    panel = fitted.market.panel.until(fitted.until)
    close = panel.close.copy()
    close[: -24 * 60, panel.symbols.index("SIM03USDT")] = np.nan
    one = cut_history(dataclasses.replace(panel, close=close), fitted.bundle.memory, fitted.until, 0.95, 0.95)
    assert list(one.multiplier) == ["SIM03USDT"]
    remembered = fitted.bundle.memory.at(fitted.until)["stressed_volatility"]
    assert one.stressed_floor["SIM06USDT"] == remembered["SIM06USDT"]
    assert set(one.stressed_floor) == {"SIM06USDT", "SIM07USDT"}
    assert list(one.stressed_level) == ["SIM03USDT"]
    all_cut = cut(fitted, 210)[1]
    assert "SIM06USDT" not in all_cut.gain_share
    assert all_cut.multiplier["SIM06USDT"] == pytest.approx(history_margin(np.array([210.0]))[0], rel=0.01)


def test_symbols_that_the_scenarios_hold_are_seen(fitted):
    panel = fitted.market.panel
    assert unseen_symbols(panel, fitted.bundle.memory) == ({}, ())
    other = dataclasses.replace(panel, symbols=("NEWUSDT", *panel.symbols[1:]))
    memory = SimpleNamespace(symbols=fitted.bundle.memory.symbols, unseen_factor=2.5)
    factors, (finding,) = unseen_symbols(other, memory)
    assert factors == {"NEWUSDT": 2.5}
    assert (finding.code, finding.where, finding.examples) == ("symbol_unseen", "bars", ("NEWUSDT",))
    quiet = dataclasses.replace(other, close=np.where(np.array(other.symbols) == "NEWUSDT", np.nan, other.close))
    assert unseen_symbols(quiet, memory) == ({}, ())


def test_the_first_days_of_a_cut_history_are_no_stress(fitted):
    """A history that begins in a violent week is smoothed from that week alone for long."""
    panel, found = cut(fitted, 300)
    loud = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close")}
    j = panel.symbols.index("SIM01USDT")
    wild = np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.05, 24 * 20)))
    for values in loud.values():
        values[: 24 * 20, j] *= wild / wild[-1]
    other = cut_history(dataclasses.replace(panel, **loud), fitted.bundle.memory, fitted.until, 0.95, 0.95)
    assert other.stressed_level["SIM01USDT"] < 1.5 * found.stressed_level["SIM01USDT"]
    b1 = b1_volatility(ingredients(dataclasses.replace(panel, **loud)).daily)[-1 % 24 :: 24, j]
    assert np.nanquantile(b1, 0.95) > 2.0 * found.stressed_level["SIM01USDT"]
