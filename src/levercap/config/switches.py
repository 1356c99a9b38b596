"""Switches of the constraints on leverage, ``[policy.constraints]``.

The catalogue of constraints belongs to the policy, a layer above; the package tells where it is through `set_source`,
so that configuration has a key for every constraint without importing one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["default_switches", "set_source", "switch_problem"]

Source = Callable[[], Mapping[str, str]]
"""Names of the constraints, each with why it cannot be switched off; an empty text where it can."""

_sources: list[Source] = []


def set_source(source: Source) -> None:
    """State where the names of the constraints come from."""
    _sources[:] = [source]


def default_switches() -> dict[str, bool]:
    """Every constraint, switched on."""
    return dict.fromkeys(_known(), True)


def switch_problem(name: str, on: Any) -> str | None:
    """What is wrong with a switch; None when nothing is."""
    known = _known()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        return f"unknown constraint; {f'did you mean {near[0]!r}?' if near else 'known: ' + ', '.join(known)}"
    return None if on or not known[name] else f"cannot be switched off: {known[name]}"


def _known() -> Mapping[str, str]:
    return {name: why for source in _sources for name, why in source().items()}
