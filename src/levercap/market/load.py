"""Loading a market folder: read, type, validate, align."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa

from levercap.config import MarketConfig
from levercap.core.errors import DataError, Finding, Severity
from levercap.core.panel import Panel
from levercap.market.align import to_panel
from levercap.market.bars import no_disputes
from levercap.market.changes import apply_changes
from levercap.market.tables import SCHEMAS, RawFile, Table, read_files
from levercap.market.typed import typed_table
from levercap.market.validate import CleanTables, clean_tables
from levercap.storage.atomic import atomic_folder

__all__ = ["Market", "load_market", "market_from_tables", "validate_market", "write_market"]


@dataclass(frozen=True, eq=False)
class Market:
    """A venue's market, read and validated.

    Attributes
    ----------
    panel : bars and optional series on the hourly grid
    tiers : leverage tiers of every snapshot, sorted by as_of, symbol and tier, or None when the venue has none
    findings : what was noticed and worked around; all warnings
    disputes : symbol, timestamp (open of the hour, UTC), reason (code of the finding), sorted: hours whose bars were
        left out because they contradict themselves or each other or cannot be read. The hour is a hole of the panel
    """

    panel: Panel
    tiers: pd.DataFrame | None
    findings: tuple[Finding, ...]
    disputes: pd.DataFrame = field(default_factory=no_disputes)


def load_market(folder: Path, config: MarketConfig) -> Market:
    """Market of a folder in the format of ``docs/reference/schemas.md``.

    Raises
    ------
    DataError
        when the folder, a required table or column is missing, or any finding is fatal; it carries all findings
    """
    tables, findings = _clean(*read_files(Path(folder)), config)
    return _market(tables, findings, f"the market {folder} cannot be used")


def validate_market(folder: Path, config: MarketConfig) -> tuple[Finding, ...]:
    """Every problem of a market folder, fatal ones first; empty when there is none. Never raises DataError."""
    try:
        return _clean(*read_files(Path(folder)), config)[1]
    except DataError as error:
        return error.findings


def market_from_tables(tables: Mapping[str, pd.DataFrame], config: MarketConfig) -> Market:
    """Market of tables in memory, named and shaped as in a folder; same checks and errors as `load_market`."""
    files = {name: [RawFile(name, pa.Table.from_pandas(frame, preserve_index=False))] for name, frame in tables.items()}
    return _market(*_clean(files, [], config), "the market cannot be used")


def write_market(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as ``<name>.parquet`` into `folder`, whole or not at all; what was written there is replaced.

    Raises ConfigError when `folder` holds files that this function did not write.
    """
    with atomic_folder(Path(folder)) as building:
        for name, frame in tables.items():
            frame.to_parquet(building / f"{name}.parquet", index=False)


def _clean(
    files: Mapping[str, list[RawFile]], problems: list[Finding], config: MarketConfig
) -> tuple[CleanTables, tuple[Finding, ...]]:
    """Clean tables and all findings, fatal ones first."""
    findings = list(problems)
    tables: dict[str, Table] = {}
    for name, some in files.items():
        tables[name], found = typed_table(SCHEMAS[name], some, config.bad_rows_share)
        findings += found
    changed, found = apply_changes(tables)
    clean = clean_tables(changed, config)
    findings += found + clean.findings
    return clean, tuple(sorted(findings, key=lambda finding: finding.severity != Severity.FATAL))


def _market(clean: CleanTables, findings: tuple[Finding, ...], message: str) -> Market:
    fatal = sum(finding.severity == Severity.FATAL for finding in findings)
    if fatal:
        raise DataError(f"{message}: {fatal} fatal problem{'s' if fatal > 1 else ''}", findings)
    return Market(to_panel(clean.frames), clean.frames.get("leverage_tiers"), findings, clean.disputes)
