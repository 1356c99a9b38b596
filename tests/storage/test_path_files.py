import numpy as np
import pyarrow.parquet as pq
import pytest

from levercap.storage.path_files import read_paths, write_paths

STARTS = np.datetime64("2024-01-01", "us") + np.arange(5) * np.timedelta64(1, "D")
WEIGHTS = np.full(5, 0.2)


def paths(names, hours):
    rng = np.random.default_rng(0)
    low, high = (rng.normal(size=(len(names), 5, hours)).astype(np.float32) for _ in range(2))
    low[:, 1, 3:5] = np.nan
    return STARTS, WEIGHTS, low, high, rng.normal(size=(len(names), 5)).astype(np.float32)


@pytest.mark.parametrize("hours", [24, 8])
@pytest.mark.parametrize("names", [(), ("A:B",), ("AAA", "low:CCC")])
def test_paths_come_back_bit_for_bit_with_their_horizon(tmp_path, names, hours):
    written = paths(names, hours)
    write_paths(tmp_path / "paths.parquet", names, *written)
    read = read_paths(tmp_path / "paths.parquet")
    assert read[0] == names
    for mine, other in zip(written, read[1:], strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)


def test_a_file_without_names_that_states_no_horizon_is_of_one_day(tmp_path):
    write_paths(tmp_path / "new.parquet", (), *paths((), 8))
    pq.write_table(pq.read_table(tmp_path / "new.parquet").replace_schema_metadata(None), tmp_path / "old.parquet")
    assert read_paths(tmp_path / "new.parquet")[3].shape == (0, 5, 8)
    assert read_paths(tmp_path / "old.parquet")[3].shape == (0, 5, 24)
