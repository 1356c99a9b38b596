"""Horizon: how far ahead a forecast looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

__all__ = ["DAY", "Horizon"]


@dataclass(frozen=True, order=True)
class Horizon:
    """Length of time between the instant of a forecast and the end of what it is about, in whole hours."""

    hours: int

    def __post_init__(self) -> None:
        if isinstance(self.hours, bool) or not isinstance(self.hours, int) or self.hours < 1:
            raise ValueError(f"Horizon.hours must be a whole number of at least 1, got {self.hours!r}")

    def __str__(self) -> str:
        return f"{self.hours} hours"

    @property
    def duration(self) -> pd.Timedelta:
        """The same as a time difference."""
        return pd.Timedelta(hours=self.hours)


DAY: Final = Horizon(24)
"""One day, the horizon of every forecast and limit."""
