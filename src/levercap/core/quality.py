"""Quality of one symbol's data at one instant: the states, and which of them are scored from data."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["SCORED", "SymbolState"]


class SymbolState(StrEnum):
    """What the data of a symbol are worth at one instant."""

    FRESH = "fresh"
    """Complete up to the instant."""
    YOUNG = "young"
    """Complete, but too short a history for some numbers."""
    FROZEN = "frozen"
    """The feed repeats itself: unchanged prices, bars without range or volume, against the symbol's own history."""
    GAPPY = "gappy"
    """Too many hours missing within the windows that forecasts look at."""
    DISPUTED = "disputed"
    """Prices that contradict themselves, or lie far outside the symbol's own scale and are not confirmed."""
    STALE = "stale"
    """The last bar closed too long ago."""
    UNKNOWN = "unknown"
    """No usable data at all."""


SCORED: Final = (SymbolState.FRESH, SymbolState.YOUNG)
"""States in which a symbol is scored from its data; in every other its positions count at a bound, or are held."""
