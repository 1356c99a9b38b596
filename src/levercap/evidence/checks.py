"""Checks of a promotion: what was looked at, its value, its bounds and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Check", "failures"]


@dataclass(frozen=True)
class Check:
    """One number of a bundle against its bounds.

    Attributes
    ----------
    name : what was looked at
    window : the days or data it was judged on
    value : the number; NaN, which passes no bound, where it could not be computed
    low, high : bounds, infinite where there is none
    detail : where the value is from, for example the symbol
    """

    name: str
    window: str
    value: float
    low: float = -math.inf
    high: float = math.inf
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value lies within its bounds."""
        return self.low <= self.value <= self.high

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is infinite or NaN is None."""
        numbers = {name: getattr(self, name) for name in ("value", "low", "high")}
        plain = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        words = {"check": self.name, "window": self.window, "detail": self.detail}
        return {**words, **plain, "verdict": "pass" if self.passed else "fail"}

    def __str__(self) -> str:
        bounds = [f"at least {self.low:.4g}"] if math.isfinite(self.low) else []
        bounds += [f"at most {self.high:.4g}"] if math.isfinite(self.high) else []
        where = f" ({self.detail})" if self.detail else ""
        return f"{self.name}: {self.value:.4g}{where}, expected {' and '.join(bounds)}; judged on {self.window}"


def failures(checks: Sequence[Check]) -> list[str]:
    """The checks that failed, a sentence each."""
    return [str(check) for check in checks if not check.passed]
