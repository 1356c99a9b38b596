"""Optional series that are gone or in another unit."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.model.series import SERIES
from levercap.model.strict_series import strict_series, unit_factors

IMPLIED, FUNDING, INTEREST = SERIES


@pytest.fixture(scope="module")
def as_of(fitted):
    return fitted.until + pd.Timedelta(days=20)


@pytest.fixture(scope="module")
def panel(fitted, as_of):
    return fitted.market.panel.until(as_of)


def changed(panel, field, factor=1.0, hours=10**6, symbols=None):
    values = getattr(panel, field).copy()
    columns = slice(None) if symbols is None else np.isin(panel.symbols, symbols)
    values[-hours:, columns] *= factor
    return dataclasses.replace(panel, **{field: values})


def test_a_complete_market_loses_nothing(fitted, panel, as_of):
    same, factor, findings = strict_series(panel, fitted.bundle.memory, as_of)
    assert (factor, findings) == (1.0, ())
    for series in SERIES:
        np.testing.assert_array_equal(series.values(same), series.values(panel))


@pytest.mark.parametrize("series", SERIES, ids=lambda s: s.table)
def test_a_table_that_is_gone_is_named_and_costs_its_factor(fitted, panel, as_of, series):
    without = dataclasses.replace(panel, **{series.field: None})
    _, factor, (finding,) = strict_series(without, fitted.bundle.memory, as_of)
    assert factor == fitted.bundle.memory.table_factors[series.table]
    assert (finding.code, finding.where) == ("table_missing", series.table)


@pytest.mark.parametrize("series", SERIES, ids=lambda s: s.table)
def test_values_count_for_their_carry_hours_and_no_longer(fitted, panel, as_of, series):
    values = series.values(panel).copy()
    last = max(int((~np.isnan(values)).any(axis=1)[::-1].argmax()), 0)
    for hours, gone in ((series.carry_hours, False), (series.carry_hours + 10, True)):
        values = series.values(panel).copy()
        values[len(values) - hours + last :] = np.nan
        cut = dataclasses.replace(panel, **{series.field: values})
        found, _, findings = strict_series(cut, fitted.bundle.memory, as_of)
        assert [f.code for f in findings] == ["table_missing"] * gone
        assert (series.values(found) is None) == gone


def test_one_covered_symbol_without_values_is_the_whole_table(fitted, panel, as_of):
    cut = changed(panel, "open_interest", np.nan, 72, ["SIM02USDT"])
    found, _, (finding,) = strict_series(cut, fitted.bundle.memory, as_of)
    assert found.open_interest is None
    assert "SIM02USDT" in finding.message
    assert finding.count == 1


def test_a_market_of_other_symbols_than_the_covered_ones_lacks_the_table(fitted, panel, as_of):
    part = panel.select(("SIM02USDT", "SIM03USDT"))
    _, factor, findings = strict_series(part, fitted.bundle.memory, as_of)
    assert factor == fitted.bundle.memory.table_factors["implied_vol"]
    assert [f.where for f in findings] == ["implied_vol"]


def test_before_a_table_began_it_is_not_missed(fitted):
    as_of = fitted.market.panel.start + pd.Timedelta(days=40)
    memory = fitted.bundle.memory
    began = memory.series.assign(first=as_of + pd.Timedelta(hours=1))
    memory = dataclasses.replace(memory, series=began)
    panel = dataclasses.replace(fitted.market.panel.until(as_of), implied_vol=None)
    assert strict_series(panel, memory, as_of)[1:] == (1.0, ())


@pytest.mark.parametrize("factor", [100.0, 0.1, 0.01, 365**-0.5])
@pytest.mark.parametrize("hours", [1, 100, 10**6])
def test_implied_volatility_in_another_unit_is_doubtful(fitted, panel, factor, hours):
    found = unit_factors(changed(panel, "implied_vol", factor, hours), IMPLIED, fitted.bundle.memory)
    assert list(found) == ["SIM01USDT"]
    assert found["SIM01USDT"] == pytest.approx(factor, rel=0.6)


@pytest.mark.parametrize("factor", [0.75, 1.4])
def test_implied_volatility_that_moves_is_not(fitted, panel, factor):
    assert unit_factors(changed(panel, "implied_vol", factor, 24), IMPLIED, fitted.bundle.memory) == {}


def test_open_interest_in_quote_currency_is_doubtful(fitted, panel, as_of):
    prices = np.nanmedian(panel.close, axis=0)
    values = np.where(prices > 20, panel.open_interest * prices, panel.open_interest)
    found = unit_factors(dataclasses.replace(panel, open_interest=values), INTEREST, fitted.bundle.memory)
    covered = set(fitted.bundle.memory.expected(INTEREST, as_of))
    assert {s for s, p in zip(panel.symbols, prices, strict=True) if p > 20 and s in covered} <= set(found)


def test_funding_in_percent_is_doubtful(fitted, panel, as_of):
    cut, _, findings = strict_series(changed(panel, "funding_rate", 1000.0), fitted.bundle.memory, as_of)
    assert cut.funding_rate is None
    assert ("unit_doubtful", "funding") in [(f.code, f.where) for f in findings]


def test_more_than_half_of_the_symbols_are_all_of_them(fitted, panel, as_of):
    covered = fitted.bundle.memory.expected(INTEREST, as_of)
    some = changed(panel, "open_interest", 1e4, symbols=covered[:1])
    assert tuple(unit_factors(some, INTEREST, fitted.bundle.memory)) == covered[:1]
    most = changed(panel, "open_interest", 1e4, symbols=covered[: len(covered) // 2 + 1])
    assert tuple(unit_factors(most, INTEREST, fitted.bundle.memory)) == covered


def test_nothing_is_doubted_that_is_not_remembered(fitted, panel):
    nothing = dataclasses.replace(fitted.bundle.memory, series=fitted.bundle.memory.series.iloc[:0])
    assert unit_factors(changed(panel, "implied_vol", 0.01), IMPLIED, nothing) == {}


def test_a_renamed_symbol_is_compared_with_the_range_of_all(fitted, panel):
    other = dataclasses.replace(panel, symbols=tuple(s.replace("USDT", "-PERP") for s in panel.symbols))
    assert unit_factors(other, IMPLIED, fitted.bundle.memory) == {}
    assert list(unit_factors(changed(other, "implied_vol", 0.1), IMPLIED, fitted.bundle.memory)) == ["SIM01-PERP"]
