"""The words in which evaluations answer, shared by those who compute them and those who read their tables."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["ALL_EVENTS", "NO_EVENT", "REFERENCE", "Dominance", "Light"]

REFERENCE: Final = "B1"
"""Name of the model that the others are measured against."""

NO_EVENT: Final = "nothing"
"""Stands for the event in a row in which nothing is left out."""

ALL_EVENTS: Final = "all events"
"""Stands for the event in a row in which every event is left out."""


class Dominance(StrEnum):
    """Dominance of one curve over another, all thresholds judged together."""

    DOMINATES = "dominates"
    DOMINATED = "dominated"
    CROSSES = "crosses"
    UNDECIDED = "undecided"


class Light(StrEnum):
    """Zone of the Basel traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
