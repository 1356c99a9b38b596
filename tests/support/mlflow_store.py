"""One real MLflow store on sqlite for all tests that need one: making one costs seconds."""

import shutil

import pytest

from levercap.storage import registry
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.manifest import write_manifest


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """Database file of a store that holds nothing yet; copy it."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        path.touch()
        assert registry.champion() is None
    return path


@pytest.fixture(scope="session")
def store(tmp_path_factory, empty_store):
    """Folder of a store that is in force for the whole session of these tests."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(empty_store, folder)
    return folder


@pytest.fixture
def tracking(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")


@pytest.fixture
def logged(tmp_path, tracking):
    """Log a small folder with a manifest; returns its folder, its id and the new version."""

    def log(text, metrics=None):
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        (folder / "CARD.md").write_text(text)
        bundle_id = write_manifest(folder, {}, FORMAT_VERSION)
        return folder, bundle_id, registry.log_training(folder, metrics or {"d_fz0": -0.1}, "[forecast]\nseed = 7\n")

    return log


@pytest.fixture(scope="session")
def boosted(trained, tmp_path_factory):
    """Folder of a bundle with a LightGBM model in it, which a history as short as that of `trained` does not get."""
    from levercap.forecast import ForecastSpec, fit_forecaster, history
    from levercap.market import load_market
    from levercap.model import read_bundle, write_bundle
    from levercap.model.dataset import build_dataset

    data = build_dataset(load_market(trained.market, trained.config.market).panel)
    spec = ForecastSpec(trained.config.forecast)
    past = history("b1", data.features, data.outcomes, spec)
    base = read_bundle(trained.bundle)
    forecaster = fit_forecaster("levercap", data.features, data.outcomes, base.snapshot.as_of, spec, past)
    folder = tmp_path_factory.mktemp("boosted") / "bundle"
    folder.mkdir()
    write_bundle(
        folder, forecaster, base.blocks, base.config, base.snapshot, base.training, {}, "# card\n", base.memory
    )
    assert list(folder.rglob("scale_range.txt"))
    return folder
