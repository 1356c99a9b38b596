import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.instrument import perpetuals
from levercap.core.portfolio import Portfolio
from levercap.venue.margin import initial_margin, liquidation_cap, maintenance_margin, margin_sheet, tier_cap
from levercap.venue.tiers import maintenance_amounts_of
from support.properties import examples

FALLBACKS = {
    "maintenance_margin_rate": 0.005,
    "missing_tier_max_leverage": 10.0,
    "missing_tier_maintenance_share": 0.5,
}


def sheet_rows(symbol, caps, leverages, rates):
    return pd.DataFrame(
        {
            "symbol": symbol,
            "tier": np.arange(1, len(caps) + 1),
            "notional_floor": [0.0, *caps[:-1]],
            "notional_cap": caps,
            "max_leverage": leverages,
            "maintenance_margin_rate": rates,
            "maintenance_amount": np.nan,
        }
    )


BTC = sheet_rows("BTC", [50e3, 600e3, 3e6], [125.0, 100.0, 75.0], [0.004, 0.005, 0.0065])
SOL = sheet_rows("SOL", [20e3, 100e3], [50.0, 10.0], [0.01, 0.05])
TIERS = pd.concat([BTC, SOL])
SHEET = margin_sheet(TIERS, perpetuals(("BTC", "NEW", "SOL")), **FALLBACKS)


def account(equity, **notionals):
    symbols = ("BTC", "NEW", "SOL")
    codes = [symbols.index(name) for name in notionals]
    return Portfolio(
        perpetuals(symbols),
        np.array([float(equity)]),
        np.array([0, len(codes)]),
        np.array(codes, dtype=np.int64),
        np.array(list(notionals.values()), dtype=float),
    )


def random_tiers(rng, symbols):
    frames = []
    for name in symbols:
        n = int(rng.integers(1, 7))
        caps = np.cumsum(10 ** rng.uniform(2, 6, n))
        leverages = np.sort(rng.choice(np.arange(1, 126), n, replace=False))[::-1].astype(float)
        frames.append(sheet_rows(name, list(caps), leverages, np.sort(rng.uniform(0.001, 0.5, n))))
    return pd.concat(frames)


def random_book(rng, symbols, accounts=300):
    size = rng.integers(1, len(symbols) + 1, accounts)
    codes = np.concatenate([np.sort(rng.choice(len(symbols), n, replace=False)) for n in size])
    notional = rng.normal(size=len(codes))
    offsets = np.concatenate([[0], np.cumsum(size)])
    return Portfolio(perpetuals(tuple(symbols)), 10 ** rng.uniform(1, 7, accounts), offsets, codes, notional)


def used_at(portfolio, sheet, gross, margin):
    """Sum of a margin function over the positions when gross notional is `gross`, (accounts,)."""
    notional = portfolio.share * gross[portfolio.account]
    return np.bincount(portfolio.account, margin(sheet, portfolio.instrument, notional), minlength=len(portfolio))


def test_margins_by_hand():
    code = np.array([0, 0, 0, 0, 0, 2])
    notional = np.array([10e3, -50e3, 50e3 + 1e-6, 600e3, 4e6, -100e3])
    np.testing.assert_allclose(initial_margin(SHEET, code, notional), [80, 400, 500, 6000, np.inf, 10_000], rtol=1e-9)
    amounts = np.array([0, 0, 50, 50, 950, 800])
    rates = np.array([0.004, 0.004, 0.005, 0.005, 0.0065, 0.05])
    np.testing.assert_allclose(maintenance_margin(SHEET, code, notional), np.abs(notional) * rates - amounts, rtol=1e-9)


def test_maintenance_amounts_agree_with_those_a_venue_states():
    stated = [0.0, 50.0, 950.0]  # Binance BTCUSDT: 0.4 % to 50k, 0.5 % to 600k, 0.65 % to 3M
    np.testing.assert_allclose(SHEET.maintenance_amount[0, :3], stated, rtol=1e-12)


def test_the_sheet_and_the_table_of_tiers_have_the_same_amounts():
    rng = np.random.default_rng(11)
    names = tuple("ABCDEFGH")
    tiers = random_tiers(rng, names)
    sheet = margin_sheet(tiers, perpetuals(names), **FALLBACKS)
    filled = np.concatenate([sheet.maintenance_amount[row, : sheet.count[row]] for row in range(len(names))])
    np.testing.assert_array_equal(filled, maintenance_amounts_of(tiers))


def test_tier_cap_by_hand():
    assert tier_cap(account(400, BTC=1.0), SHEET) == pytest.approx(125)  # exactly at the first cap
    assert tier_cap(account(450, BTC=1.0), SHEET) == pytest.approx(50e3 / 450)  # the step up is not affordable
    assert tier_cap(account(500.01, BTC=1.0), SHEET) == pytest.approx(100)
    assert tier_cap(account(1e9, BTC=-1.0), SHEET) == pytest.approx(3e6 / 1e9)  # nothing beyond the last tier
    assert tier_cap(account(1e9, BTC=3.0, SOL=-1.0), SHEET) == pytest.approx(400e3 / 1e9)  # SOL ends at 100k
    assert tier_cap(account(100, NEW=1.0), SHEET) == pytest.approx(10)


def test_liquidation_cap_by_hand():
    assert liquidation_cap(account(100, BTC=1.0), SHEET, np.array([0.1])) == pytest.approx(1 / 0.104)
    in_third_tier = (1e5 + 950) / (0.1 + 0.0065)  # t * 0.1 + 0.0065 t - 950 = equity
    assert liquidation_cap(account(1e5, BTC=1.0), SHEET, np.array([0.1])) == pytest.approx(in_third_tier / 1e5)
    assert liquidation_cap(account(100, NEW=1.0), SHEET, np.array([0.2])) == pytest.approx(1 / 0.25)


def test_no_sheet_means_no_tier_cap_and_the_policys_maintenance():
    none = margin_sheet(None, perpetuals(("BTC", "NEW", "SOL")), **FALLBACKS)
    book = account(100, BTC=1.0, SOL=-3.0)
    assert tier_cap(book, none) == np.inf
    assert liquidation_cap(book, none, np.array([0.2])) == pytest.approx(1 / 0.205)
    assert maintenance_margin(none, np.array([0, -1]), np.array([-2000.0, 1000.0])) == pytest.approx([10, 5])
    assert not none.missing.any()


def test_symbols_without_tiers_are_flagged_and_flat():
    np.testing.assert_array_equal(SHEET.missing, [False, True, False, True])
    assert maintenance_margin(SHEET, np.array([1, -1]), np.array([1e9, 1e9])) == pytest.approx([5e7, 5e7])


@pytest.mark.parametrize("column", ["notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate"])
def test_an_unusable_tier_counts_as_missing(column):
    broken = TIERS.reset_index(drop=True)
    broken.loc[4, column] = np.nan
    sheet = margin_sheet(broken, perpetuals(("BTC", "NEW", "SOL")), **FALLBACKS)
    np.testing.assert_array_equal(sheet.missing, [False, True, True, True])


def test_an_empty_sheet_is_a_sheet():
    sheet = margin_sheet(TIERS.iloc[:0], perpetuals(("BTC", "NEW", "SOL")), **FALLBACKS)
    assert sheet.missing.all()


@pytest.mark.parametrize(("share", "rate"), [(0.5, 0.05), (0.2, 0.02), (0.01, 0.005)])
def test_a_missing_tier_has_a_share_of_its_initial_margin_as_maintenance(share, rate):
    sheet = margin_sheet(TIERS, perpetuals(("NEW",)), **{**FALLBACKS, "missing_tier_maintenance_share": share})
    assert sheet.maintenance_rate[0, 0] == pytest.approx(rate)


def test_of_two_sheets_under_one_name_the_stricter_counts_everywhere():
    quarterly = sheet_rows("BTC", [100e3, 1e6], [25.0, 10.0], [0.02, 0.05])
    both = margin_sheet(pd.concat([BTC, quarterly]), perpetuals(("BTC",)), **FALLBACKS)
    one, two = (margin_sheet(tiers, perpetuals(("BTC",)), **FALLBACKS) for tiers in (BTC, quarterly))
    notional = np.geomspace(1, 0.999e6, 500)
    code = np.zeros(500, dtype=np.int64)
    stricter = np.maximum(initial_margin(one, code, notional), initial_margin(two, code, notional))
    np.testing.assert_allclose(initial_margin(both, code, notional), stricter)
    assert (np.diff(initial_margin(both, code, notional)) >= 0).all()


def test_a_sheet_that_loosens_with_size_is_read_as_never_loosening():
    rows = sheet_rows("BTC", [1e3, 1e4, 1e5, 1e6], [20.0, 50.0, 20.0, 10.0], [0.02, 0.01, 0.05, 0.05])
    odd = margin_sheet(rows, perpetuals(("BTC",)), **FALLBACKS)
    np.testing.assert_allclose(odd.cap[0], [1e4, 1e5, 1e6])
    np.testing.assert_allclose(odd.initial_rate[0], [0.05, 0.05, 0.1])
    np.testing.assert_allclose(odd.maintenance_rate[0], [0.02, 0.05, 0.05])


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_tier_cap_is_the_last_affordable_leverage(seed):
    rng = np.random.default_rng(seed)
    symbols = ("A", "B", "C", "D")
    sheet = margin_sheet(random_tiers(rng, symbols[:3]), perpetuals(symbols), **FALLBACKS)
    book = random_book(rng, symbols)
    cap = tier_cap(book, sheet)
    assert (used_at(book, sheet, cap * book.equity * (1 - 1e-9), initial_margin) <= book.equity * (1 + 1e-9)).all()
    assert (used_at(book, sheet, cap * book.equity * (1 + 1e-9), initial_margin) > book.equity * (1 - 1e-9)).all()


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_liquidation_cap_solves_its_equation(seed):
    rng = np.random.default_rng(seed)
    symbols = ("A", "B", "C", "D")
    sheet = margin_sheet(random_tiers(rng, symbols[:3]), perpetuals(symbols), **FALLBACKS)
    book = random_book(rng, symbols)
    loss = rng.uniform(0, 1.5, len(book))
    gross = liquidation_cap(book, sheet, loss) * book.equity
    np.testing.assert_allclose(gross * loss + used_at(book, sheet, gross, maintenance_margin), book.equity, rtol=1e-9)


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_more_loss_or_more_equity_never_raises_a_cap(seed):
    """More equity along the same shares climbs the tiers: leverage may only fall."""
    rng = np.random.default_rng(seed)
    symbols = ("A", "B", "C")
    sheet = margin_sheet(random_tiers(rng, symbols), perpetuals(symbols), **FALLBACKS)
    book = random_book(rng, symbols)
    richer = dataclasses.replace(book, equity=book.equity * rng.uniform(1, 100, len(book)))
    loss = rng.uniform(0, 1.5, len(book))
    worse = loss + rng.uniform(0, 0.5, len(book))
    slack = 1 + 1e-9
    assert (tier_cap(richer, sheet) <= tier_cap(book, sheet) * slack).all()
    assert (liquidation_cap(richer, sheet, loss) <= liquidation_cap(book, sheet, loss) * slack).all()
    assert (liquidation_cap(book, sheet, worse) <= liquidation_cap(book, sheet, loss) * slack).all()


@examples(20)
@given(st.integers(0, 2**32 - 1))
def test_maintenance_margin_is_continuous_and_rising(seed):
    rng = np.random.default_rng(seed)
    tiers = random_tiers(rng, ("A",))
    sheet = margin_sheet(tiers, perpetuals(("A",)), **FALLBACKS)
    caps = tiers["notional_cap"].to_numpy()
    code = np.zeros(len(caps), dtype=np.int64)
    left, right = (maintenance_margin(sheet, code, caps * (1 + s * 1e-12)) for s in (-1, 1))
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)
    size = np.geomspace(1, caps[-1], 400)
    assert (np.diff(maintenance_margin(sheet, np.zeros(400, dtype=np.int64), size)) >= 0).all()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("max_leverage", 1e300),
        ("max_leverage", 1e-300),
        ("max_leverage", np.nan),
        ("maintenance_margin_rate", 1e300),
        ("maintenance_margin_rate", -0.1),
        ("notional_floor", -1.0),
        ("notional_floor", 1e300),
        ("notional_cap", np.nan),
    ],
)
def test_a_sheet_with_an_entry_beyond_all_measure_is_none(column, value):
    rows = BTC.copy()
    rows.loc[rows.index[-1], column] = value
    sheet = margin_sheet(rows, perpetuals(("BTC",)), **FALLBACKS)
    assert sheet.missing.tolist() == [True, True]
    assert np.isfinite(liquidation_cap(account(1e5, BTC=1.0), sheet, np.array([0.1]))).all()
