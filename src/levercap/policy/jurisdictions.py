"""Jurisdictions: the codes and names accounts state, and the cap on leverage that each has for a segment."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from levercap.config import PolicyConfig
from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray
from levercap.core.text import shortened, text_of
from levercap.policy.countries import ALIASES, COUNTRIES, GROUPS

__all__ = ["distinct", "jurisdiction_findings", "jurisdiction_terms", "place_code"]

NONE: Final = "none"
WHERE: Final = "accounts: jurisdiction"
EXAMPLES: Final = 5
"""Values that the finding about unknown jurisdictions shows, each with the first account that states it."""
SUBDIVISION: Final = re.compile(r"([A-Za-z]{2})-[A-Za-z0-9]{1,3}")
"""Code of a part of a country, ISO 3166-2."""


def place_code(text: str, others: Iterable[str] = ()) -> str | None:
    """Code of a country (alpha-2) or of a group; None when the text names none of them.

    Codes, English names and the names in `others` are understood, whatever their case, accents, punctuation and blanks.
    A part of a country (``GB-SCT``) is taken for the country.
    """
    key = _key(text)
    known = _codes()
    if key in known:
        return known[key]
    if key and key in (named := {_key(other): other for other in others}):
        return named[key]
    part = SUBDIVISION.fullmatch(text.strip())
    return None if part is None else known.get(part[1].casefold())


def jurisdiction_terms(
    jurisdictions: Sequence[object] | None, segments: Sequence[object], policy: PolicyConfig
) -> tuple[FloatArray, BoolArray]:
    """Hard cap of the jurisdiction for the segment, inf where none applies, and where it is unknown, (accounts,) each.

    The smallest of all entries of ``policy.jurisdiction_caps`` that share a country with the place counts: an account
    in ``EU`` may be in any member. An unknown segment gets the lowest cap of each entry. An unknown or missing
    jurisdiction gets the smallest cap of all entries, unless ``policy.unknown_jurisdiction`` is ``none``.

    Parameters
    ----------
    jurisdictions : as the accounts state them; None where the book has none: ``policy.default_jurisdiction`` holds
    segments : (accounts,)
    """
    where, row = distinct([policy.default_jurisdiction] if jurisdictions is None else jurisdictions)
    if jurisdictions is None:
        row = np.zeros(len(segments), dtype=np.int64)
    who, column = distinct(segments)
    entries = _entries(policy)
    codes = [place_code(text, policy.jurisdiction_caps) for text in where]
    free = [jurisdictions is None and _is_none(text) for text in where]
    applying = [[] if none else _applying(code, entries, policy) for code, none in zip(codes, free, strict=True)]
    table = np.array([[_smallest(caps, segment, policy) for segment in who] for caps in applying])
    unknown = np.array([code is None and not none for code, none in zip(codes, free, strict=True)], dtype=bool)
    return table.reshape(len(where), len(who))[row, column], unknown[row]


def jurisdiction_findings(accounts: pd.DataFrame, policy: PolicyConfig) -> tuple[Finding, ...]:
    """What is unknown of the accounts' jurisdictions: the whole column, or some values. Warnings."""
    known = "an ISO 3166 code such as DE, or " + ", ".join(dict.fromkeys((*GROUPS, *policy.jurisdiction_caps)))
    default = policy.default_jurisdiction
    if "jurisdiction" not in accounts.columns:
        rule = "no cap of a jurisdiction applies" if _is_none(default) else f"{default} holds for all of them"
        message = f"the accounts have no column jurisdiction: {rule}"
        hint = 'a column jurisdiction; or set policy.default_jurisdiction, for example "EEA"'
        found = [Finding("jurisdiction_missing", Severity.WARNING, WHERE, message, len(accounts), hint=hint)]
        if not _is_none(default) and place_code(default, policy.jurisdiction_caps) is None:
            text = f"policy.default_jurisdiction is {default!r}, which names no place: {_treatment(policy)}"
            found.append(Finding("jurisdiction_unknown", Severity.WARNING, WHERE, text, len(accounts), hint=known))
        return tuple(found)
    values, row = distinct(accounts["jurisdiction"].tolist())
    unknown = np.array([place_code(text, policy.jurisdiction_caps) is None for text in values], dtype=bool)
    count = int(unknown[row].sum())
    if not count:
        return ()
    ids = accounts["account_id"].tolist()
    lines = [
        f"jurisdiction '{shortened(values[value])}', {int((row == value).sum()):,} accounts, first account_id="
        f"{shortened(text_of(ids[int(np.argmax(row == value))]))}"
        for value in np.flatnonzero(unknown)[:EXAMPLES]
    ]
    message = f"accounts whose jurisdiction is empty or names no place: {_treatment(policy)}"
    return (Finding("jurisdiction_unknown", Severity.WARNING, WHERE, message, count, tuple(lines), known),)


def _treatment(policy: PolicyConfig) -> str:
    if policy.unknown_jurisdiction == NONE:
        return "no cap of a jurisdiction applies (policy.unknown_jurisdiction)"
    return "the strictest cap of all jurisdictions holds for the segment"


def _is_none(text: str) -> bool:
    return text.strip().casefold() in ("", NONE)


def _entries(policy: PolicyConfig) -> list[tuple[frozenset[str], Mapping[str, float]]]:
    """Countries and caps of each entry; an entry of another name is a place of its own."""
    coded = [(place_code(name) or name, caps) for name, caps in policy.jurisdiction_caps.items()]
    return [(_members(code), caps) for code, caps in coded]


def _members(code: str) -> frozenset[str]:
    return GROUPS.get(code, frozenset({code}))


def _applying(
    code: str | None, entries: list[tuple[frozenset[str], Mapping[str, float]]], policy: PolicyConfig
) -> list[Mapping[str, float]]:
    """Caps that hold in a place; those of all entries where it is unknown."""
    if code is None:
        return [] if policy.unknown_jurisdiction == NONE else [caps for _, caps in entries]
    return [caps for members, caps in entries if members & _members(code)]


def _smallest(applying: list[Mapping[str, float]], segment: str, policy: PolicyConfig) -> float:
    known = segment in policy.profiles
    bounds = [caps.get(segment, np.inf if known else min(caps.values(), default=np.inf)) for caps in applying]
    return float(min(bounds, default=np.inf))


def distinct(values: Sequence[object]) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Distinct values as text, missing or no text as the empty one, and the position of each value among them."""
    position: dict[str, int] = {}
    codes = [position.setdefault(v if isinstance(v, str) else "", len(position)) for v in values]
    return list(position), np.array(codes, dtype=np.int64)


def _key(text: str) -> str:
    """Name as it is compared: no case, no accents, words with one blank between them."""
    plain = unicodedata.normalize("NFKD", text).casefold().replace("&", " and ")
    words = re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return " ".join(words[1:] if words[:1] == ["the"] else words)


@cache
def _codes() -> Mapping[str, str]:
    """Code by every code and name, as `_key` writes it."""
    found = {_key(code): code for code in GROUPS} | {_key(name): code for name, code in ALIASES.items()}
    for line in COUNTRIES.splitlines():
        code, alpha_3, names = line.split(" ", 2)
        found |= {_key(name): code for name in (code, alpha_3, *names.split(";"))}
    return found
