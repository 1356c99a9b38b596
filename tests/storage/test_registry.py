"""The registry on a real sqlite store: versions, aliases, where the bundle lies, and kind refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from levercap.core.errors import RegistryError
from levercap.storage import registry
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.manifest import verify

pytestmark = pytest.mark.usefixtures("tracking")


def test_training_is_logged_and_becomes_the_challenger(logged, store):
    _, bundle_id, version = logged("one", {"d_fz0": -0.0625, "hit_rate": 0.011})
    found = registry.challenger()
    assert (found.version, found.bundle_id, found.aliases) == (version, bundle_id, ("challenger",))
    import mlflow

    run = mlflow.MlflowClient().get_run(found.run_id)
    assert run.data.metrics == {"d_fz0": -0.0625, "hit_rate": 0.011}
    assert run.data.tags["bundle_id"] == bundle_id
    written = {p.name: p.read_text() for p in (store / "mlruns" / found.run_id / "artifacts").iterdir()}
    assert written == {"CARD.md": "one", "config.toml": "[forecast]\nseed = 7\n"}


def test_resolve_finds_the_very_bundle(logged):
    folder, _, version = logged("two")
    for uri in (f"models:/levercap/{version}", "models:/levercap@challenger"):
        found = registry.resolve(uri)
        assert found != folder
        assert verify(found, "levercap-bundle", FORMAT_VERSION) == verify(folder, "levercap-bundle", FORMAT_VERSION)


def test_resolving_leaves_the_store_untouched(logged):
    _, _, version = logged("read only")
    root = registry.resolve(f"models:/levercap/{version}").parent.parent
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    registry.resolve(f"models:/levercap/{version}")
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


def test_a_path_stays_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert registry.resolve(tmp_path) == tmp_path
    assert registry.resolve("models/latest") == Path("models/latest")
    assert not (tmp_path / "none.db").exists()


def test_aliases_move_and_there_is_one_champion(logged):
    _, first_id, first = logged("first")
    _, _, second = logged("second")
    assert registry.challenger().version == second
    registry.set_alias("champion", first)
    assert (registry.champion().version, registry.champion().bundle_id) == (first, first_id)
    assert registry.champion().uri == f"models:/levercap/{first}"
    registry.set_alias("champion", second)
    assert registry.champion().aliases == ("challenger", "champion")
    assert registry.find(f"models:/levercap/{first}").aliases == ()


def test_packaged_model_states_its_needs(logged):
    _, _, version = logged("packaged")
    root = registry.resolve(f"models:/levercap/{version}").parent.parent
    import levercap

    requirements = (root / "requirements.txt").read_text().splitlines()
    assert f"levercap=={levercap.__version__}" in requirements
    assert all("==" in line for line in requirements)
    import mlflow.models

    model = mlflow.models.Model.load(str(root))
    assert model.flavors["python_function"]["loader_module"] == "levercap.serving.pyfunc"
    required = {column.name: column.required for column in model.signature.inputs}
    assert [name for name, needed in required.items() if not needed] == [
        "jurisdiction",
        "kind",
        "previous_max_leverage",
    ]
    assert {name for name, needed in required.items() if needed} == {
        "account_id", "segment", "symbol", "equity", "notional",
    }  # fmt: skip
    assert {str(column.type) for column in model.signature.inputs} == {"Any"}
    assert not [p for p in root.rglob("*") if p.suffix in {".pkl", ".pickle", ".joblib", ".skops"}]


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("models:/levercap@nobody", "levercap has the versions 1"),
        ("models:/levercap/999", "levercap has the versions 1"),
        ("models:/other/1", "no model 'other' is registered; run `levercap train` first"),
        ("models:levercap", "write models:/levercap@champion, models:/levercap/3 or the path of a bundle"),
        ("models:/levercap", "is no address"),
        ("models:/levercap/latest", "is no address"),
        ("models:/levercap@", "is no address"),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(logged, uri, says):
    logged("exists")
    with pytest.raises(RegistryError) as caught:
        registry.resolve(uri)
    assert says in str(caught.value)
    assert caught.value.exit_code == 4


def test_alias_of_a_version_that_does_not_exist_is_refused(logged):
    logged("exists")
    with pytest.raises(RegistryError, match="no models:/levercap/999"):
        registry.set_alias("champion", 999)


def test_no_store_is_told_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(RegistryError, match="there is no registry at sqlite:///"):
        registry.resolve("models:/levercap@champion")
    assert registry.champion() is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_none_is_told(tmp_path, monkeypatch):
    (tmp_path / "broken.db").write_text("this is no database, " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'broken.db'}")
    with pytest.raises(RegistryError, match=r"broken\.db failed"):
        registry.resolve("models:/levercap@champion")


def test_lost_artefacts_are_told(logged, tmp_path):
    _, _, version = logged("lost")
    folder = registry.resolve(f"models:/levercap/{version}").parent.parent
    folder.rename(tmp_path / "moved")
    with pytest.raises(RegistryError, match="failed"):
        registry.resolve(f"models:/levercap/{version}")


SCRIPT = """
import json, os, sys
from pathlib import Path
from levercap.storage import manifest as artefact
from levercap.storage import registry
light = "mlflow" not in sys.modules
folder = Path("bundle"); folder.mkdir(); (folder / "a.txt").write_text("a"); artefact.write_manifest(folder, {}, 1)
version = registry.log_training(folder, {}, "")
found = registry.resolve("models:/levercap@challenger")
from mlflow.telemetry.utils import is_telemetry_disabled
print(json.dumps([light, version, str(found), is_telemetry_disabled(), "MLFLOW_TRACKING_URI" in os.environ]))
"""


@pytest.mark.slow
def test_default_store_lies_in_the_working_directory_quiet_and_without_telemetry(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_") and k != "DO_NOT_TRACK"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    light, version, found, silent, leaked = json.loads(done.stdout)
    assert (light, version, silent, leaked) == (True, 1, True, False)
    assert done.stderr == ""
    assert (tmp_path / "mlflow.db").is_file()
    assert Path(found).is_relative_to(tmp_path / "mlruns")
