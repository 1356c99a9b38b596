import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.book import REJECTION_REASONS, clean_book
from levercap.core.errors import DataError, Severity
from levercap.core.instrument import Instrument, perpetuals
from support.properties import examples

SYMBOLS = ("ADAUSDT", "BTCUSDT", "ETHUSDT")
INSTRUMENTS = perpetuals(SYMBOLS)


def accounts(**columns):
    n = len(next(iter(columns.values()))) if columns else 3
    base = {"account_id": [f"a{i}" for i in range(n)], "equity": [100.0] * n, "segment": ["retail"] * n}
    return pd.DataFrame({**base, **columns})


def positions(*rows):
    return pd.DataFrame(rows, columns=["account_id", "symbol", "notional"])


def held(book, account):
    """Symbol code and notional of one account of the portfolio."""
    i = book.rows.tolist().index(book.accounts["account_id"].tolist().index(account))
    part = slice(book.portfolio.offsets[i], book.portfolio.offsets[i + 1])
    return [*zip(book.portfolio.instrument[part].tolist(), book.portfolio.notional[part].tolist(), strict=True)]


def codes(book):
    return {f.code: f for f in book.findings}


def test_positions_are_netted_sorted_and_zeros_dropped():
    book = clean_book(
        accounts(),
        positions(
            ("a1", "ETHUSDT", 5.0),
            ("a0", "BTCUSDT", 7.0),
            ("a1", "ADAUSDT", -2.0),
            ("a1", "ETHUSDT", -8.0),
            ("a0", "ETHUSDT", 0.0),
            ("a0", "ADAUSDT", 3.0),
            ("a0", "ADAUSDT", -3.0),
        ),
        INSTRUMENTS,
    )
    assert held(book, "a0") == [(1, 7.0)]
    assert held(book, "a1") == [(0, -2.0), (2, -3.0)]
    assert held(book, "a2") == []
    assert book.findings == ()
    assert book.reasons == ((), (), ())
    assert book.portfolio.instruments == INSTRUMENTS


def test_sums_are_the_same_to_the_last_bit_in_every_order():
    sums = {
        clean_book(accounts(), positions(*(("a0", "BTCUSDT", x) for x in order)), INSTRUMENTS).portfolio.notional[0]
        for order in itertools.permutations([0.1, 0.2, 0.3])
    }
    assert (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)
    assert len(sums) == 1


def test_what_nets_to_rounding_is_no_position():
    book = clean_book(
        accounts(), positions(("a0", "BTCUSDT", 0.1), ("a0", "BTCUSDT", 0.2), ("a0", "BTCUSDT", -0.3)), INSTRUMENTS
    )
    assert 0.1 + 0.2 - 0.3 != 0.0
    assert held(book, "a0") == []


def test_unknown_symbols_are_kept_apart_and_never_cancel():
    book = clean_book(
        accounts(),
        positions(("a0", "ZZZ", 5.0), ("a0", "YYY", -5.0), ("a0", "ZZZ", 1.0), ("a0", "ADAUSDT", 2.0)),
        INSTRUMENTS,
    )
    assert held(book, "a0") == [(-1, -5.0), (-1, 6.0), (0, 2.0)]
    assert book.portfolio.gross_notional[0] == 13.0
    assert codes(book)["symbol_unknown"].count == 3
    assert codes(book)["symbol_unknown"].examples[0] == "row 1: account_id=a0 symbol=ZZZ notional=5.0"


BAD_EQUITY = [
    (np.nan, "equity_missing", "without equity"),
    (None, "equity_missing", "without equity"),
    (np.inf, "equity_not_finite", "infinite"),
    (-np.inf, "equity_not_finite", "infinite"),
    (0.0, "equity_not_positive", "zero or negative"),
    (-0.0, "equity_not_positive", "zero or negative"),
    (-1e-9, "equity_not_positive", "zero or negative"),
    ("lots", "equity_not_a_number", "not a number"),
    (True, "equity_not_a_number", "not a number"),
]


@pytest.mark.parametrize(("equity", "reason", "words"), BAD_EQUITY)
def test_accounts_of_unusable_equity_are_rejected_alone(equity, reason, words):
    frame = accounts(equity=pd.Series([100.0, equity, 50.0], dtype="object"))
    book = clean_book(frame, positions(("a1", "BTCUSDT", 5.0), ("a2", "BTCUSDT", 5.0)), INSTRUMENTS)
    assert book.reasons == ((), (reason,), ())
    assert book.rejected.tolist() == [False, True, False]
    assert book.rows.tolist() == [0, 2]
    assert book.portfolio.equity.tolist() == [100.0, 50.0]
    found = codes(book)[reason]
    assert (found.severity, found.count, found.where) == (Severity.WARNING, 1, "accounts: equity")
    assert words in found.message
    assert found.examples[0].startswith("row 2: account_id=a1 equity=")


@pytest.mark.parametrize("notional", [np.nan, np.inf, -np.inf, None, "much"])
def test_an_account_with_an_unusable_notional_is_rejected_alone(notional):
    rows = positions(("a1", "BTCUSDT", 5.0), ("a1", "ETHUSDT", notional), ("a2", "BTCUSDT", 5.0))
    book = clean_book(accounts(), rows, INSTRUMENTS)
    assert book.reasons == ((), ("notional_not_finite",), ())
    assert codes(book)["notional_not_finite"].count == 1
    assert held(book, "a2") == [(1, 5.0)]


def test_notionals_whose_sum_overflows_are_not_finite():
    book = clean_book(accounts(), positions(("a1", "BTCUSDT", 1e308), ("a1", "ETHUSDT", -1e308)), INSTRUMENTS)
    assert book.reasons[1] == ("notional_not_finite",)


@pytest.mark.parametrize("symbol", [None, "", "  ", np.nan])
def test_an_account_with_a_position_without_symbol_is_rejected(symbol):
    book = clean_book(accounts(), positions(("a1", symbol, 5.0)), INSTRUMENTS)
    assert book.reasons == ((), ("symbol_missing",), ())
    assert [*codes(book)] == ["symbol_missing"]


def test_a_position_of_another_kind_counts_in_no_instrument_and_rejects_nothing():
    rows = positions(
        ("a0", "BTCUSDT", 5.0), ("a1", "BTCUSDT", 5.0), ("a1", "ETHUSDT", -2.0), ("a2", "BTCUSDT", 5.0)
    ).assign(kind=["perp", "option", " Perp", None])
    book = clean_book(accounts(), rows, INSTRUMENTS)
    assert book.reasons == ((), (), ())
    assert [held(book, name) for name in ("a0", "a1", "a2")] == [[(1, 5.0)], [(-1, 5.0), (2, -2.0)], [(1, 5.0)]]
    assert book.unsupported.tolist() == [False, True, False]
    assert book.portfolio.gross_notional.tolist() == [5.0, 7.0, 5.0]
    (finding,) = book.findings
    assert (finding.code, finding.count, finding.where) == ("kind_not_supported", 1, "positions: kind")
    assert finding.examples == ("row 2: account_id=a1 symbol=BTCUSDT notional=5.0 kind=option",)


def test_long_and_short_of_another_kind_never_cancel():
    kinds = ["option", "option", "inverse", "option", "perp"]
    rows = positions(
        *(("a0", s, x) for s, x in (("BTCUSDT", 5.0), ("BTCUSDT", -5.0), ("BTCUSDT", 3.0), ("BTCUSDT", 1.0))),
        ("a0", "ZZZ", 4.0),
    ).assign(kind=kinds)
    book = clean_book(accounts(), rows, INSTRUMENTS)
    assert held(book, "a0") == [(-1, 3.0), (-1, 6.0), (-1, -5.0), (-1, 4.0)]
    assert book.portfolio.gross_notional[0] == 18.0
    assert {code: finding.count for code, finding in codes(book).items()} == {
        "kind_not_supported": 4,
        "symbol_unknown": 1,
    }


def test_a_position_of_another_kind_without_size_is_none_and_without_a_number_rejects():
    rows = positions(("a0", "BTCUSDT", 0.0), ("a1", "BTCUSDT", np.nan)).assign(kind="option")
    book = clean_book(accounts(), rows, INSTRUMENTS)
    assert book.reasons == ((), ("notional_not_finite",), ())
    assert book.unsupported.tolist() == [False, False]
    assert held(book, "a0") == []


def test_all_rows_of_a_duplicate_account_are_rejected_with_its_positions():
    frame = accounts(account_id=["a", "b", "a"], equity=[1.0, 2.0, 3.0])
    book = clean_book(frame, positions(("a", "BTCUSDT", 5.0), ("b", "BTCUSDT", 6.0)), INSTRUMENTS)
    assert book.reasons == (("duplicate_account",), (), ("duplicate_account",))
    assert codes(book)["duplicate_account"].count == 2
    assert book.portfolio.notional.tolist() == [6.0]
    assert book.accounts["equity"].tolist() == [1.0, 2.0, 3.0]


def test_accounts_seen_only_in_positions_are_appended_and_rejected():
    frame = accounts(desk=[1, 2, 3], vip=[True, False, True], note=["x", "y", "z"])
    rows = positions(
        ("zeta", "BTCUSDT", 5.0), ("beta", "BTCUSDT", np.nan), ("a0", "BTCUSDT", 1.0), ("zeta", "ETHUSDT", 2.0)
    )
    book = clean_book(frame, rows, INSTRUMENTS)
    assert book.accounts["account_id"].tolist() == ["a0", "a1", "a2", "beta", "zeta"]
    assert book.reasons == ((), (), (), ("account_missing", "notional_not_finite"), ("account_missing",))
    assert book.accounts["desk"].tolist()[:3] == [1, 2, 3]
    assert book.accounts["vip"].tolist()[:3] == [True, False, True]
    assert book.accounts.iloc[3:][["equity", "segment", "desk", "vip", "note"]].isna().all(axis=None)
    assert codes(book)["account_missing"].count == 2


def test_rows_without_an_id_are_rejected_and_kept():
    book = clean_book(accounts(account_id=["a", None, "c"]), positions((None, "BTCUSDT", 5.0)), INSTRUMENTS)
    assert book.accounts["account_id"].tolist() == ["a", "", "c"]
    assert book.reasons == ((), ("account_id_missing",), ())
    stray = clean_book(accounts(), positions((None, "BTCUSDT", 5.0)), INSTRUMENTS)
    assert stray.accounts["account_id"].tolist() == ["a0", "a1", "a2", ""]
    assert stray.reasons[3] == ("account_id_missing", "account_missing")


def test_ids_are_strings_whatever_they_came_as():
    numbers = clean_book(accounts(account_id=[1, 2, 3]), positions((2, "BTCUSDT", 5.0)), INSTRUMENTS)
    texts = clean_book(accounts(account_id=["1", "2", "3"]), positions((" 2 ", "BTCUSDT", 5.0)), INSTRUMENTS)
    mixed = clean_book(accounts(account_id=[1, "2", "3"]), positions((2, "BTCUSDT", 5.0)), INSTRUMENTS)
    for book in (numbers, texts, mixed):
        assert book.accounts["account_id"].tolist() == ["1", "2", "3"]
        assert book.accounts["account_id"].dtype == "str"
        assert held(book, "2") == [(1, 5.0)]


def test_other_columns_and_the_order_of_accounts_are_untouched():
    frame = accounts(
        account_id=["z", "a", "m"], previous_max_leverage=[5.0, np.nan, 2.0], desk=pd.Categorical(["x", "y", "x"])
    )
    frame.index = [7, 7, 9]
    book = clean_book(frame, positions(("m", "BTCUSDT", 1.0)), INSTRUMENTS)
    pd.testing.assert_frame_equal(book.accounts, frame.reset_index(drop=True), check_dtype=True)
    assert book.findings == ()


def test_previous_limits_that_are_no_limits_are_noticed():
    previous = pd.Series([5.0, -1.0, "x"], dtype="object")
    found = codes(clean_book(accounts(previous_max_leverage=previous), positions(), INSTRUMENTS))
    assert found["previous_max_leverage_invalid"].count == 2


def test_unknown_segments_are_noticed_and_kept():
    book = clean_book(accounts(segment=["retail", "whale", None]), positions(), INSTRUMENTS, ("retail",))
    assert codes(book)["segment_unknown"].count == 2
    assert not book.rejected.any()
    assert clean_book(accounts(segment=["retail", "whale", None]), positions(), INSTRUMENTS).findings == ()


def test_a_book_without_accounts_is_refused():
    with pytest.raises(DataError, match="book has no accounts") as error:
        clean_book(accounts()[:0], positions(("a0", "BTCUSDT", 1.0)), INSTRUMENTS)
    assert (error.value.exit_code, error.value.findings[0].code) == (3, "book_empty")


def test_missing_columns_of_both_tables_are_reported_at_once():
    with pytest.raises(DataError) as error:
        clean_book(accounts().drop(columns="equity"), positions().drop(columns=["symbol", "notional"]), INSTRUMENTS)
    assert [(f.where, f.message) for f in error.value.findings] == [
        ("accounts", "missing column: equity"),
        ("positions", "missing columns: symbol, notional"),
    ]


def test_every_account_may_be_rejected():
    book = clean_book(accounts(equity=[0.0, -1.0]), positions(("a0", "BTCUSDT", 1.0)), INSTRUMENTS)
    assert len(book.portfolio) == 0
    assert book.rejected.all()


IDS = [*"abcdefg", ""]
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, np.nan, np.inf, -np.inf, 0.1, 0.2, -0.3, 1e308]))
account_rows = st.lists(st.tuples(st.sampled_from(IDS), NUMBERS), min_size=1, max_size=8)
position_rows = st.lists(
    st.tuples(st.sampled_from([*IDS, "stray"]), st.sampled_from([*SYMBOLS, "ODD", "RARE", ""]), NUMBERS), max_size=25
)


def made(some_accounts, some_positions):
    frame = accounts(account_id=[i for i, _ in some_accounts], equity=[e for _, e in some_accounts])
    return frame, positions(*some_positions)


@pytest.mark.slow
@examples(200)
@given(account_rows, position_rows, st.randoms(use_true_random=False))
def test_the_order_of_positions_changes_nothing(some_accounts, some_positions, random):
    frame, rows = made(some_accounts, some_positions)
    shuffled = [*some_positions]
    random.shuffle(shuffled)
    one, two = (clean_book(frame, x, INSTRUMENTS) for x in (rows, positions(*shuffled)))
    for field in dataclasses.fields(one.portfolio):
        np.testing.assert_array_equal(getattr(one.portfolio, field.name), getattr(two.portfolio, field.name))
    assert one.reasons == two.reasons
    pd.testing.assert_frame_equal(one.accounts, two.accounts)


def slow_book(frame, rows):
    """The definition, account by account: reasons and netted positions; a sum that overflows is infinite."""
    ids = frame["account_id"].tolist()
    out = {}
    for account in {*ids, *rows["account_id"]}:
        own = rows[rows["account_id"] == account]
        equity = frame.loc[frame["account_id"] == account, "equity"]
        with np.errstate(over="ignore"):
            gross = own["notional"].abs().sum(skipna=False)
        bad = (
            account == ""
            or len(equity) != 1
            or not 0 < equity.iloc[0] < np.inf
            or not np.isfinite(gross)
            or (own["symbol"] == "").any()
        )
        out[account] = (
            None if bad else own.groupby("symbol")["notional"].agg([("net", "sum"), ("gross", lambda x: x.abs().sum())])
        )
    return out


@pytest.mark.slow
@examples(200)
@given(account_rows, position_rows)
def test_every_account_comes_out_and_its_positions_equal_the_definition(some_accounts, some_positions):
    frame, rows = made(some_accounts, some_positions)
    book = clean_book(frame, rows, INSTRUMENTS)
    with np.errstate(over="ignore"):
        expected = slow_book(frame, rows)
    assert book.accounts["account_id"].tolist()[: len(frame)] == frame["account_id"].tolist()
    assert set(book.accounts["account_id"]) == set(expected)
    assert len(book.accounts) == len(book.rejected) == len(book.reasons)
    assert len(book.rows) == len(book.portfolio) == (~book.rejected).sum()
    for row, reasons in enumerate(book.reasons):
        assert (len(reasons) > 0) == book.rejected[row]
        assert set(reasons) <= set(REJECTION_REASONS)
        assert book.rejected[row] == (expected[book.accounts["account_id"].iloc[row]] is None)
    for row in book.rows:
        account = book.accounts["account_id"].iloc[row]
        net = expected[account]
        got = held(book, account)
        assert [code for code, _ in got] == sorted(code for code, _ in got)
        total = {code: sum(n for c, n in got if c == code) for code in range(-1, 3)}
        for code, symbol in enumerate(SYMBOLS):
            reference = net["net"].get(symbol, 0.0)
            assert total[code] == pytest.approx(reference, abs=1e-11 * net["gross"].get(symbol, 0.0))
        odd = net.loc[[s for s in net.index if s not in SYMBOLS], "net"]
        assert total[-1] == pytest.approx(odd.sum(), abs=1e-11 * net["gross"].sum())


def test_a_large_book_equals_pandas():
    rng = np.random.default_rng(1)
    n = 20_000
    frame = pd.DataFrame(
        {"account_id": [f"A{i}" for i in range(n)], "equity": rng.lognormal(7, 2, n), "segment": "retail"}
    )
    owner = rng.integers(0, n, 70_000)
    names = np.array(SYMBOLS)[rng.integers(0, 3, len(owner))]
    rows = pd.DataFrame(
        {"account_id": [f"A{i}" for i in owner], "symbol": names, "notional": rng.normal(0, 1e3, len(owner))}
    )
    portfolio = clean_book(frame, rows, INSTRUMENTS).portfolio
    netted = rows.assign(owner=owner).groupby(["owner", "symbol"])["notional"].sum()
    np.testing.assert_array_equal(portfolio.account, netted.index.get_level_values(0))
    np.testing.assert_array_equal(np.array(SYMBOLS)[portfolio.instrument], netted.index.get_level_values(1))
    np.testing.assert_allclose(portfolio.notional, netted.to_numpy(), rtol=1e-9, atol=1e-9)


def test_an_instrument_without_a_market_is_reported_and_stays_in_the_portfolio():
    rows = positions(("a0", "BTCUSDT", 5.0), ("a1", "ADAUSDT", 7.0), ("a1", "ZZZ", 1.0))
    book = clean_book(accounts(), rows, INSTRUMENTS, market={"BTCUSDT", "ETHUSDT"})
    (finding,) = book.findings
    assert (finding.code, finding.count) == ("symbol_unknown", 2)
    assert "ADAUSDT" in finding.examples[0]
    assert held(book, "a1") == [(-1, 1.0), (0, 7.0)]
    listed = Instrument("BTC-PERP", "BTCUSDT")
    other = clean_book(accounts(), positions(("a0", "BTC-PERP", 5.0)), (listed,), market={"BTCUSDT"})
    assert other.findings == ()


def test_gross_notional_of_rejected_accounts_as_far_as_it_is_known():
    frame = accounts(account_id=["a", "b", "b", "c", "d"], equity=[0.0, 1.0, 1.0, 1.0, 1.0])
    rows = positions(
        ("a", "BTCUSDT", -5.0), ("a", "ETHUSDT", 6.0), ("b", "BTCUSDT", 2.0), ("c", "BTCUSDT", 3.0),
        ("d", "BTCUSDT", np.nan), ("e", "ETHUSDT", 1e308), ("e", "BTCUSDT", 1e308),
    )  # fmt: skip
    book = clean_book(frame, rows, INSTRUMENTS)
    assert book.accounts["account_id"][book.rejected].tolist() == ["a", "b", "b", "d", "e"]
    np.testing.assert_array_equal(book.rejected_gross, [11.0, 2.0, 2.0, np.nan, np.inf])
    alone = clean_book(accounts(equity=[0.0]), positions(), INSTRUMENTS)
    np.testing.assert_array_equal(alone.rejected_gross, [0.0])
