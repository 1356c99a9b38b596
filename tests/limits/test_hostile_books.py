"""Whatever a book holds: an error with a reason, or a row with a finite limit for every account."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.book import REJECTION_REASONS
from levercap.config import Config
from levercap.core.errors import DataError
from levercap.limits.predictor import Predictor
from levercap.limits.summary import summarise
from levercap.storage.tables import as_text
from support.properties import examples
from support.snapshots import SYMBOLS, make_snapshot

PREDICTOR = Predictor(make_snapshot(np.random.default_rng(11)), Config())


class Unwritable:
    def __str__(self) -> str:
        raise ZeroDivisionError


HOSTILE = st.sampled_from(
    [
        None, np.nan, pd.NA, pd.NaT, np.inf, -np.inf, True, False, 0, -0.0, 1, 10**400, -(10**400), 10**5000,
        1e308, 5e-324,
        "", "  ", "nan", "1,000.5", "1_000", "0x10", "1e400", "١٢٣", "\x00", "\x1b[2J", "a\ud800", "\udfff",
        "\u202e", "a\nb",
        b"\xff", [1, 2], {"a": 1}, (1,), {1}, 1 + 2j, decimal.Decimal("1e5000"), decimal.Decimal("sNaN"), Unwritable(),
        datetime.date(1, 1, 1), pd.Timestamp("2020-01-01", tz="UTC"), pd.Timedelta("1D"), np.float32(3),
        np.datetime64("NaT"),
        pd.Interval(0, 1), "x" * 5000,
    ]
)  # fmt: skip
IDS = st.sampled_from(["a", "b", "c", 7, "7"]) | HOSTILE
NUMBERS = st.floats(allow_nan=True) | st.sampled_from([100.0, 2500.0, "300.5"]) | HOSTILE
TEXTS = st.sampled_from(["retail", "institutional", "DE", "perp", "option"]) | HOSTILE | st.text(max_size=5)
NAMES = st.sampled_from(SYMBOLS) | HOSTILE


def table(columns, required, optional, sizes):
    """Tables of hostile values; now and then a column is missing or stands there twice."""
    return st.integers(*sizes).flatmap(
        lambda n: st.fixed_dictionaries(
            {name: st.lists(columns[name], min_size=n, max_size=n) for name in required},
            optional={name: st.lists(columns[name], min_size=n, max_size=n) for name in optional},
        ).map(lambda values: pd.DataFrame({name: pd.Series(x, dtype="object") for name, x in values.items()}))
    )


ACCOUNTS = table(
    {"account_id": IDS, "equity": NUMBERS, "segment": TEXTS, "jurisdiction": TEXTS, "previous_max_leverage": NUMBERS,
     3: TEXTS},
    ("account_id", "equity", "segment"), ("jurisdiction", "previous_max_leverage", 3), (1, 5),
)  # fmt: skip
POSITIONS = table(
    {"account_id": IDS, "symbol": NAMES, "notional": NUMBERS, "kind": TEXTS},
    ("account_id", "symbol", "notional"), ("kind",), (0, 6),
)  # fmt: skip


def assert_every_account_is_answered(accounts, positions):
    book = PREDICTOR.clean(accounts, positions)
    limits = PREDICTOR.score(book)
    ids = as_text(accounts["account_id"]).to_pylist()
    assert limits["account_id"].tolist()[: len(ids)] == ids
    assert set(as_text(positions["account_id"]).to_pylist()) <= set(limits["account_id"])
    assert np.isfinite(limits["max_leverage"]).all()
    assert (limits["max_leverage"] >= 0).all()
    rejected = (limits["status"] == "rejected").to_numpy()
    assert (rejected == book.rejected).all()
    for reasons in limits.loc[rejected, "reasons"]:
        assert set(reasons.split(";")) <= set(REJECTION_REASONS)
    for finding in book.findings:
        str(finding).encode("utf-8")
        assert not any(ord(c) < 32 for text in (finding.message, *finding.examples) for c in text)
    summarise(limits, accounts, book.findings)


@pytest.mark.slow
@examples(80)
@given(ACCOUNTS, POSITIONS)
def test_any_values_at_all(accounts, positions):
    assert_every_account_is_answered(accounts, positions)


@examples(20)
@given(
    ACCOUNTS,
    POSITIONS,
    st.sampled_from(["account_id", "equity", "symbol", "notional"]),
    st.sampled_from(["drop", "twice"]),
)
def test_columns_missing_or_twice_are_an_error_that_names_them(accounts, positions, name, how):
    frames = [accounts, positions]
    for i, frame in enumerate(frames):
        if name in frame:
            frames[i] = frame.drop(columns=name) if how == "drop" else pd.concat([frame, frame[[name]]], axis=1)
    with pytest.raises(DataError, match=f"column_{'missing' if how == 'drop' else 'twice'}.*") as caught:
        PREDICTOR.predict(*frames)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "broken", [None, 3, [], pd.Series([1]), pd.DataFrame(), pd.DataFrame([[1]], columns=[["a"], ["b"]])]
)
def test_what_is_no_table_is_an_error_with_a_reason(broken):
    good = pd.DataFrame({"account_id": ["a"], "equity": [1.0], "segment": ["retail"]})
    held = pd.DataFrame({"account_id": ["a"], "symbol": [SYMBOLS[0]], "notional": [1.0]})
    for book in ((broken, held), (good, broken)):
        with pytest.raises(DataError) as caught:
            PREDICTOR.predict(*book)
        assert caught.value.findings


def numbers(dtype):
    values = {"category": [1, 3, 2], "string": ["1", "3", "2"], "object": ["1", 3, 2.0]}.get(dtype, [1, 3, 2])
    if dtype == "decimal":
        return pd.Series(
            [decimal.Decimal(x) for x in values], dtype=pd.ArrowDtype(__import__("pyarrow").decimal128(20, 3))
        )
    return pd.Series(values, dtype=dtype)


@pytest.mark.parametrize(
    "dtype",
    ["int8", "uint64", "float32", "Int64", "Float32", "int64[pyarrow]", "double[pyarrow]", "category", "string",
     "object", "string[pyarrow]", "Sparse[int64]", "decimal"],
)  # fmt: skip
def test_every_type_of_column_gives_the_same_limits(dtype):
    text = {"category": "category", "string[pyarrow]": "string[pyarrow]"}.get(dtype, "object")
    plain = (
        pd.DataFrame(
            {"account_id": ["a", "b", "c"], "equity": [1.0, 3.0, 2.0], "segment": "retail", "jurisdiction": "SG"}
        ),
        pd.DataFrame({"account_id": ["a", "b", "x"], "symbol": SYMBOLS[:3], "notional": [1.0, 3.0, 2.0]}),
    )
    accounts, positions = (frame.copy() for frame in plain)
    for frame, name in ((accounts, "equity"), (positions, "notional")):
        frame[name] = numbers(dtype)
        frame.index = [5, 5, 9]
        for column in ("account_id", "segment", "jurisdiction", "symbol"):
            if column in frame:
                frame[column] = frame[column].astype(text)
    expected, found = PREDICTOR.predict(*plain), PREDICTOR.predict(accounts, positions)
    own = [name for name in expected if name not in accounts]
    pd.testing.assert_frame_equal(found[["account_id", *own]], expected[["account_id", *own]], check_exact=True)
    assert_every_account_is_answered(accounts, positions)
