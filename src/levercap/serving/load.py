"""Load a bundle for predicting: after `load` no file and no network is touched.

Needs NumPy, pandas, PyArrow and Numba only: the models of the bundle are verified, not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from levercap.config import config_from_dict
from levercap.core.errors import Finding, Severity
from levercap.storage.bounded import reading
from levercap.storage.bundle_files import read_bundle_files
from levercap.storage.registry import resolve

if TYPE_CHECKING:
    from levercap.limits.predictor import Predictor

__all__ = ["load"]


def load(
    path_or_uri: str | Path,
    snapshot: Path | str | None = None,
    *,
    max_age_hours: float | None = None,
    now: pd.Timestamp | None = None,
) -> Predictor:
    """Predictor of a bundle, with the market as it was known at one instant.

    Parameters
    ----------
    path_or_uri : folder of a bundle, or ``models:/levercap@champion`` or ``models:/levercap/3``
    snapshot : folder of a market snapshot, as `levercap score` writes beside its limits; None takes the bundle's own,
        made at the end of its training
    max_age_hours : a snapshot older than this at `now` is scored as a market that is out: earlier limits are held, and
        without them every position counts at its bound (`levercap.limits.aging.aged`). None: the snapshot answers for
        its own instant, however long ago; for the bundle's own one `Predictor.clean` then says so (`snapshot_age`)
    now : instant of the limits, UTC; None is the present

    Raises
    ------
    ValueError
        `now` lies before the snapshot.
    BundleError
        A file is missing, extra or changed, the format is another one, or the snapshot was made by another bundle.
    RegistryError
        The registry does not answer or has no such version.
    """
    from levercap.limits.aging import aged
    from levercap.limits.predictor import Predictor  # with it comes Numba, which takes longer than all the rest

    bundle = read_bundle_files(resolve(path_or_uri))
    market = bundle.snapshot if snapshot is None else bundle.snapshot_from(Path(snapshot))
    if max_age_hours is not None:
        market = aged(market, _instant(now), max_age_hours)
    with reading(bundle.config_file):
        config = config_from_dict(bundle.config)
    unchecked = snapshot is None and max_age_hours is None
    predictor = Predictor(market, config, (_own_instant(market.as_of),) if unchecked else ())
    _warm(predictor)
    return predictor


def _instant(now: pd.Timestamp | None) -> pd.Timestamp:
    return (pd.Timestamp.now(tz="UTC") if now is None else now).as_unit("us")


def _own_instant(as_of: pd.Timestamp) -> Finding:
    message = f"limits are those of {as_of}, the end of the training, however long ago that is"
    hint = "max_age_hours=3, or a snapshot of the present market"
    return Finding("snapshot_age", Severity.WARNING, "snapshot", message, hint=hint)


def _warm(predictor: Predictor) -> None:
    """Call every compiled kernel once: the first call reads it from disk or compiles it."""
    symbols = predictor.snapshot.symbols["symbol"]
    positions = pd.DataFrame({"account_id": "holder", "symbol": symbols, "notional": 1.0})
    accounts = pd.DataFrame({"account_id": ["holder", "flat"], "equity": 1000.0, "segment": "none"})
    predictor.predict(accounts, positions)
    predictor.symbol_limits()
