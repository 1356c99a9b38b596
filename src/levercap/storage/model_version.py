"""Versions of the registered model and their addresses ``models:/levercap@champion`` and ``models:/levercap/3``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from levercap.core.errors import RegistryError

__all__ = ["CHALLENGER", "CHAMPION", "MODEL", "SCHEME", "ModelVersion", "parse_uri"]

MODEL: Final = "levercap"
"""Name of the experiment and of the registered model."""

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"

SCHEME: Final = "models:/"


@dataclass(frozen=True)
class ModelVersion:
    """One registered version.

    Attributes
    ----------
    name : registered model
    version : number given by the registry
    aliases : roles it has now, sorted
    bundle_id : id of the bundle it holds, empty when it was registered by other means
    run_id : the training run
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    bundle_id: str
    run_id: str

    @property
    def uri(self) -> str:
        """Address that always means this version."""
        return f"{SCHEME}{self.name}/{self.version}"


def parse_uri(uri: str) -> tuple[str, int | None, str | None]:
    """Model name, and either a version or an alias; raises RegistryError for what is no address of a model."""
    body = uri.removeprefix(SCHEME)
    name, at, alias = body.partition("@")
    if at and name and alias and "/" not in body:
        return name, None, alias
    name, slash, number = body.partition("/")
    if slash and name and number.isdecimal():
        return name, int(number), None
    raise RegistryError(
        f"{uri!r} is no address of a model; write models:/{MODEL}@{CHAMPION}, models:/{MODEL}/3 or the path of a bundle"
    )
