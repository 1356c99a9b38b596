"""Settlements of funding: charges stamped a few seconds off their hour belong to it."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import pandas as pd

from levercap.market.align import HOUR_MICROSECONDS
from levercap.market.rows import MISSING, keys
from levercap.market.tables import SCHEMAS, Table

__all__ = ["FUNDING_TOLERANCE_SECONDS", "on_the_hour"]

FUNDING_TOLERANCE_SECONDS: Final = 60
"""A charge stamped at most this long before or after an hour is that of the hour: venues settle on the hour and stamp
when they have done so."""


def on_the_hour(table: Table) -> Table:
    """The table with stamps at most `FUNDING_TOLERANCE_SECONDS` off an hour moved to it; others stay."""
    _, stamps = keys(table)
    nearest = (stamps + HOUR_MICROSECONDS // 2) // HOUR_MICROSECONDS * HOUR_MICROSECONDS
    off = np.abs(stamps - nearest)
    moved = (stamps != MISSING) & (off > 0) & (off <= FUNDING_TOLERANCE_SECONDS * 1_000_000)
    if not moved.any():
        return table
    instants = pd.DatetimeIndex(np.where(moved, nearest, stamps).view("datetime64[us]"), tz="UTC")
    return dataclasses.replace(table, frame=table.frame.assign(**{SCHEMAS[table.name].time: instants}))
