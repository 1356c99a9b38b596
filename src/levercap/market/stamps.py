"""Instants of a column: timestamps, epoch numbers in seconds to nanoseconds, and texts, as microseconds since 1970."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from levercap.core.names import BoolArray, FloatArray, IntArray

__all__ = [
    "EARLIEST",
    "LATEST",
    "MICROS",
    "MISSING",
    "NAIVE",
    "NO_INSTANT",
    "OK",
    "UNREADABLE",
    "Instants",
    "instants",
    "instants_of_numbers",
]

OK, MISSING, UNREADABLE, NAIVE = 0, 1, 2, 3
"""State of a stamp: read, not there, there and no instant, an instant without a timezone."""

NO_INSTANT: Final = int(np.iinfo(np.int64).min)
EARLIEST, LATEST = 631_152_000, 4_102_444_800
"""Begin of 1990 and of 2100, in seconds. Epoch numbers are read between them, where no number has two meanings."""
PER_SECOND: Final = (1, 1_000, 1_000_000, 1_000_000_000)
MICROS: Final = 1_000_000

OFFSET: Final = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
NAMED_UTC: Final = r"\s*(?:UTC|GMT)$"
NUMBER: Final = r"[+-]?\d+(?:\.\d*)?"


@dataclass(frozen=True, eq=False)
class Instants:
    """Stamps as read.

    Attributes
    ----------
    micros : (rows,) microseconds since the epoch; `NO_INSTANT` or meaningless where the state is not `OK`
    states : (rows,) `OK`, `MISSING`, `UNREADABLE` or `NAIVE`
    zones : timezones seen, each once; those of epoch numbers are UTC
    """

    micros: IntArray
    states: IntArray
    zones: tuple[str, ...] = ()


def instants(column: pa.ChunkedArray) -> Instants:
    """Instants of a column of timestamps with a timezone, epoch numbers, or texts of either."""
    array = column.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    missing = array.is_null().to_numpy(zero_copy_only=False)
    kind = array.type
    if pa.types.is_timestamp(kind):
        micros = array.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        values = micros.fill_null(NO_INSTANT).to_numpy(zero_copy_only=False)
        states = np.where(missing, MISSING, NAIVE if kind.tz is None else OK)
        return Instants(values, states, () if kind.tz is None else (_zone(kind.tz),))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = pc.dictionary_encode(array)
        read = _instants_of_texts([str(text) for text in coded.dictionary.to_pylist()])
        codes = coded.indices.fill_null(len(read.micros)).to_numpy(zero_copy_only=False)
        return Instants(np.append(read.micros, NO_INSTANT)[codes], np.append(read.states, MISSING)[codes], read.zones)
    values = np.full(len(array), NO_INSTANT)
    readable = np.zeros(len(array), dtype=bool)
    if pa.types.is_integer(kind):
        whole = array.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
        values, readable = instants_of_numbers(whole)
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = array.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
        missing = missing | np.isnan(number)
        values, readable = instants_of_numbers(number)
    states = np.where(missing, MISSING, np.where(readable, OK, UNREADABLE))
    return Instants(values, states, ("UTC",) if readable.any() else ())


def instants_of_numbers(values: IntArray | FloatArray) -> tuple[IntArray, BoolArray]:
    """Microseconds of epoch numbers, each read in the unit in which it lies in 1990 .. 2099, and which lie there.

    The unit is that of the value, not of the column: an archive that changes from milliseconds to microseconds is read
    right. Fractions of a microsecond are dropped from integers and rounded in floats.
    """
    micros = np.full(len(values), NO_INSTANT)
    for per_second in PER_SECOND:
        inside = (values >= EARLIEST * per_second) & (values < LATEST * per_second)
        some = values[inside]
        if some.dtype.kind == "f":
            micros[inside] = np.rint(some * (MICROS / per_second)).astype(np.int64)
        elif per_second <= MICROS:
            micros[inside] = some * (MICROS // per_second)
        else:
            micros[inside] = some // (per_second // MICROS)
    return micros, micros != NO_INSTANT


def _instants_of_texts(texts: list[str]) -> Instants:
    """Instants of distinct texts: ISO 8601 with an offset, ``Z``, ``UTC`` or ``GMT`` at the end, or epoch numbers."""
    stripped = pd.Series(texts, dtype="str").str.strip()
    number = stripped.str.fullmatch(NUMBER).to_numpy(dtype=bool)
    spelled = stripped.str.replace(NAMED_UTC, "+00:00", regex=True, case=False).mask(number, "")
    offsets = [OFFSET.search(text) for text in spelled]
    parsed = pd.to_datetime(spelled, utc=True, errors="coerce", format="ISO8601").dt.as_unit("us")
    bad = parsed.isna().to_numpy()
    micros = parsed.dt.tz_localize(None).to_numpy().view(np.int64).copy()
    naive = np.array([offset is None for offset in offsets], dtype=bool)
    states = np.where(bad, UNREADABLE, np.where(naive, NAIVE, OK))
    states[stripped.eq("").to_numpy(dtype=bool)] = MISSING
    zones = dict.fromkeys(
        _zone(offset.group(1)) for offset, lost in zip(offsets, bad, strict=True) if offset is not None and not lost
    )
    if number.any():
        read, readable = _numbers(stripped[number].to_list())
        micros[number] = read
        states[number] = np.where(readable, OK, UNREADABLE)
        zones |= dict.fromkeys(["UTC"] if readable.any() else [])
    return Instants(micros, states.astype(np.int64), tuple(zones))


def _numbers(texts: list[str]) -> tuple[IntArray, BoolArray]:
    """Epoch numbers written as texts; whole ones are read without loss."""
    digits = [text.split(".")[0] for text in texts]
    plain = np.array(
        [not text.partition(".")[2].strip("0") and len(d) < 20 for text, d in zip(texts, digits, strict=True)]
    )
    whole, readable = instants_of_numbers(
        np.array(
            [min(int(d), np.iinfo(np.int64).max) if ok else 0 for d, ok in zip(digits, plain, strict=True)],
            dtype=np.int64,
        )
    )
    micros, also = instants_of_numbers(np.array([float(text) for text in texts]))
    return np.where(plain, whole, micros), np.where(plain, readable, also)


def _zone(name: str) -> str:
    """One spelling for the many of UTC."""
    return "UTC" if name in {"Z", "UTC", "+00:00", "-00:00", "+0000", "-0000", "Etc/UTC", "GMT"} else name
