"""From files as read to typed tables: columns present, instants in UTC, symbols named, numbers numeric."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray, FloatArray
from levercap.market import stamps
from levercap.market.headers import header_findings
from levercap.market.rows import in_doubt
from levercap.market.stamps import NO_INSTANT, OK, Instants, instants
from levercap.market.tables import RawFile, Schema, Table
from levercap.storage.tables import as_text

__all__ = ["typed_table"]


def typed_table(schema: Schema, files: Sequence[RawFile], bad_rows_share: float) -> tuple[Table, list[Finding]]:
    """The files of one table put together and typed, with every structural problem found.

    A column that a file lacks, and a value that cannot be read, are missing (NaT or NaN) in the frame, so that the
    checks that follow can still report what else is wrong. Rows with an instant, a symbol or a number that cannot be
    read are warnings, and fatal where they are more than `bad_rows_share` of the rows.
    """
    read = [_instants(file.content, schema.time) for file in files]
    states = np.concatenate([part.states for part in read])
    micros = np.where(states == OK, np.concatenate([part.micros for part in read]), NO_INSTANT)
    symbols, unnamed, unprintable = _symbols(files)
    columns: dict[str, object] = {
        schema.time: pd.DatetimeIndex(micros.view("datetime64[us]")).tz_localize("UTC"),
        "symbol": symbols,
    }
    unreadable: dict[str, BoolArray] = {}
    for name in schema.numbers:
        parts = [_numbers(file.content, name) for file in files]
        columns[name] = np.concatenate([values for values, _ in parts])
        unreadable[name] = np.concatenate([bad for _, bad in parts])
    for name in schema.texts:
        columns[name] = pd.concat([_texts(file.content, name) for file in files], ignore_index=True)
    absent = {c for c in schema.columns for f in files if c not in f.content.column_names and c not in schema.nullable}
    unread = (states != OK) | unnamed | unprintable | np.logical_or.reduce([*unreadable.values()])
    sizes = tuple((file.label, file.content.num_rows) for file in files)
    table = Table(schema.name, pd.DataFrame(columns), sizes, unread, frozenset(absent))
    severity = Severity.FATAL if in_doubt(table, unread, bad_rows_share) else Severity.WARNING

    findings = [found for file in files for found in header_findings(schema, file)]
    findings += _time_findings(schema, table, files, states, severity)
    findings += _zone_findings(schema, table, read)
    shown = _shown(files, "symbol")
    message, hint = "rows without a symbol; left out", "a name, e.g. BTCUSDT"
    findings += table.finding("symbol_missing", severity, unnamed, message, ["symbol"], hint)
    message = "symbols with control characters; their rows are left out"
    findings += table.finding("symbol_unprintable", severity, unprintable, message, ["symbol"], hint, shown)
    for name, bad in unreadable.items():
        message, hint = f"{name} is not a number", "float64, decimal point, no separators"
        findings += table.finding("not_a_number", severity, bad, message, [name], hint, _shown(files, name))
    if not len(table.frame):
        empty = Severity.FATAL if schema.required else Severity.WARNING
        message = "the table has no rows"
        findings.append(Finding("table_empty", empty, table.where(), message, 0, hint="at least one row"))
    return table, findings


def _time_findings(
    schema: Schema, table: Table, files: Sequence[RawFile], states: np.ndarray, severity: Severity
) -> list[Finding]:
    """Stamps that are not instants, with the values found and the line that turns them into instants."""
    shown = _shown(files, schema.time)
    out: list[Finding] = []
    for code, state, message in (
        ("timestamp_naive", stamps.NAIVE, "instants without a timezone"),
        ("timestamp_unreadable", stamps.UNREADABLE, "values that are no instants"),
        ("timestamp_missing", stamps.MISSING, "rows without an instant"),
    ):
        rows = np.flatnonzero(states == state)
        if len(rows):
            hint = _time_hint(schema.time, state, _value(files, schema.time, int(rows[0])))
            out += table.finding(code, severity, rows, message, [schema.time], hint, shown)
    return out


def _time_hint(time: str, state: int, value: object) -> str:
    """What an instant is, and the line of pandas that makes instants of a column of values like `value`."""
    expected = "timezone-aware UTC, e.g. 2025-06-30T00:00:00+00:00"
    text = isinstance(value, str)
    number = isinstance(value, int | float) or (text and str(value).strip().lstrip("+-").replace(".", "", 1).isdigit())
    if state == stamps.NAIVE and not text:
        return f"{expected}; df['{time}'] = df['{time}'].dt.tz_localize('UTC')"
    if state == stamps.NAIVE:
        return f"{expected}; df['{time}'] = pd.to_datetime(df['{time}']).dt.tz_localize('UTC')"
    if number and state == stamps.UNREADABLE:
        line = f"df['{time}'] = pd.to_datetime(df['{time}'], unit='ms', utc=True)"
        return f"{expected}, or s, ms, us or ns since 1970, within 1990 .. 2099; in another unit: {line}"
    line = f"df['{time}'] = pd.to_datetime(df['{time}'], utc=True)"
    return f"{expected}; {line}, with unit= where the column holds integers"


def _zone_findings(schema: Schema, table: Table, read: Sequence[Instants]) -> list[Finding]:
    zones = [*dict.fromkeys(zone for part in read for zone in part.zones)]
    if len(zones) < 2:
        return []
    message = f"more than one timezone: {', '.join(zones)}"
    where = table.where(schema.time)
    return [Finding("timezone_mixed", Severity.FATAL, where, message, len(zones), hint="all in UTC")]


def _shown(files: Sequence[RawFile], name: str) -> Callable[[int], str]:
    """How the examples of a finding show the value of column `name` that a row of the files holds."""

    def text(row: int) -> str:
        value = _value(files, name, row)
        return f"found {value!r}" if isinstance(value, str) else f"found {value}"

    return text


def _value(files: Sequence[RawFile], name: str, row: int) -> object:
    """What the files hold in column `name` of row `row`, counted over all of them."""
    for file in files:
        if row < file.content.num_rows:
            return file.content.column(name)[row].as_py() if name in file.content.column_names else None
        row -= file.content.num_rows
    raise IndexError(row)


def _instants(content: pa.Table, name: str) -> Instants:
    """Instants of a column; one that is not there is all `OK`: it is reported as a missing column, once."""
    if name not in content.column_names:
        return Instants(np.full(content.num_rows, NO_INSTANT), np.full(content.num_rows, OK))
    return instants(content.column(name))


def _texts(content: pa.Table, name: str) -> pd.Series:
    """A column as stripped strings, missing as the empty string."""
    if name not in content.column_names:
        return pd.Series("", index=range(content.num_rows), dtype="str")
    return pd.Series(as_text(content.column(name).to_pandas()).to_pandas(), dtype="str")


def _symbols(files: Sequence[RawFile]) -> tuple[pd.Categorical, BoolArray, BoolArray]:
    """Symbols of all rows with sorted categories, which rows have none, and which have one with control characters."""
    parts = []
    for file in files:
        n = file.content.num_rows
        if "symbol" not in file.content.column_names:
            parts.append(pa.nulls(n, pa.string()).dictionary_encode())
            continue
        column = file.content.column("symbol").combine_chunks()
        parts.append(column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode())
    names = [[str(x).strip() for x in part.dictionary.cast(pa.string()).to_pylist()] for part in parts]
    categories = sorted({name for some in names for name in some if name and name.isprintable()})
    position = {name: i for i, name in enumerate(categories)}
    codes, unprintable = [], []
    for part, some in zip(parts, names, strict=True):
        place = part.indices.fill_null(len(some)).to_numpy(zero_copy_only=False)
        codes.append(np.array([*(position.get(name, -1) for name in some), -1], dtype=np.int32)[place])
        unprintable.append(np.array([*(not name.isprintable() for name in some), False])[place])
    code, odd = np.concatenate(codes), np.concatenate(unprintable)
    absent = np.concatenate([np.full(f.content.num_rows, "symbol" not in f.content.column_names) for f in files])
    return pd.Categorical.from_codes(code, pd.Index(categories, dtype="str")), (code < 0) & ~absent & ~odd, odd


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
