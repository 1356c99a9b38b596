"""Champion alias: moved only from the version it was at, with a note of every decision, and of what it replaced."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from levercap.core.errors import RegistryError
from levercap.storage import registry
from levercap.storage.model_version import CHAMPION, MODEL, ModelVersion

__all__ = ["move_champion", "note_promotion", "replaced_by"]

REPLACED: Final = "replaced"
"""Tag of a version: number of the champion before it."""

NOTE: Final = "promotion"
"""Tag of a version: the last decision about it, as JSON."""

LONGEST_NOTE: Final = 4_500
"""Characters; MLflow keeps tags of up to 5,000."""

LOCK: Final = ".promotion.lock"
"""End of the name of the file, beside a local store, that two promotions wait for."""


def move_champion(new: ModelVersion, expected: ModelVersion | None, remember: bool = True) -> None:
    """Point the champion alias at `new`, if it is still at `expected`, or nowhere where that is None.

    On a local store no other process moves it in between; on a server there is no such operation, and the time between
    looking and moving is some milliseconds. With `remember` the version notes what it replaced, for `replaced_by`.

    Raises
    ------
    RegistryError
        when the alias is at another version by now; it stays there
    """
    with registry.connected() as (mlflow, client), _alone(mlflow.get_tracking_uri()):
        holder = registry.champion()
        now, then = (None if version is None else version.version for version in (holder, expected))
        if now != then:
            raise RegistryError(
                f"another promotion moved the champion from version {then} to {now} meanwhile; {new.uri} was not "
                "compared with that one: run promote again"
            )
        if remember:
            client.set_model_version_tag(MODEL, str(new.version), REPLACED, "" if then is None else str(then))
        client.set_registered_model_alias(MODEL, CHAMPION, str(new.version))


def replaced_by(champion: ModelVersion) -> ModelVersion | None:
    """The version that `champion` replaced; None when it was the first, or was promoted before this was noted."""
    with registry.connected() as (_, client):
        number = client.get_model_version(MODEL, str(champion.version)).tags.get(REPLACED, "")
    return registry.find(f"models:/{MODEL}/{number}") if number.isdecimal() else None


def note_promotion(version: ModelVersion, record: Mapping[str, Any]) -> None:
    """Note a decision with the version it is about: the record, of its checks only those that failed."""
    short = {name: value for name, value in record.items() if name != "checks"}
    failed = [check for check in record.get("checks", []) if check["verdict"] != "pass"]
    text = json.dumps({**short, "failed_checks": [check["check"] for check in failed]}, sort_keys=True)
    with registry.connected() as (_, client):
        client.set_model_version_tag(MODEL, str(version.version), NOTE, text[:LONGEST_NOTE])


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Hold the lock beside a local store; the system lets go of it when the process ends."""
    store = registry.local_store(uri)
    if store is None:
        yield
        return
    descriptor = os.open(store.with_name(store.name + LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
