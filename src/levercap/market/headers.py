"""Columns of a file: which are missing, what they are called instead, and files whose first line is data."""

from __future__ import annotations

import re
from typing import Final

from levercap.core.errors import Finding, Severity
from levercap.market.tables import RawFile, Schema

__all__ = ["header_findings"]

OTHER_NAMES: Final = {
    "timestamp": ("open_time", "opentime", "open_timestamp", "time", "date", "datetime", "ts", "funding_time",
                  "fundingtime", "calc_time", "create_time"),
    "as_of": ("timestamp", "time", "date", "datetime"),
    "symbol": ("ticker", "pair", "instrument", "coin", "contract"),
    "volume": ("vol", "base_volume"),
    "funding_rate": ("fundingrate", "last_funding_rate", "rate"),
    "open_interest": ("openinterest", "sum_open_interest"),
    "implied_vol": ("iv", "dvol", "implied_volatility"),
    "ratio": ("factor", "split"),
}  # fmt: skip
"""What venues call our columns, in lower case."""
NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
SHOWN: Final = 12


def header_findings(schema: Schema, file: RawFile) -> list[Finding]:
    """The columns of `schema` that a file lacks, with those it has and the lines to write."""
    names = file.names or tuple(file.content.column_names)
    lacking = [c for c in schema.columns if c not in file.content.column_names and c not in schema.nullable]
    if not lacking:
        return []
    found = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    if sum(NUMBER.fullmatch(name) is not None for name in names) * 2 > len(names):
        message = f"the first line holds values, not the names of columns: {found}"
        own = [name for name in schema.columns if name != "symbol"]
        hint = f"pd.read_csv(path, header=None).iloc[:, :{len(own)}].set_axis({own}, axis=1).assign(symbol='BTCUSDT')"
        return [Finding("header_missing", Severity.FATAL, file.label, message, hint=hint)]
    message = f"missing column{'s' if len(lacking) > 1 else ''}: {', '.join(lacking)}"
    examples = (f"found: {found}", *_lines(lacking, names))
    hint = ", ".join(schema.columns)
    return [Finding("column_missing", Severity.FATAL, file.label, message, len(lacking), examples, hint)]


def _lines(lacking: list[str], names: tuple[str, ...]) -> list[str]:
    """Lines of pandas that give a file the columns it lacks, as far as the names it has tell."""
    renamed = {}
    for column in lacking:
        other = next((n for n in names if n.lower() in (column, *OTHER_NAMES.get(column, ()))), None)
        if other is not None:
            renamed[other] = column
    lines = [f"rename: df = df.rename(columns={renamed})"] if renamed else []
    return lines + (
        ["add: df['symbol'] = 'BTCUSDT'"] if "symbol" in lacking and "symbol" not in renamed.values() else []
    )
