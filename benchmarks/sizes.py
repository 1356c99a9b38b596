"""Sizes of the benchmarks, and the time of the fastest of several calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["SIZES", "Size", "fastest"]


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes
    ----------
    accounts : accounts of the book
    accounts_of_numpy : accounts that the NumPy twin of the kernel computes
    scenarios : joint scenarios
    symbols : instruments
    days : length of the simulated market that a bundle is trained on
    rounds : boosting rounds of its models
    repeat : measured calls, of which the fastest counts
    """

    accounts: int
    accounts_of_numpy: int
    scenarios: int
    symbols: int
    days: int
    rounds: int
    repeat: int


SIZES: Mapping[str, Size] = {
    "full": Size(100_000, 1024, 1000, 30, 730, 250, 3),
    "tiny": Size(500, 100, 120, 5, 250, 10, 1),
}


def fastest(repeat: int, work: Callable[[], object]) -> float:
    """Smallest wall time of `repeat` calls, seconds; a call before them, which may compile, does not count."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
