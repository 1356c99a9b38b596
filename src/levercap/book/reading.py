"""Reading a book: the tables of accounts and positions from files, with the columns they must have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from levercap.core.errors import DataError, Finding, Severity
from levercap.storage.tables import read_frame

__all__ = ["ACCOUNT_COLUMNS", "POSITION_COLUMNS", "read_book", "wrong_columns"]

ACCOUNT_COLUMNS = ("account_id", "equity", "segment")
POSITION_COLUMNS = ("account_id", "symbol", "notional")
TEXT_COLUMNS = ("account_id", "segment", "jurisdiction", "symbol", "kind")


def read_book(accounts: Path, positions: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts and positions from Parquet or CSV files, or folders of them; ids stay strings.

    Raises
    ------
    DataError
        with every missing or unreadable file and every missing column of both
    """
    findings: list[Finding] = []
    frames = []
    for path, needed in ((Path(accounts), ACCOUNT_COLUMNS), (Path(positions), POSITION_COLUMNS)):
        try:
            frame = read_frame(path, TEXT_COLUMNS)
        except FileNotFoundError:
            message, hint = f"the file {path} does not exist", f"a Parquet or CSV file with {', '.join(needed)}"
            findings.append(Finding("file_missing", Severity.FATAL, path.name, message, hint=hint))
        except (pa.ArrowException, OSError, ValueError) as error:
            message = f"the file cannot be read: {str(error).splitlines()[0]}"
            findings.append(Finding("file_unreadable", Severity.FATAL, path.name, message, hint="Parquet or CSV"))
        else:
            findings += wrong_columns(frame, needed, path.name)
            frames.append(frame)
    if findings:
        raise DataError("the book cannot be used", findings)
    return frames[0], frames[1]


def wrong_columns(frame: pd.DataFrame, needed: Iterable[str], where: str) -> list[Finding]:
    """Fatal findings about the `needed` columns that are missing and about any that stand there twice."""
    if not isinstance(frame, pd.DataFrame) or frame.columns.nlevels > 1:
        message = f"no table with one row of column names: {type(frame).__name__}"
        return [Finding("table_unusable", Severity.FATAL, where, message, hint=", ".join(needed))]
    findings = []
    twice = frame.columns[frame.columns.duplicated()].unique().tolist()
    for code, names, what in (
        ("column_missing", [name for name in needed if name not in [*frame.columns]], "missing"),
        ("column_twice", [str(name) for name in twice], "repeated"),
    ):
        if names:
            message = f"{what} column{'s' if len(names) > 1 else ''}: {', '.join(names)}"
            findings.append(Finding(code, Severity.FATAL, where, message, len(names), hint=", ".join(needed)))
    return findings
