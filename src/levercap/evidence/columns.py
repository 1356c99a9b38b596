"""Evidence tables: their columns, their keys and the words in their cells, for those who write them and who read them.

A table without rows still has its columns, and the report reads no other name than those stated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import pandas as pd

from levercap.core.names import KINDS
from levercap.core.verdicts import ALL_EVENTS, NO_EVENT, REFERENCE, Dominance, Light

__all__ = [
    "ALL_BREAKS",
    "ALL_EVENTS",
    "BREAK_DAYS",
    "CANDIDATE",
    "COMPARISONS",
    "FORECASTS",
    "KEY",
    "KINDS",
    "NO_EVENT",
    "REFERENCE",
    "SIZE",
    "TABLES",
    "BreakSource",
    "Dominance",
    "Learner",
    "Light",
    "Period",
    "Verdict",
    "frame",
    "row_key",
    "row_label",
    "row_title",
]

CANDIDATE: Final = "levercap"
"""Name of our own model in every table; `REFERENCE` is that of the model all are measured against."""

SIZE: Final = 0.05
"""Chance with which each test rejects right forecasts."""

KEY: Final = ("model", "side", "kind", "level")
"""The columns that most tables begin with."""

FORECASTS: Final = ("var", "es")
"""What a Murphy diagram is about: value at risk, expected shortfall."""

COMPARISONS: Final = ("three zones", "Diebold-Mariano", "Giacomini-White")
"""Tests that compare with the reference: they are not passed or failed, but say better, worse or no difference."""

BREAK_DAYS: Final = 60
"""Days after a break in which coverage is looked at."""

ALL_BREAKS: Final = "all"
"""Stands in the column ``break`` for all breaks of a source together."""


class Verdict(StrEnum):
    """Outcome of a backtest (first three), or of a comparison with the reference."""

    PASS = "pass"
    FAIL = "fail"
    NOT_COMPUTABLE = "not computable"
    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    REFERENCE = "reference"


class BreakSource(StrEnum):
    """Why a day counts as a break."""

    EVENT = "event"
    VOLATILITY_JUMP = "volatility jump"


class Period(StrEnum):
    """Days relative to a break; `DIFFERENCE` is the hit rate after breaks less that elsewhere."""

    AFTER = "after"
    BREAK = "break"
    ELSEWHERE = "elsewhere"
    DIFFERENCE = "difference"


class Learner(StrEnum):
    """Models of the log volatility."""

    BOOSTED = "boosted"
    RIDGE = "ridge"


_NUMBER, _COUNT, _TEXT, _FLAG, _DAY = "float64", "Int64", "str", "boolean", "datetime64[us, UTC]"
_KEY: Final = {"model": _TEXT, "side": _TEXT, "kind": _TEXT, "level": _NUMBER}


def _numbers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, _NUMBER)


def _counts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, _COUNT)


TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "leaderboard": _KEY
    | _counts("days", "symbols", "rows", "unusable", "missing")
    | _numbers("fz0", "fz0_reference", "d_fz0", "ci_low", "ci_high", "ci_low_60", "ci_high_60")
    | _numbers("d_fz0_without_top10_days", "symbols_better", "hit_rate", "hit_rate_reference", "pinball_ratio")
    | _numbers("p_romano_wolf_20", "p_romano_wolf_60", "p_holm", "p_romano_wolf_all_20", "p_romano_wolf_all_60")
    | {"p_mcs": _NUMBER, "in_set": _FLAG, "verdict": _TEXT},
    "backtests": _KEY
    | {"test": _TEXT, "statistic": _NUMBER, "p_value": _NUMBER, "verdict": _TEXT, "one_sided": _FLAG}
    | {"alarm_day": _DAY, "note": _TEXT},
    "coverage": _KEY
    | _counts("days", "rows", "hits")
    | _numbers("hit_rate", "low", "high", "p_value", "effective_rows")
    | {"coins": _COUNT, "coins_passing": _NUMBER},
    "traffic_lights": _KEY
    | {"days": _COUNT, "hit_rate": _NUMBER, "effective_rows": _NUMBER, "light": _TEXT}
    | _counts("coins_green", "coins_yellow", "coins_red", "window")
    | _numbers("yellow_from", "red_from"),
    "by_symbol": _KEY
    | {"symbol": _TEXT, "days": _COUNT, "d_fz0": _NUMBER, "hits": _COUNT, "hit_rate": _NUMBER, "kupiec_p": _NUMBER}
    | {"passes": _FLAG, "last_hits": _COUNT, "last_light": _TEXT, "worst_hits": _COUNT, "worst_light": _TEXT}
    | {"worst_until": _DAY},
    "by_year": _KEY
    | _counts("year", "days", "rows")
    | _numbers("d_fz0", "ci_low", "ci_high")
    | {"hits": _COUNT}
    | _numbers("hit_rate", "hit_low", "hit_high", "p_value"),
    "influence": _KEY
    | {"days": _COUNT, "d_fz0": _NUMBER, "without_top10": _NUMBER, "without_helpful10": _NUMBER}
    | {"days_to_overturn": _COUNT},
    "influential_days": _KEY
    | {"rank": _COUNT, "day": _DAY}
    | _numbers("difference", "contribution", "mean_without", "cumulative_without"),
    "events": _KEY
    | {"event": _TEXT, "start": _DAY, "end": _DAY, "days": _COUNT}
    | _numbers("difference", "without", "low", "high"),
    "post_break": _KEY
    | {"source": _TEXT, "break": _TEXT, "day": _DAY, "period": _TEXT}
    | _counts("days", "rows", "hits")
    | _numbers("hit_rate", "low", "high", "p_value")
    | {"breaks": _COUNT},
    "hits": _KEY | {"day": _DAY, "symbols": _COUNT, "hits": _COUNT, "share": _NUMBER, "rolling": _NUMBER},
    "shocks": {"side": _TEXT, "barrier": _NUMBER}
    | _counts("days", "rows", "events")
    | _numbers("base_rate", "predicted", "log_loss", "log_loss_implied", "skill", "skill_low", "skill_high")
    | _numbers("skill_low_60", "skill_high_60", "intercept", "slope", "auc", "auc_implied", "auc_scale")
    | _numbers("brier", "brier_miscalibration", "brier_discrimination", "brier_uncertainty", "brier_skill")
    | _numbers("log_miscalibration", "log_discrimination", "log_uncertainty"),
    "reliability": {"side": _TEXT, "barrier": _NUMBER, "bin": _COUNT}
    | _numbers("predicted", "observed", "low", "high")
    | {"count": _COUNT, "events": _COUNT, "effective_count": _NUMBER},
    "reliability_band": {"side": _TEXT, "barrier": _NUMBER} | _numbers("probability", "recalibrated", "low", "high"),
    "murphy": _KEY
    | {"forecast": _TEXT}
    | _numbers("threshold", "score", "reference", "difference", "low", "high", "p_never_worse", "p_never_better")
    | {"verdict": _TEXT},
    "attributions": {"learner": _TEXT, "feature": _TEXT, "contribution": _NUMBER, "share": _NUMBER, "rank": _COUNT},
}
"""Columns and types of every table by its name; differences are model minus reference, below zero is better."""


def frame(name: str, lines: Iterable[Mapping[str, Any]] | pd.DataFrame) -> pd.DataFrame:
    """Lines as table `name`, with its columns in their order and of their types; what a line lacks is missing."""
    columns = TABLES[name]
    table = lines if isinstance(lines, pd.DataFrame) else pd.DataFrame(list(lines))
    typed = {column: _typed(table, column, dtype) for column, dtype in columns.items()}
    return pd.DataFrame(typed, columns=list(columns)).reset_index(drop=True)


def row_key(model: str, side: str, kind: str, level: float) -> dict[str, Any]:
    """Values of the columns `KEY`."""
    return dict(zip(KEY, (model, side, kind, level), strict=True))


def row_label(side: str, kind: str, level: float) -> str:
    """Name of a row in summaries and notes: ``long end 0.975``."""
    return f"{side} {kind} {level}"


def row_title(side: str, kind: str, level: float) -> str:
    """Name of a row in cards and reasons: ``long end 97.5%``."""
    return f"{side} {kind} {level:.1%}"


def _typed(table: pd.DataFrame, column: str, dtype: Any) -> pd.Series[Any]:
    values = table[column] if column in table else pd.Series([None] * len(table), index=table.index, dtype=object)
    if dtype == _DAY:
        values = pd.to_datetime(values, utc=True)
    elif dtype in (_NUMBER, _COUNT):
        values = pd.to_numeric(values).astype("float64")
    typed: pd.Series[Any] = values.astype(dtype)
    return typed
