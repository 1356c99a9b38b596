"""Evaluation: our forecaster and its rivals walked forward side by side, and the evidence about them written down."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.config import Config
from levercap.core.errors import ConfigError, DataError
from levercap.core.progress import Progress, silent
from levercap.evidence.build import STEPS, EvaluationInputs, EvidenceTables, build_tables
from levercap.evidence.evaluation_card import evaluation_card
from levercap.evidence.headline_figures import headline_figures
from levercap.forecast import Forecaster, ForecastMethod
from levercap.forecast.baselines import BASELINES
from levercap.forecast.baselines.baseline import NEED_ARCH
from levercap.market import Market
from levercap.model.baselines import walk_baselines
from levercap.model.dataset import Dataset, build_dataset
from levercap.model.fit import TrainingInputs, training_inputs
from levercap.model.walk_forward import METHOD_NAMES, Month, refits, walk
from levercap.storage.atomic import atomic_folder, require_ours, write_json
from levercap.storage.tables import write_parquet

__all__ = ["ALL", "NONE", "Rivals", "evaluate", "rivals"]

ALL, NONE = "all", "none"


@dataclass(frozen=True)
class Rivals:
    """Baselines to run beside B1, and those left out with the reason."""

    names: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def rivals(against: str = ALL) -> Rivals:
    """Baselines named by ``all``, ``none`` or names with commas between; B1 itself always runs.

    ``all`` leaves out those whose package is not installed; asked for by name they are an error, as are unknown names.
    """
    able = find_spec("arch") is not None
    missing = "needs the package arch: pip install 'levercap[garch]'"
    if against == NONE:
        return Rivals()
    if against == ALL:
        skipped = () if able else tuple((name, missing) for name in BASELINES if name in NEED_ARCH)
        return Rivals(tuple(n for n in BASELINES if n not in dict(skipped)), skipped)
    names = tuple(dict.fromkeys(word.strip() for word in against.split(",")))
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise ConfigError("\n".join(map(_unknown, unknown)))
    if not able and (lacking := [name for name in names if name in NEED_ARCH]):
        raise ConfigError(f"--against {','.join(lacking)}: {missing}")
    return Rivals(names)


def evaluate(
    market: Market,
    start: pd.Timestamp,
    stop: pd.Timestamp,
    config: Config,
    out: Path,
    progress: Progress = silent,
    against: Rivals | None = None,
) -> dict[str, Any]:
    """Forecast every midnight from `start` up to, not including, `stop`, beside B1 and other baselines, and write the
    evidence to `out`.

    Writes, as Parquet, forecasts, tails, baseline_tails (B1), tails_against (the others), market_shocks, outcomes and a
    table for each of `levercap.evidence.TABLES`, beside summary.json and CARD.md, and returns the summary.
    `against` defaults to B1 alone.
    """
    require_ours(out)
    others = Rivals() if against is None else against
    data = build_dataset(market.panel)
    months = refits(start, min(stop, market.panel.end + pd.Timedelta(hours=1)))
    if not months:
        raise ConfigError(f"nothing to evaluate from {start} to {stop}: the market ends at {market.panel.end}")
    total = (len(METHOD_NAMES) + len(others.names)) * len(months) + STEPS
    walked = _walk_own(training_inputs(market.panel, data, config), months, lambda done: progress(done, total))
    before = len(METHOD_NAMES) * len(months)
    tails = _walk_rivals(others, data, months, config, lambda done, _: progress(before + done, total))
    mine, baseline = walked["levercap"], walked["b1"]
    inputs = EvaluationInputs(
        tails={"B1": baseline.tails, "levercap": mine.tails, **tails},
        forecasts=mine.forecasts,
        outcomes=data.outcomes,
        start=start,
        stop=stop,
        scale=mine.last.scale,
        features=_rows(data.features, Month(start, stop)),
    )
    evidence = build_tables(inputs, progress=lambda done, _: progress(total - STEPS + done, total))
    summary = _summary(evidence, inputs, others, config, market) | {"fallback_months": list(mine.fallbacks)}
    _write(out, inputs, baseline.tails, tails, mine.market, evidence, summary)
    return summary


@dataclass(frozen=True, eq=False)
class _Walked:
    """Forecasts of all months by one method, its `last` forecaster, and months that fell back to B1."""

    forecasts: pd.DataFrame
    tails: pd.DataFrame
    market: pd.DataFrame
    last: Forecaster
    fallbacks: tuple[str, ...]


def _walk_own(
    inputs: TrainingInputs, months: Sequence[Month], progress: Callable[[int], None]
) -> dict[ForecastMethod, _Walked]:
    """Our own forecaster, and B1 through the same pipeline."""
    walked: dict[ForecastMethod, _Walked] = {}
    for k, method in enumerate(METHOD_NAMES):
        parts, markets, made = [], [], []
        for month, forecaster in walk(inputs, method, months):
            parts.append(forecaster.predict(_rows(inputs.data.features, month)))
            markets.append(forecaster.market(parts[-1].forecasts))
            made.append((month, forecaster))
            progress(k * len(months) + len(parts))
        forecasts = pd.concat([p.forecasts for p in parts], ignore_index=True)
        if forecasts.empty:
            raise DataError("no symbol could be forecast in the evaluated period")
        last = next((f for _, f in reversed(made) if f.method == method), made[-1][1])
        fallbacks = tuple(f"{month.start:%Y-%m-%d}" for month, f in made if f.method != method)
        tails = pd.concat([p.tails for p in parts], ignore_index=True)
        walked[method] = _Walked(forecasts, tails, pd.concat(markets, ignore_index=True), last, fallbacks)
    return walked


def _walk_rivals(
    against: Rivals, data: Dataset, months: Sequence[Month], config: Config, progress: Progress
) -> dict[str, pd.DataFrame]:
    return walk_baselines(against.names, data, months, progress) if against.names else {}


def _rows(table: pd.DataFrame, month: Month) -> pd.DataFrame:
    return table[(table["as_of"] >= month.start) & (table["as_of"] < month.stop)]


def _summary(
    evidence: EvidenceTables, inputs: EvaluationInputs, against: Rivals, config: Config, market: Market
) -> dict[str, Any]:
    return {
        "from": inputs.start.isoformat(),
        "to": inputs.stop.isoformat(),
        "origins": int(inputs.forecasts["as_of"].nunique()),
        "horizon_hours": int(inputs.forecasts["horizon_hours"].iloc[0]),
        "symbols": int(inputs.forecasts["symbol"].nunique()),
        **headline_figures(evidence),
        "skipped": dict(against.skipped),
        "config_hash": config.config_hash(),
        "data_hash": market.panel.data_hash(),
    }


def _write(
    out: Path,
    inputs: EvaluationInputs,
    baseline: pd.DataFrame,
    others: dict[str, pd.DataFrame],
    market_shocks: pd.DataFrame,
    evidence: EvidenceTables,
    summary: dict[str, Any],
) -> None:
    parts = [table.assign(model=pd.Series(name, index=table.index, dtype="str")) for name, table in others.items()]
    rest = pd.concat(parts, ignore_index=True) if parts else baseline.iloc[:0].assign(model=pd.Series(dtype="str"))
    tables = {
        "forecasts": inputs.forecasts,
        "tails": inputs.tails["levercap"],
        "baseline_tails": baseline,
        "tails_against": rest[["model", *baseline.columns]],
        "outcomes": inputs.evaluated(),
        "market_shocks": market_shocks,
        **evidence.tables,
    }
    with atomic_folder(out) as building:
        for name, table in tables.items():
            write_parquet(table, building / f"{name}.parquet")
        write_json(summary, building / "summary.json")
        (building / "CARD.md").write_text(evaluation_card(summary, evidence.tables), encoding="utf-8")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [*BASELINES, ALL, NONE], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"--against {name!r} is no baseline{hint} They are {', '.join(BASELINES)}, or {ALL}, or {NONE}"
