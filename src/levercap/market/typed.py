"""From files as read to typed tables: columns present, instants in UTC, symbols named, numbers numeric."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.market.tables import RawFile, Schema, Table

__all__ = ["typed_table"]

OK, MISSING, UNREADABLE, NAIVE = 0, 1, 2, 3

OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
TIME_HINT = (
    "timezone-aware UTC, e.g. 2025-06-30T00:00:00+00:00; df['timestamp'] = df['timestamp'].dt.tz_localize('UTC')"
)


def typed_table(schema: Schema, files: Sequence[RawFile]) -> tuple[Table, list[Finding]]:
    """The files of one table put together and typed, with every structural problem found.

    A column that a file lacks, and a value that cannot be read, are missing (NaT or NaN) in the frame, so that the
    checks that follow can still report what else is wrong.
    """
    stamps, states, zones = zip(*(_instants(file.content, schema.time) for file in files), strict=True)
    symbols, unnamed = _symbols(files)
    columns: dict[str, object] = {
        schema.time: pd.DatetimeIndex(np.concatenate(stamps).view("datetime64[us]")).tz_localize("UTC"),
        "symbol": symbols,
    }
    unreadable: dict[str, BoolArray] = {}
    for name in schema.numbers:
        parts = [_numbers(file.content, name) for file in files]
        columns[name] = np.concatenate([values for values, _ in parts])
        unreadable[name] = np.concatenate([bad for _, bad in parts])
    absent = {
        c for c in schema.columns for file in files if c not in file.content.column_names and c not in schema.nullable
    }
    unusable = frozenset(absent | {name for name, bad in unreadable.items() if bad.any()})
    sizes = tuple((file.label, file.content.num_rows) for file in files)
    table = Table(schema.name, pd.DataFrame(columns), sizes, unusable)

    findings = _missing_columns(schema, files)
    findings += _time_findings(
        schema, table, np.concatenate(states), [*dict.fromkeys(z for zone in zones for z in zone)]
    )
    findings += table.finding(
        "symbol_missing", Severity.FATAL, unnamed, "rows without a symbol", ["symbol"], "a name, e.g. BTCUSDT"
    )
    for name, bad in unreadable.items():
        findings += table.finding(
            "not_a_number",
            Severity.FATAL,
            bad,
            f"{name} is not a number",
            [name],
            "float64, decimal point, no separators",
        )
    if not len(table.frame):
        severity = Severity.FATAL if schema.required else Severity.WARNING
        findings.append(
            Finding("table_empty", severity, table.where(), "the table has no rows", 0, hint="at least one row")
        )
    return table, findings


def _missing_columns(schema: Schema, files: Sequence[RawFile]) -> list[Finding]:
    out = []
    for file in files:
        lacking = [c for c in schema.columns if c not in file.content.column_names and c not in schema.nullable]
        if lacking:
            message = f"missing column{'s' if len(lacking) > 1 else ''}: {', '.join(lacking)}"
            out.append(
                Finding(
                    "column_missing", Severity.FATAL, file.label, message, len(lacking), hint=", ".join(schema.columns)
                )
            )
    return out


def _time_findings(schema: Schema, table: Table, states: IntArray, zones: list[str]) -> list[Finding]:
    out = table.finding(
        "timestamp_naive", Severity.FATAL, states == NAIVE, "instants without a timezone", [schema.time], TIME_HINT
    )
    out += table.finding(
        "timestamp_unreadable",
        Severity.FATAL,
        states == UNREADABLE,
        "values that are no instants",
        [schema.time],
        TIME_HINT,
    )
    out += table.finding(
        "timestamp_missing", Severity.FATAL, states == MISSING, "rows without an instant", [schema.time], TIME_HINT
    )
    if len(zones) > 1:
        message = f"more than one timezone: {', '.join(zones)}"
        out.append(
            Finding("timezone_mixed", Severity.FATAL, table.where(schema.time), message, len(zones), hint="all in UTC")
        )
    return out


def _instants(content: pa.Table, name: str) -> tuple[IntArray, IntArray, list[str]]:
    """Microseconds since the epoch, a state per row and the timezones seen. A column that is not there is all OK: it is
    reported as a missing column, once."""
    n = content.num_rows
    if name not in content.column_names:
        return np.full(n, np.iinfo(np.int64).min), np.full(n, OK), []
    column = content.column(name).combine_chunks()
    if pa.types.is_timestamp(column.type):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        values = micros.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
        if column.type.tz is None:
            return values, np.where(missing, MISSING, NAIVE), []
        return values, np.where(missing, MISSING, OK), [_zone(column.type.tz)]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return np.full(n, np.iinfo(np.int64).min), np.where(missing, MISSING, UNREADABLE), []
    coded = pc.dictionary_encode(column)
    values, states, zones = _parse([str(text) for text in coded.dictionary.to_pylist()])
    codes = coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    return np.append(values, np.iinfo(np.int64).min)[codes], np.append(states, MISSING)[codes], zones


def _parse(texts: list[str]) -> tuple[IntArray, IntArray, list[str]]:
    """Instants of distinct texts in ISO 8601: microseconds, states and timezones."""
    offsets = [OFFSET.search(text.strip()) for text in texts]
    stripped = pd.Series(texts, dtype="str").str.strip()
    parsed = pd.to_datetime(stripped, utc=True, errors="coerce", format="ISO8601").dt.as_unit("us")
    bad = parsed.isna().to_numpy()
    states = np.where(stripped.eq("").to_numpy(), MISSING, np.where(bad, UNREADABLE, OK))
    naive = np.array([offset is None for offset in offsets], dtype=bool)
    states = np.where((states == OK) & naive, NAIVE, states)
    zones = dict.fromkeys(
        _zone(offset.group(1)) for offset, lost in zip(offsets, bad, strict=True) if offset is not None and not lost
    )
    return parsed.dt.tz_localize(None).to_numpy().view(np.int64), states.astype(np.int64), [*zones]


def _zone(name: str) -> str:
    """One spelling for the many of UTC."""
    return "UTC" if name in {"Z", "UTC", "+00:00", "-00:00", "+0000", "-0000", "Etc/UTC", "GMT"} else name


def _symbols(files: Sequence[RawFile]) -> tuple[pd.Categorical, BoolArray]:
    """Symbols of all rows with sorted categories, and which rows have none."""
    parts = []
    for file in files:
        n = file.content.num_rows
        if "symbol" not in file.content.column_names:
            parts.append(pa.nulls(n, pa.string()).dictionary_encode())
            continue
        column = file.content.column("symbol").combine_chunks()
        parts.append(column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode())
    names = [[str(x).strip() for x in part.dictionary.cast(pa.string()).to_pylist()] for part in parts]
    categories = sorted({name for some in names for name in some if name})
    position = {name: i for i, name in enumerate(categories)}
    codes = []
    for part, some in zip(parts, names, strict=True):
        table = np.array([*(position.get(name, -1) for name in some), -1], dtype=np.int32)
        codes.append(table[part.indices.fill_null(len(some)).to_numpy(zero_copy_only=False)])
    code = np.concatenate(codes)
    absent = np.concatenate([np.full(f.content.num_rows, "symbol" not in f.content.column_names) for f in files])
    return pd.Categorical.from_codes(code, pd.Index(categories, dtype="str")), (code < 0) & ~absent


def _numbers(content: pa.Table, name: str) -> tuple[FloatArray, BoolArray]:
    """A numeric column as float64, missing as NaN, and which values are there but are no numbers."""
    n = content.num_rows
    if name not in content.column_names:
        return np.full(n, np.nan), np.zeros(n, dtype=bool)
    column = content.column(name).combine_chunks()
    if pa.types.is_null(column.type):
        return np.full(n, np.nan), np.zeros(n, dtype=bool)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        return column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False), np.zeros(
            n, dtype=bool
        )
    values = np.full(n, np.nan)
    present = ~column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = pd.to_numeric(pd.Series(column.to_pandas(), dtype="str"), errors="coerce").to_numpy(dtype=float)
        text = pc.utf8_trim_whitespace(pc.utf8_lower(column.fill_null("")))
        present &= ~pc.is_in(text, pa.array(["", "nan"])).to_numpy(zero_copy_only=False)
    return values, present & np.isnan(values)
