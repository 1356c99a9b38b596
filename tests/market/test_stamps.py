"""Instants are read from timestamps, epoch numbers of any unit, and texts of either, value by value."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import MarketConfig
from levercap.core.errors import DataError
from levercap.market import load_market, market_from_tables
from levercap.market.stamps import MISSING, NAIVE, OK, UNREADABLE, instants, instants_of_numbers
from support.market_tables import bars, series, tiers
from support.properties import examples

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
CONFIG = MarketConfig()
EXPECTED = market_from_tables({"bars": bars()}, CONFIG).panel.data_hash()
MICROS = st.integers(631_152_000 * 10**6, 4_102_444_800 * 10**6 - 1)


def in_unit(micros, unit):
    return micros * (UNITS[unit] // 10**6) if UNITS[unit] >= 10**6 else micros // (10**6 // UNITS[unit])


def read(values):
    found = instants(pa.chunked_array([pa.array(values)]))
    return found.micros.tolist(), found.states.tolist()


@examples(200)
@given(st.lists(st.tuples(MICROS, st.sampled_from([*UNITS])), min_size=1, max_size=20), st.booleans())
def test_epoch_integers_are_read_each_in_its_own_unit(stamps, text):
    numbers = [in_unit(micros, unit) for micros, unit in stamps]
    whole = [micros - micros % (10**6 // min(UNITS[unit], 10**6)) for micros, unit in stamps]
    assert read([str(n) for n in numbers] if text else numbers) == (whole, [OK] * len(stamps))


@examples(100)
@given(st.lists(MICROS, min_size=1, max_size=10))
def test_epoch_floats_are_read_to_the_microsecond_in_seconds(stamps):
    values = np.array(stamps) / 10**6
    micros, readable = instants_of_numbers(values)
    assert readable.all()
    assert np.abs(micros - np.array(stamps)).max() <= 1


@examples(200)
@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_is_an_instant_of_1990_to_2099_or_none(number):
    micros, readable = instants_of_numbers(np.array([number], dtype=np.int64))
    if readable[0]:
        assert 1990 <= pd.Timestamp(int(micros[0]), unit="us").year < 2100
        assert any(in_unit(int(micros[0]), unit) == number or unit == "ns" for unit in UNITS)
    else:
        years = [number / per / 31_556_952 + 1970 for per in UNITS.values()]
        assert not any(1990.01 < year < 2099.99 for year in years)


def test_texts_of_utc_are_instants_and_others_are_not():
    micros = pd.Timestamp("2025-01-01", tz="UTC").as_unit("us").value // 1000
    texts = ["2025-01-01 00:00:00 UTC", "2025-01-01T00:00:00Z", "2025-01-01 00:00 GMT", "2025-01-01T01:00:00+01:00",
             "1735689600", "1735689600000", "1735689600.000000", " 1735689600000000000 "]  # fmt: skip
    assert read(texts) == ([micros] * len(texts), [OK] * len(texts))
    wrong = ["2025-01-01", "yesterday", "", None, "20250101", "12345678901234567890123", "-1735689600", "1e9"]
    assert read(wrong)[1] == [NAIVE, UNREADABLE, MISSING, MISSING, *[UNREADABLE] * 4]


@pytest.mark.parametrize(("values", "state"), [
    (pa.array([True]), UNREADABLE), (pa.array([np.nan]), UNREADABLE), (pa.array([None], pa.int64()), MISSING),
    (pa.array([2**63], pa.uint64()), UNREADABLE), (pa.array([np.inf]), UNREADABLE),
    (pa.array(["2025-01-01T00:00:00Z"]).dictionary_encode(), OK),
])  # fmt: skip
def test_columns_of_other_types(values, state):
    found = instants(pa.chunked_array([values])).states.tolist()
    assert found == [MISSING if values.type == pa.float64() and np.isnan(values[0].as_py()) else state]


@pytest.mark.parametrize("unit", [*UNITS])
@pytest.mark.parametrize("form", ["integer", "float", "text", "csv"])
def test_a_market_stamped_in_epoch_numbers_is_the_same_market(tmp_path, unit, form):
    frame = bars()
    frame["timestamp"] = in_unit(frame["timestamp"].dt.as_unit("us").astype("int64"), unit)
    if form == "csv":
        frame.to_csv(tmp_path / "bars.csv", index=False)
        market = load_market(tmp_path, CONFIG)
    else:
        kind = {"integer": "int64", "float": "float64", "text": "str"}[form]
        market = market_from_tables({"bars": frame.astype({"timestamp": kind})}, CONFIG)
    assert market.findings == ()
    assert market.panel.data_hash() == EXPECTED


def test_an_archive_that_changes_from_milliseconds_to_microseconds_is_read_right():
    frame = bars()
    micros = frame["timestamp"].astype("int64")
    frame["timestamp"] = np.where(frame.index % 48 < 20, micros // 1000, micros)
    market = market_from_tables({"bars": frame}, CONFIG)
    assert market.findings == ()
    assert market.panel.data_hash() == EXPECTED


def test_every_table_reads_epoch_numbers():
    tables = {
        "funding": series("funding_rate", 1e-4),
        "open_interest": series("open_interest", 5e6),
        "implied_vol": series("implied_vol", 0.6),
    }
    expected = market_from_tables({"bars": bars(), **tables, "leverage_tiers": tiers()}, CONFIG)
    numbered = {n: t.assign(timestamp=t["timestamp"].astype("int64") // 1000) for n, t in tables.items()}
    ladder = tiers().assign(as_of=lambda t: t["as_of"].dt.as_unit("us").astype("int64"))
    market = market_from_tables({"bars": bars(), **numbered, "leverage_tiers": ladder}, CONFIG)
    assert market.findings == ()
    assert market.panel.data_hash() == expected.panel.data_hash()
    pd.testing.assert_frame_equal(market.tiers, expected.tiers)


@pytest.mark.parametrize(("stamp", "line"), [
    ("57371-07-20 00:00:00+00:00", "pd.to_datetime(df['timestamp'], utc=True), with unit="),
    ("28401120", "pd.to_datetime(df['timestamp'], unit='ms', utc=True)"),
])  # fmt: skip
def test_what_cannot_be_read_is_shown_with_the_line_to_write(stamp, line):
    frame = bars().assign(timestamp=stamp)
    with pytest.raises(DataError) as error:
        market_from_tables({"bars": frame}, CONFIG)
    (found,) = error.value.findings
    assert found.code == "timestamp_unreadable"
    assert f"found '{stamp}'" in found.examples[0]
    assert line in found.hint
    assert "tz_localize" not in found.hint
