"""A bundle read back is the bundle that was written, or it is refused."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import levercap
from levercap.core.errors import BundleError, DataError
from levercap.core.horizon import DAY
from levercap.core.instrument import perpetuals
from levercap.core.panel import HOUR
from levercap.core.scenario import ScenarioSet
from levercap.forecast import RECIPE, fit_forecaster
from levercap.limits.predictor import Predictor
from levercap.model import read_bundle, write_bundle
from levercap.storage.bundle_files import FORMAT, FORMAT_VERSION
from levercap.storage.manifest import MANIFEST, write_manifest
from levercap.storage.snapshot_files import read_snapshot, write_snapshot
from levercap.storage.tables import write_parquet
from levercap.venue.tiers import tiers_as_of
from support.rehash import rehash

PARTS = ("weights", "low", "high", "end", "starts")


def assert_same_snapshot(mine, other):
    for name in ("as_of", "bundle_id", "config_hash", "data_hash"):
        assert getattr(mine, name) == getattr(other, name)
    for name in ("symbols", "tails", "tiers"):
        if getattr(mine, name) is None:
            assert getattr(other, name) is None
        else:
            pd.testing.assert_frame_equal(getattr(mine, name), getattr(other, name), check_exact=True)
    assert mine.scenarios.instruments == other.scenarios.instruments
    for name in PARTS:
        np.testing.assert_array_equal(getattr(mine.scenarios, name), getattr(other.scenarios, name), strict=True)
    np.testing.assert_array_equal(mine.stressed_factor, other.stressed_factor)


@pytest.fixture
def copy(fitted, tmp_path):
    """A copy of the bundle's folder that may be changed."""
    return shutil.copytree(fitted.folder, tmp_path / "copy")


def test_written_and_read_it_forecasts_the_same_bit_for_bit(fitted, tmp_path):
    mine = fitted.bundle
    folder = tmp_path / "again"
    folder.mkdir()
    parts = (mine.forecaster, mine.blocks, mine.config, mine.snapshot, mine.training)
    bundle_id = write_bundle(folder, *parts, {}, "card\n", mine.memory)
    other = read_bundle(folder)
    assert bundle_id == other.bundle_id == mine.bundle_id
    assert other.config == mine.config
    assert other.training == mine.training
    rows = fitted.data.features
    for first, second in ((mine, other),):
        a, b = first.forecaster.predict(rows), second.forecaster.predict(rows)
        pd.testing.assert_frame_equal(a.forecasts, b.forecasts, check_exact=True)
        pd.testing.assert_frame_equal(a.tails, b.tails, check_exact=True)
    for name in PARTS:
        np.testing.assert_array_equal(getattr(mine.blocks, name), getattr(other.blocks, name), strict=True)
    assert_same_snapshot(mine.snapshot, other.snapshot)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in (folder / "models").rglob("*") if p.is_file()}
    assert files == {name: (fitted.folder / name).read_bytes() for name in files}


def test_what_training_fitted_is_what_is_read(fitted):
    """The forecaster fitted in memory, not read from files, forecasts the same."""
    data = fitted.data
    past = fitted.past["levercap"]
    fresh = fit_forecaster("levercap", data.features, data.outcomes, fitted.until, fitted.inputs.spec, past)
    rows = data.features[data.features["as_of"] >= fitted.until]
    mine, read = fresh.predict(rows), read_bundle(fitted.folder).forecaster.predict(rows)
    pd.testing.assert_frame_equal(mine.forecasts, read.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(mine.tails, read.tails, check_exact=True)
    markets = [f.market(mine.forecasts) for f in (fresh, read_bundle(fitted.folder).forecaster)]
    pd.testing.assert_frame_equal(*markets, check_exact=True)
    assert len(markets[0]) == rows["as_of"].nunique()


def test_a_snapshot_is_read_back_bit_for_bit(fitted, tmp_path):
    market, as_of = fitted.market, fitted.until + 31 * HOUR
    tiers = tiers_as_of(market.tiers, as_of)
    assert tiers is not None
    for name, snapshot in {
        "with": fitted.bundle.snapshot_at(market.panel, tiers, as_of),
        "without": fitted.bundle.snapshot_at(market.panel, None, as_of),
    }.items():
        (tmp_path / name).mkdir()
        write_snapshot(snapshot, tmp_path / name)
        assert_same_snapshot(read_snapshot(tmp_path / name), snapshot)


def none_fresh(snapshot):
    """The snapshot of a market in which no symbol is fresh."""
    s = snapshot.scenarios
    symbols = snapshot.symbols.copy()
    numbers = [c for c in symbols.columns if c not in {"symbol", "state"}]
    symbols[numbers] = np.nan
    symbols["state"] = "stale"
    empty = ScenarioSet((), s.weights, s.low[:0], s.high[:0], s.end[:0], s.starts, s.horizon)
    return dataclasses.replace(
        snapshot, symbols=symbols, tails=snapshot.tails[:0], scenarios=empty, stressed_factor=np.empty(0)
    )


def test_a_snapshot_without_any_fresh_symbol_is_read_back(fitted, tmp_path):
    snapshot = none_fresh(fitted.bundle.snapshot)
    write_snapshot(snapshot, tmp_path)
    read = read_snapshot(tmp_path)
    assert read.scenarios.instruments == ()
    np.testing.assert_array_equal(read.scenarios.weights, snapshot.scenarios.weights)
    assert read.stressed_factor.shape == (0,)
    limits = Predictor(read, fitted.config).predict(fitted.accounts, fitted.positions)
    assert set(limits["status"]) <= {"fallback", "rejected", "scored"}
    held = limits["account_id"].isin(fitted.positions["account_id"])
    assert (limits.loc[held & (limits["status"] != "rejected"), "status"] == "fallback").all()


def test_long_after_the_market_ended_no_symbol_is_fresh(fitted, tmp_path):
    panel = fitted.market.panel
    snapshot = fitted.bundle.snapshot_at(panel, None, panel.end + 72 * HOUR)
    assert (snapshot.symbols["state"] == "stale").all()
    assert snapshot.scenarios.instruments == ()
    assert snapshot.symbols["volatility"].isna().all()
    write_snapshot(snapshot, tmp_path)
    assert read_snapshot(tmp_path).as_of == panel.end + 72 * HOUR


def test_tables_are_the_same_bytes_every_time(tmp_path):
    table = pd.DataFrame({"symbol": pd.Series(["A", None], dtype="str"), "x": [0.1, np.nan]}, index=[5, 3])
    write_parquet(table, tmp_path / "one.parquet")
    write_parquet(table, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one.parquet"), table.reset_index(drop=True))


def test_nothing_in_it_is_pickled(fitted):
    files = [p for p in fitted.folder.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= {".json", ".parquet", ".txt", ".md"}
    for path in files:
        start = path.read_bytes()[:8]
        if path.suffix == ".parquet":
            assert start[:4] == b"PAR1"
        else:
            path.read_text(encoding="utf-8")
        assert not start.startswith(b"\x80")


@pytest.mark.parametrize(
    "name",
    ["models/scale_range.txt", "models/forecaster.json", "models/blocks.parquet", "snapshot/tails.parquet", "CARD.md"],
)
def test_a_changed_file_is_refused(copy, name):
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=name):
        read_bundle(copy)


def test_a_missing_and_a_foreign_file_are_named_together(copy):
    (copy / "models" / "tail.parquet").unlink()
    (copy / "models" / "other.txt").write_text("hello")
    with pytest.raises(BundleError) as error:
        read_bundle(copy)
    assert "models/tail.parquet: missing" in str(error.value)
    assert "models/other.txt: not in the manifest" in str(error.value)


def test_the_recipe_and_the_horizon_are_part_of_the_bundle(fitted, tmp_path):
    """Another recipe is another bundle, and is read back with it; the models forecast as they did before writing."""
    recipe = dataclasses.replace(
        RECIPE,
        scale=dataclasses.replace(RECIPE.scale, clip=1.0, volatility_weight=0.6),
        shock=dataclasses.replace(RECIPE.shock, smallest_probability=0.01),
    )
    spec = dataclasses.replace(fitted.inputs.spec, recipe=recipe)
    data, past = fitted.data, fitted.past["levercap"]
    forecaster = fit_forecaster("levercap", data.features, data.outcomes, fitted.until, spec, past)
    mine = fitted.bundle
    folder = tmp_path / "other"
    folder.mkdir()
    bundle_id = write_bundle(
        folder, forecaster, mine.blocks, mine.config, mine.snapshot, mine.training, {}, "card\n", mine.memory
    )
    assert bundle_id != mine.bundle_id
    assert json.loads((folder / MANIFEST).read_text())["recipe_hash"] == recipe.recipe_hash()
    again = read_bundle(folder).forecaster
    assert again.recipe == recipe
    assert again.horizon == forecaster.horizon == DAY
    rows = data.features[data.features["as_of"] >= fitted.until]
    first, second = forecaster.predict(rows), again.predict(rows)
    pd.testing.assert_frame_equal(first.forecasts, second.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(first.tails, second.tails, check_exact=True)
    assert not first.forecasts.equals(mine.forecaster.predict(rows).forecasts)


def test_a_bundle_written_before_recipes_and_horizons_loads_and_forecasts_the_same(fitted, copy):
    """Neither ``recipe.json`` nor ``horizon_hours``, and the penalty of the tail under its old key."""
    models = copy / "models"
    (models / "recipe.json").unlink()
    for name, section in (("forecaster.json", None), ("config.json", "forecast")):
        content = json.loads((models / name).read_text())
        if section is None:
            del content["horizon_hours"]
        else:
            content[section]["lean_penalty"] = content[section].pop("tail_state_penalty")
        (models / name).write_text(json.dumps(content))
    old = {k: v for k, v in json.loads((models / MANIFEST).read_text()).items() if k == "training"}
    old["training"].pop("horizon_hours")
    bundle_id = write_manifest(models, old, FORMAT_VERSION, FORMAT)
    snapshot = dataclasses.replace(read_snapshot(copy / "snapshot"), bundle_id=bundle_id)
    shutil.rmtree(copy / "snapshot")
    (copy / "snapshot").mkdir()
    write_snapshot(snapshot, copy / "snapshot")
    content = {"bundle_id": bundle_id, "config_hash": hash_of(models / "config.json"), **old}
    write_manifest(copy, content, FORMAT_VERSION, FORMAT)
    read = read_bundle(copy)
    assert (read.forecaster.recipe, read.forecaster.horizon) == (RECIPE, DAY)
    assert read.config == fitted.bundle.config
    rows = fitted.data.features[fitted.data.features["as_of"] >= fitted.until]
    mine, other = fitted.bundle.forecaster.predict(rows), read.forecaster.predict(rows)
    pd.testing.assert_frame_equal(mine.forecasts, other.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(mine.tails, other.tails, check_exact=True)
    assert len(levercap.load(copy).symbol_limits())


def hash_of(config):
    """Hash of a configuration as it was written, whatever this version calls its keys."""
    return hashlib.sha256(json.dumps(json.loads(config.read_text()), sort_keys=True).encode()).hexdigest()[:16]


def test_another_configuration_than_the_one_of_the_training_is_refused(copy):
    path = copy / "models" / "config.json"
    config = json.loads(path.read_text())
    config["policy"]["liquidation_probability"] = 0.5
    path.write_text(json.dumps(config))
    with pytest.raises(BundleError, match=r"config\.json.*the bundle was trained with"):
        read_bundle(rehash(copy))


def rewrite(folder, version=FORMAT_VERSION, format=FORMAT, **content):
    old = json.loads((folder / MANIFEST).read_text())
    kept = {k: old[k] for k in ("bundle_id", "training", "config_hash")}
    write_manifest(folder, {**kept, **content}, version, format)


def test_another_version_or_format_is_refused(copy):
    rewrite(copy, version=FORMAT_VERSION + 1)
    with pytest.raises(BundleError, match="install a newer levercap"):
        read_bundle(copy)
    rewrite(copy, version=FORMAT_VERSION - 1)
    with pytest.raises(BundleError, match="write it again: levercap train --market FOLDER --out FOLDER"):
        read_bundle(copy)
    rewrite(copy, format="something-else")
    with pytest.raises(BundleError, match="wrong format"):
        read_bundle(copy)
    rewrite(copy)
    read_bundle(copy)


def test_a_snapshot_of_another_bundle_is_refused(copy):
    snapshot = dataclasses.replace(read_snapshot(copy / "snapshot"), bundle_id="0123456789abcdef")
    shutil.rmtree(copy / "snapshot")
    (copy / "snapshot").mkdir()
    write_snapshot(snapshot, copy / "snapshot")
    rewrite(copy)
    with pytest.raises(BundleError, match="0123456789abcdef"):
        read_bundle(copy)


def test_an_empty_folder_and_no_folder_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BundleError):
            read_bundle(folder)


@pytest.mark.parametrize("hours", [0, 1, 13, 24 * 20 + 7])
def test_a_snapshot_at_any_hour(fitted, hours):
    """All that a snapshot holds fits together: the scenarios' shortfall is the tail's, the states the forecasts'."""
    as_of = fitted.until + hours * HOUR
    snapshot = fitted.bundle.snapshot_at(fitted.market.panel, None, as_of)
    assert snapshot.as_of == as_of
    assert tuple(snapshot.symbols["symbol"]) == fitted.market.panel.symbols
    fresh = snapshot.symbols[snapshot.symbols["state"] == "fresh"]
    assert perpetuals(tuple(fresh["symbol"])) == snapshot.scenarios.instruments
    assert len(fresh) >= 6
    numbers = ["volatility", "stressed_volatility", "shock_probability_long", "shock_probability_short", "turnover"]
    assert np.isfinite(fresh[numbers]).all(axis=None)
    np.testing.assert_allclose(snapshot.stressed_factor, fresh["stressed_volatility"] / fresh["volatility"])
    tails = snapshot.tails.set_index(["symbol", "side", "level"])
    scenarios = snapshot.scenarios
    for j, symbol in enumerate(instrument.underlying for instrument in scenarios.instruments):
        for side, losses in (("long", -scenarios.low[j].min(axis=1)), ("short", scenarios.high[j].max(axis=1))):
            worst = np.argsort(-losses)
            share = np.diff(np.minimum(np.cumsum(scenarios.weights[worst]), 0.025), prepend=0.0)
            shortfall = share @ np.maximum(losses, 0.0)[worst] / 0.025
            assert tails.loc[(symbol, side, 0.975), "path_es"] == pytest.approx(shortfall, rel=1e-5)
    assert set(snapshot.tails["symbol"]) == set(fresh["symbol"])
    assert (snapshot.tails["as_of"] == as_of).all()


def test_the_stale_have_no_numbers(fitted):
    panel = fitted.market.panel
    snapshot = fitted.bundle.snapshot_at(panel, None, panel.start + 24 * 60 * HOUR)
    stale = snapshot.symbols[snapshot.symbols["state"] == "stale"]
    assert len(stale) >= 1  # not listed yet
    assert stale.drop(columns=["symbol", "state", "hours_out"]).isna().all(axis=None)
    assert np.isinf(stale["hours_out"]).all()


def test_before_the_market_there_is_no_snapshot(fitted):
    panel = fitted.market.panel
    with pytest.raises(DataError, match="starts at"):
        fitted.bundle.snapshot_at(panel, None, panel.start)


def test_before_twenty_days_no_symbol_is_fresh(fitted):
    panel = fitted.market.panel
    snapshot = fitted.bundle.snapshot_at(panel, None, panel.start + 24 * 10 * HOUR)
    assert (snapshot.symbols["state"] == "stale").all()
