import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.storage.snapshot_files import read_snapshot, write_snapshot
from support.snapshots import make_snapshot, make_tiers, with_out, with_tails


@pytest.mark.parametrize("bounds", [(np.nan, np.nan), (1.5, 0.1 + 0.2), (2.0, np.nan)])
def test_a_snapshot_comes_back_as_it_was(tmp_path, bounds):
    made = make_snapshot(np.random.default_rng(1), tiers=make_tiers())
    made = dataclasses.replace(with_tails(with_out(made, 5.0, "AAA")), bound=bounds[0], stressed_bound=bounds[1])
    write_snapshot(made, tmp_path)
    back = read_snapshot(tmp_path)
    np.testing.assert_array_equal([back.bound, back.stressed_bound], bounds)
    pd.testing.assert_frame_equal(back.symbols, made.symbols, check_dtype=False, check_exact=True)
    assert (back.as_of, back.horizon, back.bundle_id) == (made.as_of, made.horizon, made.bundle_id)
    assert back.scenarios.low.tobytes() == made.scenarios.low.tobytes()
    assert back.stressed_factor.tolist() == made.stressed_factor.tolist()
