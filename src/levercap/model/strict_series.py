"""Optional series that are gone or in another unit: dropped, named, and paid for with the absence factor."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.model.listing import EXAMPLES, listed
from levercap.model.memory import Memory
from levercap.model.series import SERIES, Series, hours_since_value

__all__ = ["strict_series", "unit_factors"]

RECENT_HOURS = 192
"""Hours whose values forecasts look at: a week, and a day of values carried over."""

LEVEL_HOURS = 120 * 24
MEDIAN_HOURS = 60 * 24


def strict_series(panel: Panel, memory: Memory, as_of: pd.Timestamp) -> tuple[Panel, float, tuple[Finding, ...]]:
    """The panel without values that are in another unit, the factor of volatility for tables that are missing then, and
    a finding for each such table.

    A table is missing when a symbol of the market that it covered in training has no value within its carry hours, or
    when no symbol at all has one; then none of it is used. Tables that training did not have cost nothing.
    """
    factor, findings = 1.0, []
    for series in SERIES:
        covered = memory.expected(series, as_of)
        values = series.values(panel)
        if values is not None:
            doubtful = unit_factors(panel, series, memory)
            if doubtful:
                findings.append(_doubtful(series, doubtful))
                values = np.where([s in doubtful for s in panel.symbols], np.nan, values)
        lost = _lost(panel, values, series, covered, as_of)
        if lost:
            factor *= memory.table_factors.get(series.table, 1.0)
            values = None
            if not any(f.where == series.table for f in findings):
                findings.append(_missing(series, lost, memory.table_factors.get(series.table, 1.0)))
        changes: dict[str, Any] = {series.field: values}
        panel = dataclasses.replace(panel, **changes)
    return panel, factor, tuple(findings)


def _lost(
    panel: Panel, values: FloatArray | None, series: Series, covered: tuple[str, ...], as_of: pd.Timestamp
) -> tuple[str, ...]:
    """Symbols whose values are gone; the covered ones where the table as a whole is."""
    if not covered:
        return ()
    if values is None:
        return covered
    age = hours_since_value(values) + (as_of - panel.end) / pd.Timedelta(hours=1)
    recent = {s for s, hours in zip(panel.symbols, age, strict=True) if hours <= series.carry_hours}
    return tuple(s for s in covered if s in panel.symbols and s not in recent) or (() if recent else covered)


def unit_factors(panel: Panel, series: Series, memory: Memory) -> dict[str, float]:
    """Symbols whose values are in another unit than the bundle remembers, and about by how much: the level over the
    remembered median. Empty where nothing is remembered of the table.

    Doubtful is a level, over the window of the series, outside the remembered range and its band (that of all symbols
    for one that is not remembered), or a value of the last week that jumps from its own median of two months. Where
    that holds for more than half of the symbols that have values, it holds for all of them.
    """
    known = memory.series[(memory.series["table"] == series.table) & memory.series["median"].notna()]
    if known.empty:
        return {}
    recent = panel.rows(max(0, len(panel.timestamps) - LEVEL_HOURS))
    values = series.values(recent)
    assert values is not None
    level = series.levels(recent).ffill(limit=series.carry_hours).iloc[-1].reindex(panel.symbols)
    ranges = known.set_index("symbol")[["low", "median", "high"]].reindex(panel.symbols)
    pooled = {"low": known["low"].min(), "median": known["median"].median(), "high": known["high"].max()}
    low, median, high = (ranges[name].fillna(value).to_numpy() for name, value in pooled.items())
    now = level.to_numpy()
    jump = _jumps(values, series)
    outside = (now < low - series.band) | (now > high + series.band)
    doubtful = outside | (np.abs(jump) > series.jump)
    present = ~np.isnan(now)
    if doubtful.sum() * 2 > present.sum():
        doubtful = present
    size = np.exp(np.where(outside | (jump == 0.0), now - median, jump))
    return {s: float(size[j]) for j, s in enumerate(panel.symbols) if doubtful[j]}


def _jumps(values: FloatArray, series: Series) -> FloatArray:
    """(symbols,) largest log distance, with its sign, of the recent values from the median of two months; 0 without."""
    if not np.isfinite(series.jump):
        return np.zeros(values.shape[1])
    logs = pd.DataFrame(np.log(np.where(values > 0, values, np.nan)))
    away = (logs - logs.rolling(MEDIAN_HOURS, min_periods=24).median()).iloc[-RECENT_HOURS:]
    high, low = away.max().fillna(0.0).to_numpy(), away.min().fillna(0.0).to_numpy()
    return np.asarray(np.where(high >= -low, high, low), dtype=np.float64)


def _doubtful(series: Series, factors: dict[str, float]) -> Finding:
    size = float(np.median(list(factors.values())))
    message = (
        f"{series.table} is about {size:.2g} times what the bundle was trained with: another unit? "
        f"The values of {listed(list(factors))} are not used"
    )
    examples = tuple(f"{symbol}: x{factor:.2g}" for symbol, factor in list(factors.items())[:EXAMPLES])
    hint = "the unit of docs/reference/schemas.md, or a bundle trained on the new one"
    return Finding("unit_doubtful", Severity.WARNING, series.table, message, len(factors), examples, hint)


def _missing(series: Series, lost: tuple[str, ...], factor: float) -> Finding:
    message = (
        f"{series.table} has no value of the last {series.carry_hours} hours for {listed(lost)}, which it covered when "
        f"the bundle was trained: not used, volatility x{factor:.3f}"
    )
    hint = f"a table {series.table} up to as_of, or a bundle trained without it"
    return Finding("table_missing", Severity.WARNING, series.table, message, len(lost), lost[:EXAMPLES], hint)
