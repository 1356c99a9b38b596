"""The model registry: one registered model, `levercap`; its versions are whole bundles, its aliases the roles.

The only file that imports MLflow, and only inside its functions. The store is what `MLFLOW_TRACKING_URI` (or
`mlflow.set_tracking_uri`) says, else ``sqlite:///mlflow.db`` in the working directory with the artefacts in ``mlruns``
beside it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pandas as pd

from levercap.core.errors import RegistryError
from levercap.core.quality import SCORED
from levercap.storage.manifest import read_manifest
from levercap.storage.model_version import CHALLENGER, CHAMPION, MODEL, SCHEME, ModelVersion, parse_uri

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "MODEL",
    "ModelVersion",
    "challenger",
    "champion",
    "connected",
    "find",
    "local_store",
    "log_training",
    "resolve",
    "set_alias",
]

REQUIREMENTS: Final = ("levercap", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pyarrow", "scikit-learn")
"""Distributions pinned in the packaged model; MLflow would take seconds to infer them, and not exactly."""

TRACKING: Final = "MLFLOW_TRACKING_URI"


class _NoStoreError(RegistryError):
    """There is no store yet: nothing was ever trained here."""


def log_training(bundle_folder: Path, metrics: Mapping[str, float], config_text: str) -> int:
    """Log one training run, register its bundle as a new version of `levercap` and make it the challenger.

    Parameters
    ----------
    bundle_folder : complete bundle; it is copied whole into the model's artefacts
    metrics : a few figures of the run; per-row results belong into the bundle
    config_text : the effective configuration, kept as artefact ``config.toml``

    Returns
    -------
    The number of the new version. ``CARD.md`` and ``report.html`` of the bundle, where there, are logged beside it.
    """
    bundle_id = _bundle_id(bundle_folder)
    with connected(create=True) as (mlflow, client):
        experiment = _experiment(mlflow, client)
        with mlflow.start_run(experiment_id=experiment, run_name=bundle_id) as run:
            mlflow.log_metrics(dict(metrics))
            mlflow.set_tag("bundle_id", bundle_id)
            mlflow.log_text(config_text, "config.toml")
            for name in ("CARD.md", "report.html"):
                if (bundle_folder / name).is_file():
                    mlflow.log_artifact(str(bundle_folder / name))
            model = mlflow.pyfunc.log_model(
                name=MODEL,
                loader_module="levercap.serving.pyfunc",
                data_path=str(bundle_folder),
                pip_requirements=[f"{name}=={installed_version(name)}" for name in REQUIREMENTS],
                signature=_signature(),
                input_example=_example(bundle_folder),
            )
        if not client.search_registered_models(filter_string=f"name = '{MODEL}'"):
            client.create_registered_model(MODEL)
        registered = client.create_model_version(
            MODEL, model.model_uri, run.info.run_id, tags={"bundle_id": bundle_id}, model_id=model.model_id
        )
        client.set_registered_model_alias(MODEL, CHALLENGER, registered.version)
        return int(registered.version)


def resolve(uri: str | Path) -> Path:
    """Folder of the bundle that `uri` means.

    A path is returned as it is. ``models:/levercap@champion`` or ``models:/levercap/3`` gives the bundle inside the
    model's artefacts; with a local store nothing is copied and no network is used.

    Raises
    ------
    RegistryError
        naming what exists where there is no such version, or when the version does not hold the bundle it is tagged
        with
    """
    text = str(uri)
    if not text.startswith("models:"):
        return Path(uri)
    name, number, alias = parse_uri(text)
    with connected() as (mlflow, client):
        found = _find(client, name, number, alias)
        location = client.get_model_version_download_uri(name, str(found.version))
        if location.startswith(SCHEME):
            location = client.get_logged_model(location.removeprefix(SCHEME)).artifact_location
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=location))
        flavour = mlflow.models.Model.load(str(folder)).flavors.get("python_function", {})
    if "data" not in flavour:
        raise RegistryError(f"{found.uri} holds no bundle: it was not registered by `levercap train`")
    bundle = folder / str(flavour["data"])
    held = _bundle_id(bundle)
    if found.bundle_id not in ("", held):
        raise RegistryError(
            f"{found.uri} is registered as bundle {found.bundle_id} and holds {held}: register it again"
        )
    return bundle


def _bundle_id(folder: Path) -> str:
    manifest = read_manifest(folder)
    return str(manifest.get("bundle_id", manifest.get("id")))


def find(uri: str) -> ModelVersion:
    """The registered version that ``models:/name@alias`` or ``models:/name/version`` means, else RegistryError."""
    name, number, alias = parse_uri(uri)
    with connected() as (_, client):
        return _find(client, name, number, alias)


def champion() -> ModelVersion | None:
    """The version in use, or None when no version has been promoted yet."""
    return _with_alias(CHAMPION)


def challenger() -> ModelVersion | None:
    """The version last trained, or None when there is none."""
    return _with_alias(CHALLENGER)


def set_alias(alias: str, version: int) -> None:
    """Point `alias` at `version` of the registered model: one move, so forecasts and policy change together."""
    with connected() as (_, client):
        _find(client, MODEL, version, None)
        client.set_registered_model_alias(MODEL, alias, str(version))


def _with_alias(alias: str) -> ModelVersion | None:
    try:
        with connected() as (_, client):
            return next((v for v in _versions(client, MODEL) if alias in v.aliases), None)
    except _NoStoreError:
        return None


def _find(client: Any, name: str, number: int | None, alias: str | None) -> ModelVersion:
    versions = _versions(client, name)
    for found in versions:
        if found.version == number or alias in found.aliases:
            return found
    wanted = f"{name}@{alias}" if number is None else f"{name}/{number}"
    if not versions:
        raise RegistryError(f"no {SCHEME}{wanted}: no model {name!r} is registered; run `levercap train` first")
    known = ", ".join(f"{v.version}" + "".join(f" @{a}" for a in v.aliases) for v in versions)
    raise RegistryError(f"no {SCHEME}{wanted}: {name} has the versions {known}")


def _versions(client: Any, name: str) -> list[ModelVersion]:
    """Versions of `name`, oldest first; none when there is no such model."""
    held = client.search_registered_models(filter_string=f"name = '{name}'")
    if not held:
        return []
    roles: dict[int, list[str]] = {}
    for alias, number in held[0].aliases.items():
        roles.setdefault(int(number), []).append(alias)
    found = client.search_model_versions(filter_string=f"name = '{name}'")
    return sorted(
        (
            ModelVersion(
                name,
                int(v.version),
                tuple(sorted(roles.get(int(v.version), []))),
                v.tags.get("bundle_id", ""),
                v.run_id or "",
            )
            for v in found
        ),
        key=lambda v: v.version,
    )


def _experiment(mlflow: Any, client: Any) -> str:
    existing = client.get_experiment_by_name(MODEL)
    if existing is not None:
        return str(existing.experiment_id)
    store = local_store(mlflow.get_tracking_uri())
    location = None if store is None else (store.parent / "mlruns").as_uri()
    return str(client.create_experiment(MODEL, artifact_location=location))


def _signature() -> Any:
    """Input of the packaged model: one row per position. Any type of column is taken: the model reads them itself, as
    the library does, while MLflow would refuse integers, categories and Arrow columns. Optional parameters: the instant
    of the limits and how old the snapshot may be then.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    needed = ("account_id", "segment", "symbol", "equity", "notional")
    optional = ("jurisdiction", "kind", "previous_max_leverage")
    return ModelSignature(
        inputs=Schema(
            [
                *(ColSpec(AnyType(), name) for name in needed),
                *(ColSpec(AnyType(), name, required=False) for name in optional),
            ]
        ),
        params=ParamSchema([ParamSpec("now", "string", None), ParamSpec("max_age_hours", "double", None)]),
    )


def _example(bundle_folder: Path) -> pd.DataFrame:
    """Two accounts as the packaged model takes them: one with positions in two symbols of the bundle, one with none."""
    path = bundle_folder / "snapshot" / "symbols.parquet"
    symbols = pd.read_parquet(path) if path.is_file() else pd.DataFrame({"symbol": [], "state": [], "turnover": []})
    scored = symbols[symbols["state"].astype("str").isin([state.value for state in SCORED])]
    largest = scored.sort_values("turnover", ascending=False)["symbol"].astype("str").tolist()
    first, second = [*largest, "BTCUSDT", "ETHUSDT"][:2]
    return pd.DataFrame(
        {
            "account_id": ["a-1", "a-1", "a-2"],
            "equity": [10_000.0, 10_000.0, 500.0],
            "segment": ["professional", "professional", "retail"],
            "symbol": [first, second, None],
            "notional": [25_000.0, -8_000.0, None],
        }
    )


@contextmanager
def connected(create: bool = False) -> Iterator[tuple[Any, Any]]:
    """Quiet MLflow and a client on its store; every failure of MLflow becomes a RegistryError naming the store."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import mlflow
    import mlflow.exceptions
    import sqlalchemy.exc

    with _store(mlflow) as uri, _quiet():
        store = local_store(uri)
        if not create and store is not None and not store.exists():
            raise _NoStoreError(f"there is no registry at {uri}; run `levercap train` first or set {TRACKING}")
        try:
            yield mlflow, mlflow.MlflowClient()
        except (mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            raise RegistryError(f"the MLflow store {uri} failed: {str(error).splitlines()[0]}") from error


@contextmanager
def _store(mlflow: Any) -> Iterator[str]:
    """Address of the store; ours is the default only while it is used, so that a later change of folder counts."""
    if mlflow.is_tracking_uri_set():
        yield mlflow.get_tracking_uri()
        return
    os.environ[TRACKING] = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    try:
        yield os.environ[TRACKING]
    finally:
        del os.environ[TRACKING]


def local_store(uri: str) -> Path | None:
    """Database file of a local store; None for any other."""
    return Path(unquote(uri.removeprefix("sqlite:///"))).absolute() if uri.startswith("sqlite:///") else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress notes of MLflow and of its database migrations out of the user's terminal."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
