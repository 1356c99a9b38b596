"""Bound of the training: what a position without a forecast is assumed to lose at least."""

from __future__ import annotations

import dataclasses

import numpy as np

from levercap.core.snapshot import Snapshot
from levercap.risk import adverse_paths

__all__ = ["training_bound", "with_bound"]


def training_bound(trained: Snapshot) -> tuple[float, float]:
    """Bound and stressed bound of the snapshot at the end of the training, per unit of notional."""
    paths = adverse_paths(trained.scenarios, trained.stressed_factor)
    return paths.bound, paths.stressed_bound


def with_bound(snapshot: Snapshot, least: tuple[float, float]) -> Snapshot:
    """The snapshot with bounds no smaller than `least`: they must not fall because the symbol of the worst move has no
    data any more.
    """
    bound, stressed_bound = np.fmax((snapshot.bound, snapshot.stressed_bound), least).tolist()
    return dataclasses.replace(snapshot, bound=bound, stressed_bound=stressed_bound)
