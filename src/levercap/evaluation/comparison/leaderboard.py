"""Leaderboard: score differences of models on the same days, with block-bootstrap intervals clustered by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levercap.core.names import KINDS, BoolArray, FloatArray, Side
from levercap.core.outcomes import loss_column
from levercap.core.verdicts import REFERENCE
from levercap.evaluation.resampling.bootstrap import interval
from levercap.evaluation.scores.losses import fz0, pinball

__all__ = ["KINDS", "REFERENCE", "Matched", "Row", "daily_mean", "leaderboard", "match"]

KEYS = ["as_of", "symbol", "side", "kind", "level"]
INFLUENTIAL_DAYS = 10


@dataclass(frozen=True, eq=False)
class Row:
    """Matched forecasts of all models for one side, kind and level, beside the realised losses.

    Attributes
    ----------
    side, kind, level : long or short; end or path; confidence
    as_of, day, symbol : (rows,) origin, the UTC day it falls on, and instrument, sorted by origin then symbol
    loss : (rows,) realised loss, fraction of the price at `as_of`
    var, es : model name -> (rows,) forecasts, positive, es >= var
    unusable : model name -> forecasts that were not finite, not positive or had es < var
    missing : model name -> forecasts that at least one other model made and this one did not
    """

    side: str
    kind: str
    level: float
    as_of: pd.DatetimeIndex
    day: pd.DatetimeIndex
    symbol: NDArray[np.object_]
    loss: FloatArray
    var: dict[str, FloatArray]
    es: dict[str, FloatArray]
    unusable: dict[str, int]
    missing: dict[str, int]

    def hits(self, model: str) -> BoolArray:
        """(rows,) whether the loss exceeded the model's value at risk."""
        return np.asarray(self.loss > self.var[model])

    def fz0(self, model: str) -> FloatArray:
        """(rows,) joint score of the model's value at risk and expected shortfall."""
        return fz0(self.loss, self.var[model], self.es[model], self.level)

    def pinball(self, model: str) -> FloatArray:
        """(rows,) quantile score of the model's value at risk."""
        return pinball(self.loss, self.var[model], self.level)


@dataclass(frozen=True, eq=False)
class Matched:
    """Forecasts of several models on exactly the same (origin, symbol) pairs, beside the outcomes."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def match(tails: Mapping[str, pd.DataFrame], outcomes: pd.DataFrame) -> Matched:
    """Line up the forecasts of all models with the outcomes.

    Only pairs (origin, symbol) with a known outcome and a usable forecast from EVERY model are kept, so that no model
    is scored on easier days than another; what was dropped is counted per model in `Row.unusable` and `Row.missing`.

    Parameters
    ----------
    tails : model name -> as_of, symbol, horizon_hours, side, level, var, es and, where there are any, path_var, path_es
    outcomes : as_of, symbol, long, short, path_long, path_short; NaN where not known

    Raises
    ------
    ValueError
        when a frame lacks a column, mixes horizons or states one forecast twice
    """
    if not tails:
        raise ValueError("match needs the tails of at least one model")
    known = _long_outcomes(outcomes)
    table: pd.DataFrame | None = None
    for name, frame in tails.items():
        long = _long_tails(name, frame)
        table = long if table is None else table.merge(long, on=KEYS, how="outer")
    assert table is not None
    table = table.merge(known, on=["as_of", "symbol", "side", "kind"]).sort_values(KEYS, ignore_index=True)
    models = tuple(tails)
    rows = tuple(_row(part, models) for _, part in table.groupby(["side", "kind", "level"], sort=True))
    return Matched(models, rows)


def leaderboard(
    tails: Mapping[str, pd.DataFrame],
    outcomes: pd.DataFrame,
    reference: str = REFERENCE,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of every model beside the reference, one row per model, side, kind and level.

    Parameters
    ----------
    tails, outcomes : as for `match`; `tails` includes the reference
    draws, seed : of the bootstrap

    Returns
    -------
    DataFrame
        model, side, kind, level, days, symbols, rows, unusable, missing, then: fz0 and fz0_reference (mean over days of
        the cross-sectional mean), d_fz0 (their difference, below zero is better than the reference) with ci_low and
        ci_high (95 %, blocks of 20 days), ci_low_60 and ci_high_60 (blocks of 60 days), d_fz0_without_top10_days,
        symbols_better (share of symbols with a negative mean difference), hit_rate, hit_rate_reference (over all rows;
        nominal is 1 - level), pinball_ratio (below one is better). The reference itself is the first model, with
        differences of zero. A combination without a single common row has days = 0 and NaN scores.
    """
    if reference not in tails:
        raise ValueError(f"the reference model {reference!r} is not among {', '.join(tails)}")
    matched = match(tails, outcomes)
    models = (reference, *(m for m in matched.models if m != reference))
    lines = [_line(row, model, reference, draws, seed) for model in models for row in matched]
    return pd.DataFrame(lines)


def daily_mean(values: FloatArray, day: pd.DatetimeIndex) -> pd.Series:
    """Cross-sectional mean per day, in time order: every day counts once, however many symbols it has."""
    return pd.Series(np.asarray(values, dtype=np.float64)).groupby(day).mean()


def _line(row: Row, model: str, reference: str, draws: int, seed: int) -> dict[str, object]:
    line: dict[str, object] = {
        "model": model, "side": row.side, "kind": row.kind, "level": row.level,
        "days": row.day.nunique(), "symbols": len(np.unique(row.symbol)), "rows": len(row.loss),
        "unusable": row.unusable[model], "missing": row.missing[model],
    }  # fmt: skip
    if len(row.loss) == 0:
        return {**line, **dict.fromkeys(_SCORES, float("nan"))}
    difference = row.fz0(model) - row.fz0(reference)
    daily = daily_mean(difference, row.day)
    per_symbol = pd.Series(difference).groupby(row.symbol).mean()
    low, high = interval(daily.to_numpy(), 20, draws, seed)
    low_60, high_60 = interval(daily.to_numpy(), 60, draws, seed)
    rest = daily.drop(daily.abs().nlargest(INFLUENTIAL_DAYS).index)
    scores = (
        daily_mean(row.fz0(model), row.day).mean(), daily_mean(row.fz0(reference), row.day).mean(),
        daily.mean(), low, high, low_60, high_60, rest.mean(), (per_symbol < 0).mean(),
        row.hits(model).mean(), row.hits(reference).mean(),
        row.pinball(model).mean() / row.pinball(reference).mean(),
    )  # fmt: skip
    return {**line, **{name: float(value) for name, value in zip(_SCORES, scores, strict=True)}}


_SCORES = (
    "fz0", "fz0_reference", "d_fz0", "ci_low", "ci_high", "ci_low_60", "ci_high_60", "d_fz0_without_top10_days",
    "symbols_better", "hit_rate", "hit_rate_reference", "pinball_ratio",
)  # fmt: skip


def _row(part: pd.DataFrame, models: tuple[str, ...]) -> Row:
    var = {m: part[f"var {m}"].to_numpy(np.float64) for m in models}
    es = {m: part[f"es {m}"].to_numpy(np.float64) for m in models}
    made = {m: part[f"made {m}"].eq(True).to_numpy(bool) for m in models}
    usable = {m: np.isfinite(var[m]) & np.isfinite(es[m]) & (var[m] > 0) & (es[m] >= var[m]) for m in models}
    keep = np.logical_and.reduce(list(usable.values()))
    kept = part[keep]
    as_of = pd.DatetimeIndex(kept["as_of"])
    return Row(
        side=str(part["side"].iloc[0]),
        kind=str(part["kind"].iloc[0]),
        level=float(part["level"].iloc[0]),
        as_of=as_of,
        day=as_of.floor("D"),
        symbol=kept["symbol"].to_numpy(object),
        loss=kept["loss"].to_numpy(np.float64),
        var={m: v[keep] for m, v in var.items()},
        es={m: e[keep] for m, e in es.items()},
        unusable={m: int((made[m] & ~usable[m]).sum()) for m in models},
        missing={m: int((~made[m]).sum()) for m in models},
    )


def _long_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    columns = {(side.value, kind): loss_column(side, kind) for side in Side for kind in KINDS}
    _require("outcomes", outcomes, ["as_of", "symbol", *columns.values()])
    keys = _normalised("outcomes", outcomes, ["as_of", "symbol"])
    parts = [
        keys.assign(side=side, kind=kind, loss=outcomes[column].to_numpy(np.float64))
        for (side, kind), column in columns.items()
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset=["loss"])


def _long_tails(name: str, tails: pd.DataFrame) -> pd.DataFrame:
    """as_of, symbol, side, kind, level and the model's own ``var``, ``es`` and ``made`` columns."""
    _require(f"tails of {name}", tails, ["as_of", "symbol", "horizon_hours", "side", "level", "var", "es"])
    if tails["horizon_hours"].nunique() > 1:
        raise ValueError(f"tails of {name}: one horizon at a time, got {sorted(tails['horizon_hours'].unique())} hours")
    keys = _normalised(f"tails of {name}", tails, ["as_of", "symbol", "side", "level"])
    parts = []
    for kind, prefix in zip(KINDS, ("", "path_"), strict=True):
        if f"{prefix}var" not in tails or f"{prefix}es" not in tails:
            continue
        part = keys.assign(kind=kind)
        part[f"var {name}"] = tails[f"{prefix}var"].to_numpy(np.float64)
        part[f"es {name}"] = tails[f"{prefix}es"].to_numpy(np.float64)
        part[f"made {name}"] = True
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _normalised(name: str, frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The key columns with one dtype each, checked to be unique."""
    clean = pd.DataFrame(
        {
            "as_of": pd.to_datetime(frame["as_of"], utc=True).dt.as_unit("us").reset_index(drop=True),
            "symbol": frame["symbol"].astype("str").to_numpy(),
        }
    )
    if "side" in keys:
        clean["side"] = frame["side"].astype("str").to_numpy()
        clean["level"] = frame["level"].to_numpy(np.float64).round(6)
    doubled = clean.duplicated()
    if doubled.any():
        first = ", ".join(map(str, clean[doubled].iloc[0]))
        raise ValueError(f"{name}: {int(doubled.sum())} forecasts are stated twice, the first for {first}")
    return clean


def _require(name: str, frame: pd.DataFrame, columns: list[str]) -> None:
    absent = [c for c in columns if c not in frame]
    if absent:
        raise ValueError(
            f"{name}: columns {', '.join(absent)} are missing; it has {', '.join(map(str, frame.columns))}"
        )
