"""Stability of the result: by symbol, by year, without influential days, without each event, after breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from levercap.evaluation import (
    REFERENCE,
    Row,
    block_length,
    coverage_by_year,
    daily_mean,
    influence,
    influential_days,
    interval,
    leave_events_out,
    pooled_coverage,
    post_break_coverage,
    share_passing,
)
from levercap.evidence.columns import ALL_BREAKS, BREAK_DAYS, Period, row_key
from levercap.evidence.symbol_coverage import symbol_coverage
from levercap.evidence.traffic_lights import rolling_window

__all__ = [
    "Spans",
    "coverage_line",
    "event_lines",
    "hit_lines",
    "influence_line",
    "influential_day_lines",
    "post_break_lines",
    "symbol_lines",
    "year_lines",
]

Spans = Mapping[str, tuple[pd.Timestamp, pd.Timestamp]]
"""Event -> its first and last day, both included."""

BLOCK_DAYS = 20
REMOVED_DAYS = 10
DRAWS = 1000


def coverage_line(row: Row, model: str) -> dict[str, Any]:
    """Hit rate over all symbols, clustered by day, and how many symbols pass the Kupiec test by themselves."""
    hits = row.hits(model)
    pooled = pooled_coverage(hits, row.day, row.level)
    coins = symbol_coverage(row, model)
    return _key(row, model) | {
        "days": pooled.days,
        "rows": pooled.rows,
        "hits": int(hits.sum()),
        "hit_rate": pooled.hit_rate,
        "low": pooled.low,
        "high": pooled.high,
        "p_value": pooled.p_value,
        "effective_rows": pooled.effective_rows,
        "coins": len(coins),
        "coins_passing": share_passing(coins),
    }


def symbol_lines(row: Row, model: str) -> pd.DataFrame:
    """One line per symbol: score difference, hits, Kupiec test, traffic light of the last and the worst year."""
    difference = pd.Series(row.fz0(model) - row.fz0(REFERENCE)).groupby(row.symbol).mean()
    table = symbol_coverage(row, model)
    table = table.rename(columns={"rows": "days", "rate": "hit_rate", "p_value": "kupiec_p"})
    table["d_fz0"] = difference.reindex(table["symbol"]).to_numpy()
    for light in ("last_light", "worst_light"):
        table[light] = [str(value) for value in table[light]]
    return table.assign(**_key(row, model))


def year_lines(row: Row, model: str, seed: int = 0) -> Iterator[dict[str, Any]]:
    """One line per calendar year: score difference with its interval, and coverage."""
    daily = _difference(row, model)
    coverage = coverage_by_year(row.hits(model), row.day, row.level)
    for year, line in coverage.iterrows():
        part = daily[pd.DatetimeIndex(daily.index).year == year]
        low, high = interval(part.to_numpy(), block_length(len(part), BLOCK_DAYS), DRAWS, seed)
        yield _key(row, model) | {
            "year": year,
            "days": len(part),
            "rows": line["rows"],
            "d_fz0": part.mean(),
            "ci_low": low,
            "ci_high": high,
            "hits": line["hits"],
            "hit_rate": line["hit_rate"],
            "hit_low": line["low"],
            "hit_high": line["high"],
            "p_value": line["p_value"],
        }


def influence_line(row: Row, model: str) -> dict[str, Any]:
    """How much of the score difference hangs on ten days, and how many days would overturn it."""
    daily = _difference(row, model)
    result = influence(daily, min(REMOVED_DAYS, len(daily) - 1))
    return _key(row, model) | {
        "days": result.days,
        "d_fz0": result.mean,
        "without_top10": result.mean_without,
        "without_helpful10": result.mean_without_helpful,
        "days_to_overturn": result.days_to_overturn,
    }


def influential_day_lines(row: Row, model: str) -> pd.DataFrame:
    """The ten days that move the score difference most."""
    table = influential_days(_difference(row, model), REMOVED_DAYS)
    return table.assign(rank=np.arange(1, len(table) + 1), **_key(row, model))


def event_lines(row: Row, model: str, events: Spans, seed: int = 0) -> pd.DataFrame:
    """Score difference without each event in turn, and without all; no line when there was no event."""
    if not events:
        return pd.DataFrame()
    daily = _difference(row, model)
    block = block_length(len(daily), BLOCK_DAYS)
    return leave_events_out(daily, events, block, DRAWS, seed).assign(**_key(row, model))


def post_break_lines(
    row: Row, model: str, breaks: Mapping[str, Mapping[str, pd.Timestamp]], seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Hit rate in the 60 days after breaks: after all of a source together beside the rest, and after each.

    `breaks` is source -> name -> day.
    """
    hits = row.hits(model)
    for source, days in breaks.items():
        if not days:
            continue
        together = post_break_coverage(
            hits, row.day, pd.DatetimeIndex(list(days.values())), BREAK_DAYS, level=row.level, draws=DRAWS, seed=seed
        )
        for period, line in together.iterrows():
            yield _key(row, model) | {"source": source, "break": ALL_BREAKS, "period": period} | dict(line)
        for name, day in days.items():
            since = (row.day - day).days
            inside = (since >= 1) & (since <= BREAK_DAYS)
            if inside.any():
                yield (
                    _key(row, model)
                    | {"source": source, "break": name, "day": day, "period": Period.AFTER, "breaks": 1}
                    | {**_coverage(hits[inside], row.day[inside], row.level)}
                )


def hit_lines(row: Row, model: str) -> pd.DataFrame:
    """Hits of every day, and the rolling mean of their daily share."""
    grouped = pd.Series(row.hits(model)).groupby(row.day)
    table = pd.DataFrame({"symbols": grouped.size(), "hits": grouped.sum(), "share": grouped.mean()})
    table["rolling"] = table["share"].rolling(rolling_window(len(table))).mean()
    return table.rename_axis("day").reset_index().assign(**_key(row, model))


def _coverage(hits: Any, day: pd.DatetimeIndex, level: float) -> dict[str, Any]:
    pooled = pooled_coverage(hits, day, level)
    names = ("days", "rows", "hit_rate", "low", "high", "p_value")
    return {name: getattr(pooled, name) for name in names} | {"hits": int(hits.sum())}


def _difference(row: Row, model: str) -> pd.Series:
    return daily_mean(row.fz0(model) - row.fz0(REFERENCE), row.day)


def _key(row: Row, model: str) -> dict[str, Any]:
    return row_key(model, row.side, row.kind, row.level)
