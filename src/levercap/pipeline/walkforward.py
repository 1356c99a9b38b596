"""Walk-forward: a forecaster refitted every month on what was known, and the forecasts of the month that follows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.columns import write_parquet
from levercap.config import Config
from levercap.errors import ConfigError, DataError
from levercap.evaluation.comparison import leaderboard
from levercap.forecast import Forecast, Forecaster, fit_forecaster, history
from levercap.forecast.history import Kind
from levercap.market import Market
from levercap.pipeline.dataset import Dataset, build_dataset
from levercap.pipeline.output import atomic_folder, require_ours, write_json
from levercap.pipeline.progress import Progress, silent

__all__ = ["NAMES", "Month", "evaluate", "refits", "walk"]

NAMES: dict[Kind, str] = {"levercap": "levercap", "b1": "B1"}
"""Name of each kind of forecaster in tables and figures."""


@dataclass(frozen=True)
class Month:
    """Origins from `start` up to, not including, `stop` are forecast by a model that saw outcomes known at `start`."""

    start: pd.Timestamp
    stop: pd.Timestamp


def refits(start: pd.Timestamp, stop: pd.Timestamp) -> list[Month]:
    """Refits at `start` and at the first of every month after it."""
    firsts = pd.date_range(start.ceil("D"), stop, freq="MS", inclusive="left", unit="us")
    edges = [start, *firsts[firsts > start], stop]
    return [Month(a, b) for a, b in itertools.pairwise(edges) if a < b]


def walk(
    kind: Kind, data: Dataset, months: list[Month], config: Config, past: pd.DataFrame
) -> Iterator[tuple[Month, Forecaster]]:
    """Each month with its forecaster, the very one that training until the month's start gives. `past` is the history
    of `data`.
    """
    for month in months:
        yield month, fit_forecaster(kind, data.features, data.outcomes, month.start, config.forecast, past)


def evaluate(
    market: Market,
    start: pd.Timestamp,
    stop: pd.Timestamp,
    config: Config,
    out: Path,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Forecast every midnight from `start` up to, not including, `stop`, beside the baseline, and write the evidence to
    `out`.

    Writes forecasts.parquet, tails.parquet, baseline_tails.parquet, outcomes.parquet, leaderboard.parquet and
    summary.json, and returns the summary.
    """
    require_ours(out)
    data = build_dataset(market.panel)
    months = refits(start, min(stop, market.panel.end + pd.Timedelta(hours=1)))
    if not months:
        raise ConfigError(f"nothing to evaluate from {start} to {stop}: the market ends at {market.panel.end}")
    forecasts: dict[Kind, Forecast] = {}
    done, total = 0, 2 * len(months)
    for kind in NAMES:
        past = history(kind, data.features, data.outcomes, config.forecast)
        parts = []
        for month, forecaster in walk(kind, data, months, config, past):
            parts.append(forecaster.predict(_rows(data.features, month)))
            done += 1
            progress(done, total)
        forecasts[kind] = _together(parts)
    mine, baseline = forecasts["levercap"], forecasts["b1"]
    outcomes = _rows(data.outcomes, Month(start, stop)).reset_index(drop=True)
    table = leaderboard({"B1": baseline.tails, "levercap": mine.tails}, outcomes)
    summary = _summary(table, mine.forecasts, start, stop, config, market)
    with atomic_folder(out) as building:
        write_parquet(mine.forecasts, building / "forecasts.parquet")
        write_parquet(mine.tails, building / "tails.parquet")
        write_parquet(baseline.tails, building / "baseline_tails.parquet")
        write_parquet(outcomes, building / "outcomes.parquet")
        write_parquet(table, building / "leaderboard.parquet")
        write_json(summary, building / "summary.json")
    return summary


def _rows(table: pd.DataFrame, month: Month) -> pd.DataFrame:
    return table[(table["as_of"] >= month.start) & (table["as_of"] < month.stop)]


def _together(parts: list[Forecast]) -> Forecast:
    forecasts = pd.concat([p.forecasts for p in parts], ignore_index=True)
    if forecasts.empty:
        raise DataError("no symbol could be forecast in the evaluated period")
    return Forecast(forecasts, pd.concat([p.tails for p in parts], ignore_index=True))


def _summary(
    table: pd.DataFrame,
    forecasts: pd.DataFrame,
    start: pd.Timestamp,
    stop: pd.Timestamp,
    config: Config,
    market: Market,
) -> dict[str, Any]:
    rows = table[table["model"] == "levercap"]
    labels = (rows["side"] + " " + rows["kind"] + " " + rows["level"].astype(str)).tolist()
    return {
        "from": start.isoformat(),
        "to": stop.isoformat(),
        "origins": int(forecasts["as_of"].nunique()),
        "symbols": int(forecasts["symbol"].nunique()),
        **{name: dict(zip(labels, rows[name].round(6).tolist(), strict=True)) for name in ("d_fz0", "hit_rate")},
        "better_than_b1": int((rows["d_fz0"] < 0).sum()),
        "significantly_better_than_b1": int((rows["ci_high"] < 0).sum()),
        "rows": len(rows),
        "config_hash": config.config_hash(),
        "data_hash": market.panel.data_hash(),
    }
