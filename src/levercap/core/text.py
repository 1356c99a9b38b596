"""Text from outside made safe to show: control characters are escaped."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["LONGEST", "escaped", "shortened"]

LONGEST: Final = 200
"""Characters of a text from outside that are shown."""

_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def escaped(text: str) -> str:
    """The text with control and format characters, line ends and lone surrogates as Python writes them (``\\x1b``)."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def shortened(text: str) -> str:
    """The text escaped and cut to `LONGEST` characters, with the number of those left out."""
    head = escaped(text[:LONGEST])
    return head if len(text) <= LONGEST else f"{head}... ({len(text) - LONGEST:,} more characters)"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
