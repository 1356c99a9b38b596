"""Progress callback of long computations."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps there are."""


def silent(done: int, total: int) -> None:
    """Ignore progress."""
