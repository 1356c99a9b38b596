"""The very models of a bundle are judged: as trained they pass, altered ones do not, and the record says on what."""

import contextlib
import json
import shutil

import pandas as pd
import pytest

from levercap.core.errors import BundleError, GateFailed, RegistryError
from levercap.evidence.checks import failures
from levercap.model import read_bundle
from levercap.storage import registry
from levercap.workflows.artefact import judge
from levercap.workflows.promote import promote
from levercap.workflows.train import train
from support.rehash import rehash


@pytest.fixture(scope="module")
def champion(fitted, tmp_path_factory):
    """A bundle of the same market, trained a month earlier."""
    folder = tmp_path_factory.mktemp("champion") / "bundle"
    train(fitted.market, fitted.until - pd.Timedelta(days=31), fitted.config, folder)
    return folder


def test_what_training_wrote_passes_without_a_market_and_it_is_said_on_what(fitted, champion):
    for other in (None, champion):
        found = judge(fitted.folder, other, None)
        assert failures(found.checks) == []
        assert "no market was given" in found.window
    names = {check.name for check in found.checks}
    assert {"log ratio to the history, mean", "limit over the champion's, median"} <= names


def test_days_after_both_trainings_are_judged_where_the_market_has_them(fitted, champion):
    found = judge(fitted.folder, champion, fitted.market)
    assert found.window.startswith("76 days from 2023-03-01 to 2023-05-15, after both trainings")
    later = [check for check in found.checks if "after the training" in check.window]
    assert len(later) == 2 + 3 * 8
    names = [check.name for check in found.checks]
    assert names.count("hit rate over nominal in training, mean") == 2, "kept days, and all that the market holds"
    short = judge(fitted.folder, None, type(fitted.market)(fitted.market.panel.until(fitted.until), None, ()))
    assert "the market has 0 days after both trainings, 60 are needed" in short.window


def test_a_tenth_off_in_the_models_is_refused(fitted, tmp_path):
    """Whoever writes every hash again, and what the models are to reproduce too, meets the history of the recipe."""
    folder = shutil.copytree(fitted.folder, tmp_path / "bundle")
    path = folder / "models" / "tail.parquet"
    ratios = pd.read_parquet(path)
    ratios.assign(var_ratio=0.85 * ratios["var_ratio"], es_ratio=0.85 * ratios["es_ratio"]).to_parquet(
        path, index=False
    )
    with pytest.raises(BundleError, match="do not forecast what they did"):
        judge(rehash(folder), None, None)
    path = folder / "evidence" / "check_tails.parquet"
    tails = pd.read_parquet(path)
    numbers = ["var", "es", "path_var", "path_es"]
    tails.assign(**{name: 0.85 * tails[name] for name in numbers}).to_parquet(path, index=False)
    failed = failures(judge(rehash(folder), None, None).checks)
    assert any("log ratio to the history, mean" in text for text in failed)


def test_a_bundle_of_an_earlier_version_is_asked_to_be_trained_again(fitted, tmp_path):
    folder = shutil.copytree(fitted.folder, tmp_path / "bundle")
    for path in (folder / "evidence").glob("check_*"):
        path.unlink()
    read_bundle(rehash(folder))
    with pytest.raises(BundleError, match="train it again"):
        judge(folder, None, None)


def test_a_registered_bundle_is_judged_and_its_tag_compared(fitted, tmp_path, monkeypatch, empty_store):
    shutil.copy(empty_store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    registry.log_training(fitted.folder, {}, "")
    with contextlib.suppress(GateFailed):  # by its history, which is of little worth in a market this short
        promote(out=tmp_path / "gate")
    record = json.loads((tmp_path / "gate" / "promotion.json").read_text())
    assert len(record["checks"]) == 25
    assert {check["verdict"] for check in record["checks"]} == {"pass"}


def test_a_version_that_holds_another_bundle_is_refused(fitted, champion, tmp_path, monkeypatch, empty_store):
    shutil.copy(empty_store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    registry.log_training(shutil.copytree(fitted.folder, tmp_path / "bundle"), {}, "")
    held = registry.resolve("models:/levercap@challenger")
    shutil.rmtree(held)
    shutil.copytree(champion, held)
    with pytest.raises(RegistryError, match=f"is registered as bundle {fitted.bundle.bundle_id} and holds"):
        registry.resolve("models:/levercap@challenger")
