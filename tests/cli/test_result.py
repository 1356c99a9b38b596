"""What verbs print: aligned text and strict JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from levercap.cli.result import Result, cell, envelope, pairs, table


def test_pairs_and_tables_align() -> None:
    assert pairs({"a": 1234, "longer": 0.5}) == "a       1,234\nlonger  0.5"
    text = table(["name", "value"], [["x", 1.0], ["yyyyyy", None], ["z", 12345.6]])
    assert text == "name     value\n------  ------\nx            1\nyyyyyy       -\nz       12,346"


def test_cells() -> None:
    values = [None, float("nan"), True, 1234567, 0.123456, 1e6, "x"]
    assert [cell(v) for v in values] == ["-", "-", "yes", "1,234,567", "0.1235", "1,000,000", "x"]


def test_json_holds_only_json() -> None:
    data = {
        "path": Path("a/b"),
        "when": pd.Timestamp("2025-06-30", tz="UTC"),
        "stdlib": datetime(2025, 6, 30, tzinfo=UTC),
        "nat": pd.NaT,
        "nan": float("nan"),
        "inf": np.float64("inf"),
        "array": np.array([1.0, np.nan]),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "nested": {"tuple": (1, {2}), "none": None},
    }
    parsed = json.loads(envelope(Result("", data)), parse_constant=lambda text: 1 / 0)["data"]
    assert parsed == {
        "path": "a/b",
        "when": "2025-06-30T00:00:00+00:00",
        "stdlib": "2025-06-30T00:00:00+00:00",
        "nat": None,
        "nan": None,
        "inf": None,
        "array": [1.0, None],
        "count": 3,
        "flag": True,
        "nested": {"tuple": [1, [2]], "none": None},
    }


@given(
    st.recursive(
        st.floats() | st.integers() | st.text() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_gives_strict_json(value: object) -> None:
    json.loads(envelope(Result("", {"value": value})), parse_constant=lambda text: 1 / 0)
