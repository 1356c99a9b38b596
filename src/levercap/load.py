"""Load a bundle for predicting: after `load` no file and no network is touched."""

from __future__ import annotations

from pathlib import Path

from levercap.bundle import read_bundle, read_snapshot
from levercap.errors import BundleError
from levercap.predictor import Predictor
from levercap.registry import resolve

__all__ = ["load"]


def load(path_or_uri: str | Path, snapshot: Path | str | None = None) -> Predictor:
    """Predictor of a bundle, with the market as it was known at one instant.

    Parameters
    ----------
    path_or_uri : folder of a bundle, or ``models:/levercap@champion`` or ``models:/levercap/3``
    snapshot : folder of a market snapshot, as `levercap score` writes beside its limits; None takes the bundle's own,
        made at the end of its training

    Raises
    ------
    BundleError
        A file is missing, extra or changed, the format is another one, or the snapshot was made by another bundle.
    RegistryError
        The registry does not answer or has no such version.
    """
    bundle = read_bundle(resolve(path_or_uri))
    if snapshot is None:
        return Predictor(bundle.snapshot, bundle.config)
    market = read_snapshot(Path(snapshot))
    if market.bundle_id != bundle.bundle_id:
        raise BundleError(
            f"{snapshot} was made by bundle {market.bundle_id}, not by {bundle.bundle_id} ({path_or_uri}); "
            "give the bundle that made it, or score again"
        )
    return Predictor(market, bundle.config)
