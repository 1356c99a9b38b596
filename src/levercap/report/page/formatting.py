"""Formatting of numbers and names."""

from __future__ import annotations

import math
from typing import Final

from levercap.policy import binding_title

__all__ = [
    "NARROW",
    "count",
    "level_name",
    "loss_label",
    "minus",
    "money",
    "multiple",
    "number",
    "percent",
    "probability",
    "signed",
    "words",
]

MISSING: Final = "–"
NARROW: Final = "\u202f"
"""Stands between a number and its unit, where a line must not break."""


def words(code: object) -> str:
    """A short code as words: the title of a constraint from the catalogue, else the code's parts with spaces."""
    return binding_title(str(code))


def number(value: float | None, digits: int = 2) -> str:
    """Fixed number of decimals, thousands separated."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    return minus(text.removeprefix("-") if float(text.replace(",", "")) == 0 else text)


def signed(value: float | None, digits: int = 4) -> str:
    """Fixed number of decimals with the sign always shown."""
    return minus(f"{value:+.{digits}f}") if value is not None and math.isfinite(value) else MISSING


def percent(value: float | None, digits: int = 2) -> str:
    """A share as a percentage."""
    return MISSING if value is None or not math.isfinite(value) else f"{number(100 * value, digits)}{NARROW}%"


def probability(value: float | None) -> str:
    """A p-value: three decimals, and never a zero that is none."""
    return "<0.001" if value is not None and 0 <= value < 0.0005 else number(value, 3)


def multiple(value: float | None, digits: int = 2) -> str:
    """A leverage."""
    if value is not None and math.isinf(value) and value > 0:
        return "no limit"
    return MISSING if value is None or not math.isfinite(value) else f"{number(value, digits)}×"


def money(value: float | None) -> str:
    """An amount in quote currency, whole units."""
    return number(value, 0)


def count(value: float) -> str:
    """A whole number."""
    return f"{int(value):,}"


def level_name(level: float) -> str:
    """A confidence level without needless decimals: 99 %, 97.5 %."""
    return f"{100 * level:g}{NARROW}%"


def loss_label(side: str, kind: str, level: float) -> str:
    """One combination in every table and figure: ``long, path, 99 %``."""
    return f"{side}, {kind}, {level_name(level)}"


def minus(text: str) -> str:
    """The same with a true minus sign, which is as wide as a digit."""
    return text.replace("-", "\u2212")
