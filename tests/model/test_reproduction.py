"""Models forecast what they did when they were fitted, or are refused, whatever the hashes say."""

import json
import shutil

import pandas as pd
import pytest

from levercap.core.errors import BundleError
from levercap.model import read_bundle
from levercap.model.reproduction import CHECK_DAYS, SPREAD_DAYS, check_reproduction, read_check_days
from support.rehash import rehash


@pytest.fixture
def copy(fitted, tmp_path):
    return shutil.copytree(fitted.folder, tmp_path / "copy")


def test_a_bundle_keeps_days_of_its_training_and_reproduces_all_of_them(fitted):
    kept, outcomes = read_check_days(fitted.folder)
    days = kept["as_of"].drop_duplicates()
    assert days.max() == fitted.until
    assert (days.diff().iloc[1 - CHECK_DAYS :] == pd.Timedelta(days=1)).all()
    assert CHECK_DAYS < len(days) <= CHECK_DAYS + SPREAD_DAYS
    pd.testing.assert_frame_equal(outcomes[["as_of", "symbol"]], kept[["as_of", "symbol"]])
    expected = fitted.data.features
    expected = expected[expected["as_of"].isin(kept["as_of"].unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, expected.astype({"symbol": "str"}), check_exact=True)
    check_reproduction(fitted.bundle.forecaster, fitted.folder, rows=None)


def tenth_less(models):
    path = models / "tail.parquet"
    ratios = pd.read_parquet(path)
    ratios.assign(var_ratio=0.9 * ratios["var_ratio"], es_ratio=0.9 * ratios["es_ratio"]).to_parquet(path, index=False)


def other_intercept(models):
    path = models / "forecaster.json"
    state = json.loads(path.read_text())
    state["pairs"]["volatility"]["ridge"]["intercept_"] -= 0.001
    path.write_text(json.dumps(state))


def other_calibration(models):
    path = models / "forecaster.json"
    state = json.loads(path.read_text())
    state["shock"]["calibration"]["shock_probability_short_20"][0] -= 0.01
    path.write_text(json.dumps(state))


@pytest.mark.parametrize("change", [tenth_less, other_intercept, other_calibration])
def test_other_numbers_are_noticed_after_every_hash_was_written_again(copy, change):
    read_bundle(rehash(copy))
    change(copy / "models")
    with pytest.raises(BundleError, match="do not forecast what they did"):
        read_bundle(rehash(copy))


def test_some_tables_without_the_others_are_refused_and_none_are_an_earlier_version(copy):
    (copy / "evidence" / "check_tails.parquet").unlink()
    with pytest.raises(BundleError, match="lacks some of"):
        read_bundle(rehash(copy))
    for name in ("features", "outcomes", "forecasts"):
        (copy / "evidence" / f"check_{name}.parquet").unlink()
    read_bundle(rehash(copy))
    assert read_check_days(copy) is None
