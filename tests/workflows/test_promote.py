"""Promotion on evidence whose truth is known: losses are normal with a volatility that one forecaster knows."""

import dataclasses
import json
import shutil

import pandas as pd
import pytest

from levercap.core.errors import BundleError, GateFailed, RegistryError
from levercap.storage import registry
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.manifest import write_manifest
from levercap.workflows.promote import promote
from support.known_bundles import out_of_sample

pytestmark = pytest.mark.usefixtures("tracking")


@pytest.fixture
def register(tmp_path, monkeypatch, empty_store):
    """Register evidence as a new version, in a store of the test's own."""
    shutil.copy(empty_store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")

    def log(given):
        folder = tmp_path / "bundle"
        (folder / "evidence").mkdir(parents=True, exist_ok=True)
        if given is not None:
            given.tails.to_parquet(folder / "evidence" / "tails.parquet")
            given.baseline.to_parquet(folder / "evidence" / "baseline_tails.parquet")
            given.outcomes.to_parquet(folder / "evidence" / "outcomes.parquet")
        training = {"until": "2024-06-01T00:00:00+00:00" if given is None else given.until.isoformat()}
        write_manifest(folder, {"bundle_id": f"b{len(list(folder.rglob('*')))}", "training": training}, FORMAT_VERSION)
        return registry.log_training(folder, {}, "")

    return log


def test_first_then_better_then_no_better(register, tmp_path):
    with pytest.raises(RegistryError, match="levercap train"):
        promote()
    first = register(out_of_sample(informed=False))
    record = promote(out=tmp_path / "gate")
    assert record["promoted"]
    assert (record["opponent"], record["champion"], record["common_days"]) == ("baseline", None, 150)
    assert registry.champion().version == first
    assert json.loads((tmp_path / "gate" / "promotion.json").read_text()) == record
    assert len(pd.read_parquet(tmp_path / "gate" / "gate.parquet")) == 8

    better = register(out_of_sample(start="2024-02-01"))
    record = promote(f"models:/levercap/{better}", out=tmp_path / "gate")
    assert record["promoted"]
    assert (record["opponent"], record["champion"]) == ("champion", f"models:/levercap/{first}")
    assert record["common_days"] == 119
    assert registry.champion().version == better
    assert promote(f"models:/levercap/{better}")["opponent"] == "itself"

    register(out_of_sample(start="2024-02-01", factor=1.25))
    with pytest.raises(GateFailed, match="not better") as caught:
        promote(out=tmp_path / "gate")
    assert caught.value.exit_code == 1
    assert registry.champion().version == better
    assert not json.loads((tmp_path / "gate" / "promotion.json").read_text())["promoted"]

    register(dataclasses.replace(out_of_sample(start="2024-02-01"), until=pd.Timestamp("2024-09-01", tz="UTC")))
    assert promote(out=tmp_path / "gate")["promoted"], "the same recipe, refitted on newer data, takes over"

    back = promote(f"models:/levercap/{better}", champion=f"models:/levercap/{first}")
    assert back["promoted"]


def test_a_first_champion_must_be_covered(register):
    register(out_of_sample(factor=0.6))
    with pytest.raises(GateFailed, match="lies outside the band") as caught:
        promote()
    assert len(str(caught.value).splitlines()) > 8
    assert registry.champion() is None


def test_a_bundle_without_evidence_is_refused(register):
    register(None)
    with pytest.raises(BundleError, match="carries no evidence"):
        promote()
