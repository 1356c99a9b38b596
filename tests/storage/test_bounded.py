"""Files of an artefact are read within bounds, and whatever is wrong with one is a BundleError that names it."""

import contextlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.errors import BundleError, ConfigError
from levercap.storage import bounded
from levercap.storage.bounded import LARGEST_DEPTH, read_json, read_table, read_text, reading
from levercap.storage.tables import write_parquet
from support.properties import examples

COLUMNS = {"as_of": "time", "symbol": "text", "rank": "whole", "x": "number"}


def frame(rows=3):
    stamps = pd.date_range("2024-01-01", periods=rows, freq="D", tz="UTC", unit="us")
    symbols = pd.Series([f"S{i}" for i in range(rows)], dtype="str")
    return pd.DataFrame({"as_of": stamps, "symbol": symbols, "rank": range(rows), "x": [0.5, np.nan, 2.0][:rows]})


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "3", '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": 1, "a": 2}', "{}{}",
        '{"a": ' + "9" * 5000 + "}", '{"a": ' + "[" * 100_000, '{"a":' * (LARGEST_DEPTH + 1) + "1" + "}" * 25,
    ],
)  # fmt: skip
def test_other_json_is_refused_and_named(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(BundleError, match=r"state\.json"):
        read_json(path)


def test_sound_json_is_read(tmp_path):
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"a": [1, 2.5, {"b": None}], "text": "[{" * 5}))
    assert read_json(path) == {"a": [1, 2.5, {"b": None}], "text": "[{" * 5}


def test_sizes_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text('{"a": 1}')
    monkeypatch.setattr(bounded, "LARGEST_JSON", 7)
    monkeypatch.setattr(bounded, "LARGEST_TEXT", 7)
    for read in (read_json, read_text):
        with pytest.raises(BundleError, match="more than 7 bytes"):
            read(path)


def test_a_table_is_read_as_it_was_written(tmp_path):
    write_parquet(frame(), tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet", COLUMNS), frame(), check_exact=True)
    write_parquet(frame()[:0], tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet", COLUMNS).columns) == list(COLUMNS)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t.drop(columns="x"), "lacks x"),
        (lambda t: t.assign(x="text"), "another type: x"),
        (lambda t: t.assign(rank=0.5), "another type: rank"),
        (lambda t: t.assign(as_of=t["as_of"].dt.tz_localize(None)), "another type: as_of"),
        (lambda t: t.assign(more=[[1]] * 3), "another type: more"),
        (lambda t: t.assign(x=np.inf), "infinite in x"),
        (lambda t: t.assign(symbol=[None, "a", "b"]), "missing in symbol"),
        (lambda t: t.assign(symbol="a" * 300), "more than 200 bytes"),
        (lambda t: pd.concat([t] * 2), "at most 5 are expected"),
    ],
)
def test_another_table_is_refused_and_named(tmp_path, change, what):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pandas(change(frame()), preserve_index=False), path)
    with pytest.raises(BundleError, match=what) as error:
        read_table(path, COLUMNS, largest_rows=5)
    assert "t.parquet" in str(error.value)


def test_a_table_that_would_unpack_to_too_much_is_refused_by_its_footer(tmp_path, monkeypatch):
    """Two million equal values take a few bytes on the disk."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": np.zeros(2_000_000)}), path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(bounded, "LARGEST_TABLE", 15_000_000)
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(BundleError, match="would unpack to"):
        read_table(path, {"x": "number"})
    monkeypatch.setattr(bounded, "LARGEST_ROWS", 1_000_000)
    with pytest.raises(BundleError, match="2,000,000 rows"):
        read_table(path, {"x": "number"})


def test_whatever_is_raised_becomes_a_bundle_error(tmp_path):
    for error in (KeyError("x"), RecursionError(), ConfigError("no"), BundleError("no"), MemoryError()):
        with pytest.raises(BundleError, match="name"), reading(tmp_path / "name"):
            raise error


@examples(60)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    for read in (read_json, read_text, lambda p: read_table(p, COLUMNS)):
        with contextlib.suppress(BundleError):
            read(path)


@examples(60)
@given(st.integers(0, 2**32 - 1))
def test_a_changed_byte_of_a_table_is_refused_or_changes_nothing(tmp_path_factory, seed):
    """Pages carry checksums, so that damage is noticed even where a manifest was rewritten over it."""
    random = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("any") / "t.parquet"
    write_parquet(frame(), path)
    content = bytearray(path.read_bytes())
    content[random.integers(0, len(content))] ^= 1 << random.integers(0, 8)
    path.write_bytes(bytes(content))
    try:
        found = read_table(path, COLUMNS)
    except BundleError:
        return
    pd.testing.assert_frame_equal(found, frame(), check_exact=True)
