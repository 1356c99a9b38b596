"""Promotion on evidence whose truth is known: losses are normal with a volatility that one forecaster knows."""

import dataclasses
import json
import shutil

import pandas as pd
import pytest

from levercap.core.errors import BundleError, GateFailed, RegistryError
from levercap.evidence.checks import Check
from levercap.storage import registry
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.manifest import write_manifest
from levercap.workflows import promote as workflow
from levercap.workflows.artefact import Judgement
from levercap.workflows.promote import promote as promote_judged
from levercap.workflows.promote import rollback
from support.known_bundles import out_of_sample

pytestmark = pytest.mark.usefixtures("tracking")


def promote(*args, **kwargs):
    """Promotion on histories alone: the bundles of these tests hold no models."""
    return promote_judged(*args, **kwargs, judged_by=lambda *_: Judgement("nothing", ()))


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


def refuses(*_):
    return Judgement("90 days", (Check("a ratio", "90 days", 3.0, high=2.0),))


def test_models_that_fail_a_check_are_not_promoted_and_the_record_lists_it(register, tmp_path):
    register(out_of_sample())
    with pytest.raises(GateFailed, match=r"judged on 90 days:\n  a ratio: 3, expected at most 2"):
        promote_judged(out=tmp_path / "gate", judged_by=refuses)
    assert registry.champion() is None
    record = json.loads((tmp_path / "gate" / "promotion.json").read_text())
    assert (record["promoted"], record["window"]) == (False, "90 days")
    assert [(c["check"], c["value"], c["high"], c["verdict"]) for c in record["checks"]] == [
        ("a ratio", 3.0, 2.0, "fail")
    ]


def test_the_record_is_there_before_the_alias_moves(register, tmp_path, monkeypatch):
    """Whoever is killed between the two leaves a record, never a champion without one."""
    version = register(out_of_sample())
    monkeypatch.setattr(workflow, "move_champion", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        promote(out=tmp_path / "gate")
    assert json.loads((tmp_path / "gate" / "promotion.json").read_text())["challenger"] == f"models:/levercap/{version}"
    assert registry.champion() is None


def test_a_champion_that_moved_meanwhile_is_not_replaced(register, tmp_path):
    """A second promotion runs while the first one judges."""
    first, second = register(out_of_sample(informed=False)), register(out_of_sample())

    def slow(*_):
        promote(f"models:/levercap/{first}")
        return Judgement("nothing", ())

    with pytest.raises(RegistryError, match="another promotion moved the champion from version None to 1"):
        promote_judged(f"models:/levercap/{second}", out=tmp_path / "gate", judged_by=slow)
    assert registry.champion().version == first
    record = json.loads((tmp_path / "gate" / "promotion.json").read_text())
    assert not record["promoted"]
    assert "run promote again" in record["reasons"][0]


def test_rollback_walks_back_through_the_champions(register, tmp_path, monkeypatch):
    monkeypatch.setattr(workflow, "read_bundle_files", lambda folder: None)  # no models in these
    with pytest.raises(RegistryError, match="no champion"):
        rollback()
    first = register(out_of_sample(informed=False))
    promote()
    with pytest.raises(RegistryError, match="replaced no earlier champion"):
        rollback()
    second = register(out_of_sample())
    promote()
    assert registry.champion().version == second
    record = rollback(tmp_path / "back")
    assert registry.champion().version == first
    assert (record["opponent"], record["challenger"]) == ("rollback", f"models:/levercap/{first}")
    assert json.loads((tmp_path / "back" / "promotion.json").read_text()) == record
    with pytest.raises(RegistryError, match="replaced no earlier champion"):
        rollback()


def test_no_rollback_to_a_bundle_that_cannot_be_used(register):
    register(out_of_sample(informed=False))
    promote()
    second = register(out_of_sample())
    promote()
    with pytest.raises(BundleError):
        rollback()
    assert registry.champion().version == second
