"""Snapshots by quality: a symbol that is out is seen as of its last good hour, and the others as if it were missing."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.quality import SymbolState
from levercap.market import load_market
from levercap.model import read_bundle
from levercap.model.strictness import PER_SYMBOL_OUT

HOURS = 6


@pytest.fixture(scope="module")
def bundle(trained):
    return read_bundle(trained.bundle)


@pytest.fixture(scope="module")
def panel(trained):
    return load_market(trained.market, trained.config.market).panel


def quality_of(panel, as_of, **out):
    """All fresh but those in `out`: symbol -> hours out (inf: no good hour)."""
    hours = np.array([float(out.get(symbol, 0.0)) for symbol in panel.symbols])
    good = [as_of - pd.Timedelta(hours=h) if np.isfinite(h) else pd.NaT for h in hours]
    states = np.where(hours > 0, SymbolState.FROZEN.value, SymbolState.FRESH.value)
    return pd.DataFrame(
        {
            "symbol": pd.Series(panel.symbols, dtype="str"),
            "state": pd.Series(states, dtype="str"),
            "last_good": pd.Series(good, dtype="datetime64[us, UTC]"),
            "hours_out": hours,
            "reason": "",
        }
    )


def masked(panel, symbol, hours):
    column = panel.symbols.index(symbol)
    fields = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(panel, name).copy()
        values[-hours:, column] = np.nan
        fields[name] = values
    return dataclasses.replace(panel, **fields)


def test_where_all_is_fresh_quality_changes_nothing(bundle, panel):
    plain = bundle.snapshot_at(panel, None, panel.end)
    judged = bundle.snapshot_at(panel, None, panel.end, quality_of(panel, panel.end))
    fresh = plain.symbols["state"] == "fresh"
    assert not judged.symbols["doubtful"].any()
    states = judged.symbols.drop(columns="doubtful")
    pd.testing.assert_frame_equal(states[fresh], plain.symbols[fresh], check_exact=True)
    pd.testing.assert_frame_equal(judged.tails, plain.tails, check_exact=True)
    assert (judged.scenarios.low == plain.scenarios.low).all()
    assert (judged.stressed_factor == plain.stressed_factor).all()


def test_a_symbol_that_is_out_has_the_numbers_of_its_last_good_hour(bundle, panel):
    as_of, symbol = panel.end, panel.symbols[1]
    damaged = masked(panel, symbol, HOURS)
    snapshot = bundle.snapshot_at(damaged, None, as_of, quality_of(panel, as_of, **{symbol: HOURS}))
    before = bundle.snapshot_at(panel, None, as_of - pd.Timedelta(hours=HOURS))
    row, then = (s.symbols.set_index("symbol").loc[symbol] for s in (snapshot, before))
    assert (row["state"], row["hours_out"]) == ("frozen", HOURS)
    for name in ("volatility", "stressed_volatility", "turnover"):
        assert row[name] == then[name]
    assert symbol in [instrument.underlying for instrument in snapshot.scenarios.instruments]
    assert symbol not in set(snapshot.tails["symbol"])
    gone = bundle.snapshot_at(damaged, None, as_of, quality_of(panel, as_of, **{symbol: np.inf}))
    others = snapshot.symbols["symbol"] != symbol
    pd.testing.assert_frame_equal(snapshot.symbols[others], gone.symbols[others], check_exact=True)
    pd.testing.assert_frame_equal(snapshot.tails, gone.tails, check_exact=True)


def test_a_symbol_without_a_good_hour_or_out_for_long_has_no_numbers(bundle, panel):
    as_of, symbol = panel.end, panel.symbols[1]
    for hours in (np.inf, 500.0):
        snapshot = bundle.snapshot_at(panel, None, as_of, quality_of(panel, as_of, **{symbol: hours}))
        row = snapshot.symbols.set_index("symbol").loc[symbol]
        assert row["hours_out"] == hours
        assert np.isnan(row["volatility"])
        assert symbol not in [instrument.underlying for instrument in snapshot.scenarios.instruments]


def test_the_others_are_scored_more_strictly_where_symbols_are_out(bundle, panel):
    """Their volatility grows with the share of symbols out; with all of them there nothing changes."""
    as_of, symbol = panel.end, panel.symbols[1]
    known = bundle.memory.symbols["symbol"].tolist()
    strict = bundle.strictness_at(panel, None, as_of, bundle.config)
    whole = quality_of(panel, as_of)
    dead = quality_of(panel, as_of, **{symbol: 169.0}).assign(state=lambda q: q["state"].replace("frozen", "stale"))
    assert strict.with_symbols_out(whole, known) is strict
    assert strict.with_symbols_out(dead, known) is strict, "long dead"
    lacking = strict.with_symbols_out(quality_of(panel, as_of, **{symbol: 6.0}), known)
    assert factors(strict, lacking, known) == pytest.approx(
        {name: 1.0 + (name != symbol) * PER_SYMBOL_OUT / len(known) for name in known}
    )


def factors(before, after, symbols):
    return {name: after.multiplier.get(name, 1.0) / before.multiplier.get(name, 1.0) for name in symbols}


def test_one_that_is_out_lacks_only_those_that_were_out_at_its_last_good_hour(bundle, panel):
    """Of a feed that is late as a whole, the forecasts of the last good hour are those that were made then."""
    as_of, known = panel.end, bundle.memory.symbols["symbol"].tolist()
    strict = bundle.strictness_at(panel, None, as_of, bundle.config)
    late = strict.with_symbols_out(quality_of(panel, as_of, **dict.fromkeys(panel.symbols, 6.0)), known)
    assert factors(strict, late, known) == dict.fromkeys(known, 1.0)
    first, second, *others = known
    out = strict.with_symbols_out(quality_of(panel, as_of, **{first: 20.0, second: 6.0}), known)
    each = PER_SYMBOL_OUT / len(known)
    assert factors(strict, out, known) == pytest.approx(
        {first: 1.0, second: 1.0 + each, **dict.fromkeys(others, 1.0 + 2 * each)}
    )
