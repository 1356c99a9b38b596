"""Load a bundle for predicting: after `load` no file and no network is touched."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from levercap.bundle import Bundle, read_bundle, read_snapshot
from levercap.errors import BundleError
from levercap.predictor import Predictor
from levercap.registry import resolve
from levercap.snapshot import Snapshot

__all__ = ["load", "snapshot_of_bundle"]


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
    market = bundle.snapshot if snapshot is None else snapshot_of_bundle(bundle, Path(snapshot))
    predictor = Predictor(market, bundle.config)
    _warm(predictor)
    return predictor


def snapshot_of_bundle(bundle: Bundle, folder: Path) -> Snapshot:
    """Snapshot in `folder`; raises BundleError when it was made by another bundle than `bundle`."""
    snapshot = read_snapshot(folder)
    if snapshot.bundle_id != bundle.bundle_id:
        raise BundleError(
            f"{folder} was made by bundle {snapshot.bundle_id}, not by {bundle.bundle_id}; "
            "give the bundle that made it, or score again from the market"
        )
    return snapshot


def _warm(predictor: Predictor) -> None:
    """Call every compiled kernel once: the first call reads it from disk or compiles it."""
    symbols = predictor.snapshot.symbols["symbol"]
    positions = pd.DataFrame({"account_id": "holder", "symbol": symbols, "notional": 1.0})
    accounts = pd.DataFrame({"account_id": ["holder", "flat"], "equity": 1000.0, "segment": "none"})
    predictor.predict(accounts, positions)
    predictor.symbol_limits()
