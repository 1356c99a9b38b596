"""How the hot functions are compiled, and whose compiled code is run."""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from numba import njit

__all__ = ["compiled", "is_private"]

F = TypeVar("F", bound=Callable[..., Any])

CACHE: Final = "NUMBA_CACHE_DIR"
"""Environment variable of Numba that names another folder for its cache."""


def compiled(function: F) -> F:
    """Compile on first use, without the interpreter lock; cached on disk where only this user can write.

    No fast-math: results are the same bits on every run. What Numba finds in its cache is run as it is, so a folder
    that others may write to is not used. Where there is none of one's own, as in a container with a read-only file
    system, every process compiles for itself.
    """
    try:
        return cast(F, njit(nogil=True, cache=is_private(_cache_folder(function)))(function))
    except RuntimeError:
        return cast(F, njit(nogil=True)(function))


def is_private(folder: Path) -> bool:
    """Whether a folder, or the nearest one above it that exists, belongs to this user or to root and is closed to
    others.

    A group may write when it is the user's own primary one.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    state = there.stat()
    group_may = bool(state.st_mode & stat.S_IWGRP) and state.st_gid != os.getgid()
    return state.st_uid in (os.getuid(), 0) and not state.st_mode & stat.S_IWOTH and not group_may


def _cache_folder(function: Callable[..., Any]) -> Path:
    """Where Numba keeps compiled code: beside the source unless it is told otherwise."""
    named = os.environ.get(CACHE)
    return Path(named) if named else Path(inspect.getfile(function)).resolve().parent / "__pycache__"
