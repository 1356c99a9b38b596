"""What verbs print: aligned text and strict JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from levercap.cli.result import Result, cell, counted, envelope, pairs, percent, table


def test_pairs_and_tables_align() -> None:
    assert pairs({"a": 1234, "longer": 0.5}) == "a       1,234\nlonger  0.5"
    text = table(["name", "value"], [["x", 1.0], ["yyyyyy", None], ["z", 12345.6]])
    assert text == "name     value\n------  ------\nx            1\nyyyyyy       -\nz       12,346"


def test_cells() -> None:
    values = [None, float("nan"), True, 1234567, 0.123456, 1e6, "x", -0.0]
    assert [cell(v) for v in values] == ["-", "-", "yes", "1,234,567", "0.1235", "1,000,000", "x", "0"]


def test_percentages_stand_to_the_right_and_counts_agree_with_their_nouns() -> None:
    assert [percent(x) for x in (0.123456, -0.5, -0.0, None)] == ["12.35 %", "-50 %", "0 %", None]
    assert table(["a", "share"], [["x", percent(0.5)], ["y", percent(0.123)]]).splitlines()[2:] == [
        "x    50 %",
        "y  12.3 %",
    ]
    assert [counted(n, "warning") for n in (0, 1, 1200)] == ["0 warnings", "1 warning", "1,200 warnings"]


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


def test_cells_write_control_characters_out():
    assert cell("a\x1b[2J\nb") == r"a\x1b[2J\nb"
    assert pairs({"account": "x\x07"}) == r"account  x\x07"
