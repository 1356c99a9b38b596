"""Text from outside made safe to show: control characters are escaped."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["LONGEST", "escaped", "escaped_lines", "is_missing", "shortened", "text_of"]

LONGEST: Final = 200
"""Characters of a text from outside that are shown."""

_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def escaped(text: str) -> str:
    """The text with control and format characters, line ends and lone surrogates as Python writes them (``\\x1b``)."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _UNSAFE else c for c in text)


def escaped_lines(text: str) -> str:
    """The text escaped but for its line ends."""
    return "\n".join(map(escaped, text.split("\n")))


def shortened(text: str) -> str:
    """The text escaped and cut to `LONGEST` characters, with the number of those left out."""
    head = escaped(text[:LONGEST])
    return head if len(text) <= LONGEST else f"{head}... ({len(text) - LONGEST:,} more characters)"


def is_missing(value: object) -> bool:
    """Whether a value of a table stands for none: None, not-a-number, or a missing value of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def text_of(value: object) -> str:
    """Any value as text that can be encoded: missing as the empty one, lone surrogates written out, never an error."""
    if is_missing(value):
        return ""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:  # an integer of many thousand digits, or an object that cannot be written
        text = f"({type(value).__name__} without text)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
