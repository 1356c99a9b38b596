"""Tables are read from every form of CSV alike, and a file that is none is refused as pyarrow does."""

import gzip

import pandas as pd
import pyarrow as pa
import pytest

from levercap.storage.tables import SUFFIXES, read_frame

FRAME = pd.DataFrame({"account_id": ["007", "b"], "equity": [1.5, 2.0], "note": ["x, y", "z"]})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.tsv.gz"])
def test_every_separator_and_compression_is_read(tmp_path, name, separator):
    FRAME.to_csv(tmp_path / name, sep=separator, index=False)
    assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")
    pd.testing.assert_frame_equal(read_frame(tmp_path / name, ["account_id"]), FRAME, check_dtype=False)


def test_a_folder_is_read_in_the_order_of_names_whatever_the_forms(tmp_path):
    FRAME[1:].to_csv(tmp_path / "b.csv.gz", index=False)
    FRAME[:1].to_parquet(tmp_path / "a.parquet", index=False)
    (tmp_path / "c.txt").write_text("nothing")
    assert read_frame(tmp_path, ["account_id"])["account_id"].tolist() == ["007", "b"]


@pytest.mark.parametrize(
    "content", [b"", b"not compressed", gzip.compress(b"a,b\n1,2\n" * 999)[:40]], ids=["empty", "text", "cut"]
)
def test_a_damaged_file_raises_what_callers_expect(tmp_path, content):
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises((pa.ArrowException, OSError)):
        read_frame(tmp_path / "a.csv.gz", [])


def test_other_files_are_refused_with_the_forms_that_are_read(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"\.csv\.gz"):
        read_frame(tmp_path / "a.xlsx", [])
    assert SUFFIXES[0] == ".parquet"
