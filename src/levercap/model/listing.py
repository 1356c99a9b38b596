"""Names of symbols in the text of a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["EXAMPLES", "listed"]

EXAMPLES: Final = 5
"""Examples of a finding, and names in its text."""


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are: ``A, B, C, D, E and 7 more``."""
    text = ", ".join(names[:EXAMPLES])
    return text if len(names) <= EXAMPLES else f"{text} and {len(names) - EXAMPLES} more"
