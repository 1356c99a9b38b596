"""How the hot functions are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on first use, without the interpreter lock; cached on disk unless no folder can be written to.

    No fast-math: results are the same bits on every run. Where numba finds no place for its cache, as in a container
    with a read-only file system, every process compiles for itself.
    """
    try:
        return cast(F, njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(F, njit(nogil=True)(function))
