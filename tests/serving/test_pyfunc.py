"""One frame with a row per position says the same as accounts and positions, whatever is wrong with them."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.book import clean_book
from levercap.config import Config
from levercap.core.errors import DataError
from levercap.core.instrument import perpetuals
from levercap.limits.predictor import Predictor
from support.properties import examples
from support.snapshots import AS_OF, make_snapshot
from support.snapshots import SYMBOLS as KNOWN

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


PREDICTOR = Predictor(make_snapshot(np.random.default_rng(13)), Config())
INPUT = pd.DataFrame(
    {
        "account_id": ["a", "a", "b", "c", "d"],
        "equity": [1000, 1000, 500, 0, 70],
        "segment": ["retail", "retail", "institutional", "retail", "retail"],
        "jurisdiction": ["DE", "DE", "SG", None, "FR"],
        "symbol": [KNOWN[0], KNOWN[1], KNOWN[2], None, KNOWN[0]],
        "notional": [200.0, -300.0, 400.0, None, 5.0],
    }
)


def answers(frame):
    return pyfunc.PackagedModel(PREDICTOR).predict(frame)


def as_types(**types):
    return INPUT.astype({name: dtype for name, dtype in types.items() if name in INPUT})


@pytest.mark.parametrize(
    "frame",
    [
        as_types(account_id="category", segment="category", symbol="category", jurisdiction="category"),
        as_types(equity="Int64", notional="Float64", symbol="string"),
        as_types(equity="int64[pyarrow]", notional="double[pyarrow]", account_id="string[pyarrow]"),
        as_types(equity="object", notional="object", symbol="object", account_id="object"),
        INPUT.assign(notional=pd.array([200, -300, 400, None, 5], dtype="Int64")),
        INPUT.set_index(pd.Index([9, 9, 1, 1, 0])),
    ],
    ids=["categories", "nullable", "arrow", "object", "integers", "index"],
)  # fmt: skip
def test_every_type_of_column_is_answered_as_the_library_does(frame):
    expected = PREDICTOR.predict(*pyfunc.from_model_input(INPUT))
    found = answers(frame)
    assert found["account_id"].tolist() == expected["account_id"].tolist() == ["a", "b", "c", "d"]
    for name in ("max_leverage", "es_975", "cap_jurisdiction", "headroom"):
        mine = pd.to_numeric(found[name]).fillna(np.inf).to_numpy(dtype=float)
        np.testing.assert_array_equal(mine, expected[name].fillna(np.inf).to_numpy())
    assert found["status"].tolist() == expected["status"].tolist()


def test_answers_are_strict_json():
    hostile = INPUT.astype({"equity": "object", "segment": "object"})
    hostile.loc[4, ["equity", "segment"]] = [float("inf"), [1]]
    for frame in (INPUT, hostile):
        records = answers(frame).to_dict(orient="records")
        text = json.dumps(records, allow_nan=False, default=lambda x: x.isoformat())
        rows = json.loads(text)
        assert len(rows) == 4
        assert rows[1]["cap_jurisdiction"] is None
        assert rows[2]["es_975"] is None
        assert all(isinstance(row["max_leverage"], float) for row in rows)


def test_a_column_twice_is_told():
    with pytest.raises(Exception, match="repeated column: equity") as caught:
        answers(pd.concat([INPUT, INPUT[["equity"]]], axis=1))
    assert caught.value.exit_code == 3


def later(hours):
    return (AS_OF + pd.Timedelta(hours=hours)).isoformat()


def asked(**params):
    frame = INPUT.assign(previous_max_leverage=[1.5, 1.5, 1.5, 1.5, None])
    return pyfunc.PackagedModel(PREDICTOR).predict(frame, params or None)


@pytest.mark.parametrize(
    ("params", "age"),
    [
        ({}, "own_instant"),
        ({"now": None, "max_age_hours": None}, "own_instant"),
        ({"now": later(3)}, "allowed"),
        ({"now": later(3).removesuffix("+00:00")}, "allowed"),
        ({"now": later(72), "max_age_hours": 72.0}, "allowed"),
        ({"max_age_hours": 1e7}, "allowed"),
        ({"now": later(4)}, "exceeded"),
        ({"now": later(3), "max_age_hours": 2.5}, "exceeded"),
        ({"max_age_hours": 3}, "exceeded"),
    ],
)
def test_what_the_age_of_the_snapshot_does_is_said(params, age):
    """Up to the age allowed the limits are the same, bit for bit; beyond it held or bounded, and never higher."""
    own, answer = asked(), asked(**params)
    assert set(answer["snapshot_age"]) == {age}
    assert list(answer)[-1] == "snapshot_age"
    if age != "exceeded":
        pd.testing.assert_frame_equal(answer.drop(columns="snapshot_age"), own.drop(columns="snapshot_age"))
        assert (answer["as_of"] == AS_OF).all()
        return
    assert (answer["as_of"] > AS_OF).all()
    assert "scored" not in set(answer["status"])
    limit = answer["max_leverage"].astype(float)
    assert (limit <= own["max_leverage"].astype(float)).all()
    held = asked(now=later(4))
    assert held["status"].tolist()[:2] == ["held", "held"]
    assert held["reasons"].iloc[0] == "symbol_stale;held"


@pytest.mark.parametrize(
    "params",
    [
        {"now": "yesterday"},
        {"now": "now"},
        {"now": ""},
        {"now": 5},
        {"now": "10000-01-01"},
        {"now": later(-1)},
        {"max_age_hours": -1.0},
        {"max_age_hours": float("nan")},
        {"max_age_hours": "long"},
        {"max_age_hours": 10**400},
    ],
)
def test_parameters_that_cannot_be_read_are_named(params):
    with pytest.raises(DataError, match=next(iter(params))):
        asked(**params)
