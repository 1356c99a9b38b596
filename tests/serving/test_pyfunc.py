"""One frame with a row per position says the same as accounts and positions, whatever is wrong with them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.book import clean_book
from levercap.core.instrument import perpetuals
from support.properties import examples

pyfunc = pytest.importorskip("levercap.serving.pyfunc")

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
IDS = st.sampled_from(["a", "b", "c", "d", "e"])
account = st.tuples(
    IDS,
    st.sampled_from([1000.0, 250.5, 0.0, -3.0, np.nan, np.inf]),
    st.sampled_from(["retail", "professional", None]),
    st.sampled_from(["EU", None]),
)
position = st.tuples(
    IDS | st.just("orphan"),
    st.sampled_from([*SYMBOLS, "DOGEUSDT", None]),
    st.sampled_from([100.0, -0.1, 0.2, 0.3, 7e5, 0.0, np.nan, np.inf]),
    st.sampled_from(["perp", "spot", None]),
)


def tables(accounts, positions):
    a = pd.DataFrame(accounts, columns=["account_id", "equity", "segment", "jurisdiction"])
    p = pd.DataFrame(positions, columns=["account_id", "symbol", "notional", "kind"])
    texts = {"account_id": "str", "segment": "str", "jurisdiction": "str", "symbol": "str", "kind": "str"}
    numbers = {"equity": "float64", "notional": "float64"}
    return tuple(f.astype({k: v for k, v in {**texts, **numbers}.items() if k in f}) for f in (a, p))


def same_book(one, two):
    pd.testing.assert_frame_equal(one.accounts, two.accounts)
    assert one.reasons == two.reasons
    for name in ("equity", "offsets", "instrument", "notional"):
        np.testing.assert_array_equal(getattr(one.portfolio, name), getattr(two.portfolio, name))


@pytest.mark.slow
@examples(100)
@given(st.lists(account, min_size=1, max_size=7), st.lists(position, max_size=10))
def test_round_trip_is_the_same_book(accounts, positions):
    a, p = tables(accounts, positions)
    frame = pyfunc.to_model_input(a, p)
    back = pyfunc.from_model_input(frame)
    assert len(frame) <= len(a) + len(p)
    same_book(clean_book(a, p, perpetuals(SYMBOLS)), clean_book(*back, perpetuals(SYMBOLS)))


def test_what_the_frame_looks_like():
    a, p = tables(
        [("a", 10.0, "retail", None), ("b", 20.0, "retail", "EU"), ("c", 30.0, "professional", None)],
        [("c", "ETHUSDT", -5.0, "perp"), ("a", "BTCUSDT", 1.0, "perp"), ("c", "BTCUSDT", 2.0, "perp")],
    )
    frame = pyfunc.to_model_input(a, p)
    assert frame["account_id"].tolist() == ["a", "b", "c", "c"]
    assert frame["symbol"].fillna("-").tolist() == ["BTCUSDT", "-", "ETHUSDT", "BTCUSDT"]
    assert {n: str(t) for n, t in frame.dtypes.items()} == {
        "account_id": "str", "equity": "float64", "segment": "str", "jurisdiction": "str",
        "symbol": "str", "notional": "float64", "kind": "str",
    }  # fmt: skip


def test_types_hold_without_any_position():
    a, p = tables([("a", 10.0, None, None)], [])
    frame = pyfunc.to_model_input(a.assign(previous_max_leverage=[3]), p)
    assert str(frame["symbol"].dtype) == str(frame["segment"].dtype) == "str"
    assert str(frame["notional"].dtype) == str(frame["previous_max_leverage"].dtype) == "float64"


def test_account_with_conflicting_fields_is_a_duplicate():
    frame = pd.DataFrame(
        {
            "account_id": ["a", "a", "b"],
            "equity": [10.0, 11.0, 5.0],
            "segment": ["retail"] * 3,
            "symbol": ["BTCUSDT", "ETHUSDT", None],
            "notional": [1.0, 1.0, None],
        }
    )
    book = clean_book(*pyfunc.from_model_input(frame), perpetuals(SYMBOLS))
    assert book.accounts["account_id"].tolist() == ["a", "a", "b"]
    assert book.reasons == (("duplicate_account",), ("duplicate_account",), ())


def test_missing_columns_are_named_together():
    with pytest.raises(Exception, match="missing columns: segment, notional") as caught:
        pyfunc.from_model_input(pd.DataFrame({"account_id": ["a"], "equity": [1.0], "symbol": ["BTCUSDT"]}))
    assert caught.value.exit_code == 3
