"""A snapshot some time after it was made: up to a stated age it answers for itself, beyond it nothing is fresh."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from levercap.core.panel import HOUR
from levercap.core.quality import SCORED, SymbolState
from levercap.core.snapshot import Snapshot

__all__ = ["aged"]


def aged(snapshot: Snapshot, now: pd.Timestamp, max_age_hours: float) -> Snapshot:
    """The snapshot as it may be used at `now` (UTC).

    Up to `max_age_hours` old it is returned as it is. When it is older, its instant becomes `now`, no symbol is scored
    from data any more and every symbol has been out for that much longer: earlier limits are held, then go over to the
    bound. Raises ValueError when `now` lies before the snapshot.
    """
    hours = (now - snapshot.as_of) / HOUR
    if hours < 0:
        raise ValueError(f"the snapshot is of {snapshot.as_of}, after {now}")
    if hours <= max_age_hours:
        return snapshot
    symbols = snapshot.symbols.copy()
    scored = symbols["state"].isin(SCORED).to_numpy()
    out = np.zeros(len(symbols)) if "hours_out" not in symbols else symbols["hours_out"].to_numpy(dtype=np.float64)
    symbols["hours_out"] = np.where(scored, 0.0, out) + hours
    symbols["state"] = symbols["state"].astype("str").mask(scored, SymbolState.STALE.value)
    return dataclasses.replace(snapshot, as_of=now, symbols=symbols, tails=snapshot.tails.iloc[:0])
