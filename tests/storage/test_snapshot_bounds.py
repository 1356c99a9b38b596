"""A snapshot whose hashes agree and whose content cannot be is refused, and the file is named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import BundleError
from levercap.storage.snapshot_bounds import LARGEST_FACTOR, check_instant, check_paths
from levercap.storage.snapshot_files import read_snapshot, write_snapshot
from support.snapshots import AS_OF, SYMBOLS, make_snapshot, make_tiers


def sound():
    """A snapshot with tails of every scored symbol and tiers."""
    rng = np.random.default_rng(5)
    snapshot = make_snapshot(rng)
    keys = [(s, side, level) for s in SYMBOLS for side in ("long", "short") for level in (0.975, 0.99)]
    tails = pd.DataFrame(keys, columns=["symbol", "side", "level"]).astype({"symbol": "str", "side": "str"})
    tails = tails.assign(as_of=AS_OF, horizon_hours=24, var=0.1, es=0.15, path_var=0.12, path_es=0.2)
    symbols = snapshot.symbols.assign(
        symbol=lambda t: t["symbol"].astype("str"), state=lambda t: t["state"].astype("str")
    )
    tiers = make_tiers().assign(maintenance_amount=0.0)
    return dataclasses.replace(snapshot, tails=tails, symbols=symbols, tiers=tiers)


def cell(table, column, value, row=1):
    changed = getattr(sound(), table).copy()
    changed.loc[row, column] = value
    return {table: changed}


def factor(value):
    changed = sound().stressed_factor.copy()
    changed[2] = value
    return {"stressed_factor": changed}


def path(part, value):
    scenarios = sound().scenarios
    values = getattr(scenarios, part).copy()
    values[1, 3, ...] = value
    return {"scenarios": dataclasses.replace(scenarios, **{part: values})}


def refused(snapshot, folder):
    folder.mkdir(exist_ok=True)
    write_snapshot(snapshot, folder)
    with pytest.raises(BundleError) as error:
        read_snapshot(folder)
    return str(error.value)


def test_a_sound_snapshot_is_read(tmp_path):
    write_snapshot(sound(), tmp_path)
    assert read_snapshot(tmp_path).as_of == AS_OF


FAULTS = [
    (cell("symbols", "volatility", 0.0), "symbols.parquet", "volatility"),
    (cell("symbols", "volatility", -0.1), "symbols.parquet", "volatility"),
    (cell("symbols", "volatility", np.nan), "tails.parquet", "BBB"),
    (cell("symbols", "volatility", 1e39), "symbols.parquet", "volatility"),
    (cell("symbols", "stressed_volatility", np.nan), "symbols.parquet", "stressed_volatility"),
    (cell("symbols", "shock_probability_long", 1.1), "symbols.parquet", "between 0 and 1"),
    (cell("symbols", "shock_probability_short", -0.1), "symbols.parquet", "between 0 and 1"),
    (cell("symbols", "turnover", -1.0), "symbols.parquet", "turnover"),
    (cell("symbols", "state", "fine"), "symbols.parquet", "states"),
    (cell("symbols", "symbol", "AAA"), "symbols.parquet", "sorted"),
    (cell("symbols", "symbol", "ZZZ"), "symbols.parquet", "sorted"),
    (cell("symbols", "state", "stale"), "tails.parquet", "without a forecast"),
    (cell("tails", "var", 0.0), "tails.parquet", "not above 0"),
    (cell("tails", "es", 1e39), "tails.parquet", "bounded"),
    (cell("tails", "es", 0.05), "tails.parquet", "es below var"),
    (cell("tails", "path_var", 0.05), "tails.parquet", "path milder"),
    (cell("tails", "side", "both"), "tails.parquet", "sides"),
    (cell("tails", "level", 0.5), "tails.parquet", "levels"),
    (cell("tails", "level", 0.975), "tails.parquet", "twice"),
    (cell("tails", "as_of", AS_OF - pd.Timedelta(hours=1)), "tails.parquet", "another instant"),
    ({"tails": sound().tails[:-1]}, "tails.parquet", "rows"),
    (factor(1e39), "stressed.parquet", "factor"),
    (factor(2 * LARGEST_FACTOR), "stressed.parquet", "CCC"),
    (factor(-0.1), "stressed.parquet", "factor"),
    (factor(np.nan), "stressed.parquet", "factor"),
    (factor(0.9), "stressed.parquet", "stressed over today's volatility"),
    (path("low", 1e30), "scenarios.parquet", "beyond"),
    (path("high", np.nan), "scenarios.parquet", "missing"),
    (path("high", -5.0), "scenarios.parquet", "low <= end <= high"),
    (path("end", 5.0), "scenarios.parquet", "low <= end <= high"),
    (cell("tiers", "max_leverage", 0.0), "tiers.parquet", "leverage"),
    (cell("tiers", "max_leverage", 90.0), "tiers.parquet", "follow"),
    (cell("tiers", "maintenance_margin_rate", 1.5), "tiers.parquet", "rate"),
    (cell("tiers", "notional_floor", 7.0), "tiers.parquet", "follow"),
    (cell("tiers", "notional_cap", -7.0), "tiers.parquet", "bounds"),
    (cell("tiers", "maintenance_amount", np.nan), "tiers.parquet", "missing"),
    (cell("tiers", "tier", 1), "tiers.parquet", "twice"),
    ({"bound": -0.5}, "MANIFEST.json", "bound"),
    ({"stressed_bound": 1e39}, "MANIFEST.json", "stressed_bound"),
    ({"bundle_id": "x" * 300}, "MANIFEST.json", "bundle_id"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "file", "what"), FAULTS)
def test_a_fault_is_refused_and_named(tmp_path, changes, file, what):
    text = refused(dataclasses.replace(sound(), **changes), tmp_path / "snapshot")
    assert file in text
    assert what in text


def test_instants_and_horizons_have_bounds():
    check_instant(AS_OF, 24)
    for as_of, hours in ((AS_OF, 0), (AS_OF, 10_000), (pd.NaT, 24), (AS_OF.tz_localize(None), 24),
                         (pd.Timestamp("1970-01-01", tz="UTC"), 24), (AS_OF.tz_convert("Asia/Tokyo"), 24)):  # fmt: skip
        with pytest.raises(ValueError, match=r"horizon|as_of"):
            check_instant(as_of, hours)


def test_weights_are_positive_and_sum_to_one_and_starts_are_known():
    starts = np.array(["2024-01-01", "2024-01-02"], "datetime64[us]")
    paths = np.zeros((1, 2, 24), np.float32), np.zeros((1, 2, 24), np.float32), np.zeros((1, 2), np.float32)
    check_paths(np.array([0.25, 0.75]), starts, *paths)
    for weights in ([0.5, 0.6], [0.0, 1.0], [-0.5, 1.5], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="weights"):
            check_paths(np.array(weights), starts, *paths)
    with pytest.raises(ValueError, match="starts"):
        check_paths(np.array([0.5, 0.5]), np.array(["2024-01-01", "NaT"], "datetime64[us]"), *paths)
