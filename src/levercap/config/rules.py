"""Types of configuration values: what a number or a text must satisfy."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated

from levercap.config.reading import Rule

__all__ = [
    "AboveOne",
    "AtLeastOne",
    "Count",
    "Date",
    "NotNegative",
    "Positive",
    "Probability",
    "Seed",
    "Share",
    "UnknownPlace",
]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Positive = Annotated[float, Rule(lambda x: 0 < x < math.inf, "a number above 0")]
NotNegative = Annotated[float, Rule(lambda x: 0 <= x < math.inf, "a number, 0 or above")]
AtLeastOne = Annotated[float, Rule(lambda x: 1 <= x < math.inf, "a number, 1 or above")]
AboveOne = Annotated[float, Rule(lambda x: 1 < x < math.inf, "a number above 1")]
Probability = Annotated[float, Rule(lambda x: 0 < x < 1, "a number between 0 and 1, neither included")]
Share = Annotated[float, Rule(lambda x: 0 <= x <= 1, "a number from 0 to 1")]
Count = Annotated[int, Rule(lambda n: n >= 1, "a whole number, 1 or above")]
Seed = Annotated[int, Rule(lambda n: n >= 0, "a whole number, 0 or above")]
UnknownPlace = Annotated[str, Rule(lambda text: text in ("strictest", "none"), "strictest or none")]
Date = Annotated[str, Rule(_is_date, "a date such as 2022-01-01")]
