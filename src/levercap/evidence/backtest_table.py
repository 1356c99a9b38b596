"""Backtests of one model by itself, and of it against B1: one line per test, each with its verdict in a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from levercap.core.errors import LevercapError
from levercap.evaluation import (
    ALARM,
    Light,
    Row,
    SequentialTest,
    ShortfallStatistic,
    daily_mean,
    day_grid,
    diebold_mariano,
    exceedance_residuals,
    giacomini_white,
    panel_calibration,
    panel_durations,
    panel_dynamic_quantile,
    pooled_coverage,
    sequential_es,
    sequential_var,
    share_passing,
    shortfall_panel_test,
    shortfall_regression,
    three_zones,
)
from levercap.evidence.columns import CANDIDATE, COMPARISONS, REFERENCE, SIZE, Verdict, row_key
from levercap.evidence.symbol_coverage import symbol_coverage

__all__ = ["TESTS", "backtest_lines"]

SMALLEST_SHARE = 0.85

DRAWS = 999
REARRANGEMENTS = 299
REFITS = 99
"""Resamples of the regression, which fits it anew in each."""


@dataclass(frozen=True)
class Outcome:
    """Result of a test; `verdict` None leaves it to the p-value."""

    statistic: float
    p_value: float
    verdict: Verdict | None = None
    alarm_day: pd.Timestamp | None = None
    note: str = ""


@dataclass(frozen=True)
class _Test:
    name: str
    one_sided: bool
    run: Callable[[Row, str, int], Outcome]


def backtest_lines(row: Row, model: str, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Lines of the table ``backtests`` for one model and row; the comparative tests for our own model only.

    A test that cannot be computed, for want of hits or of days, says why and is neither passed nor failed.
    """
    for test in (*_ABSOLUTE, *(_COMPARATIVE if model == CANDIDATE else ())):
        line = row_key(model, row.side, row.kind, row.level) | {"test": test.name, "one_sided": test.one_sided}
        try:
            outcome = test.run(row, model, seed)
        except (ValueError, LevercapError) as error:
            outcome = Outcome(np.nan, np.nan, Verdict.NOT_COMPUTABLE, note=str(error))
        verdict = outcome.verdict or (Verdict.FAIL if outcome.p_value < SIZE else Verdict.PASS)
        yield line | {
            "statistic": outcome.statistic,
            "p_value": outcome.p_value,
            "verdict": str(verdict),
            "alarm_day": outcome.alarm_day,
            "note": outcome.note,
        }


def _pooled(row: Row, model: str, seed: int) -> Outcome:
    result = pooled_coverage(row.hits(model), row.day, row.level)
    note = (
        f"hit rate {result.hit_rate:.2%}, interval {result.low:.2%} to {result.high:.2%}; expected {1 - row.level:.1%}"
    )
    return Outcome(result.hit_rate, result.p_value, note=note)


def _coins(row: Row, model: str, seed: int) -> Outcome:
    table = symbol_coverage(row, model)
    share = share_passing(table)
    verdict = Verdict.PASS if share >= SMALLEST_SHARE else Verdict.FAIL
    return Outcome(share, np.nan, verdict, note=f"{int(table['passes'].sum())} of {len(table)} coins pass at 5 %")


def _dynamic_quantile(row: Row, model: str, seed: int) -> Outcome:
    result = panel_dynamic_quantile(
        row.hits(model), row.day, row.symbol, row.level, row.var[model], draws=REARRANGEMENTS, seed=seed
    )
    return Outcome(result.independence.statistic, result.independence.p_value)


def _durations(row: Row, model: str, seed: int) -> Outcome:
    result = panel_durations(row.hits(model), row.day, row.symbol, draws=REARRANGEMENTS, seed=seed)
    return Outcome(result.statistic, result.p_value)


def _acerbi_szekely(statistic: ShortfallStatistic) -> Callable[[Row, str, int], Outcome]:
    def run(row: Row, model: str, seed: int) -> Outcome:
        result = shortfall_panel_test(
            row.loss, row.var[model], row.es[model], row.day, row.level, statistic, draws=DRAWS, seed=seed
        )
        return Outcome(result.statistic, result.p_value)

    return run


def _mcneil_frey(row: Row, model: str, seed: int) -> Outcome:
    result = exceedance_residuals(
        row.loss, row.var[model], row.es[model], row.level, day=row.day, draws=DRAWS, seed=seed
    )
    return Outcome(result.statistic, result.p_value)


def _nolde_ziegel(row: Row, model: str, seed: int) -> Outcome:
    result = panel_calibration(row.loss, row.var[model], row.es[model], row.day, row.level, draws=DRAWS, seed=seed)
    return Outcome(result.statistic, result.p_value)


def _regression(row: Row, model: str, seed: int) -> Outcome:
    result = shortfall_regression(row.loss, row.var[model], row.es[model], row.level, row.day, draws=REFITS, seed=seed)
    return Outcome(result.intercept, result.p_value, note="intercept as a fraction of the price")


def _wealth(row: Row, model: str, seed: int) -> Outcome:
    loss, var = (day_grid(x, row.day.asi8, row.symbol) for x in (row.loss, row.var[model]))
    return _sequential(sequential_var(loss, var, row.level), row)


def _shortfall_wealth(row: Row, model: str, seed: int) -> Outcome:
    loss, var, es = (day_grid(x, row.day.asi8, row.symbol) for x in (row.loss, row.var[model], row.es[model]))
    return _sequential(sequential_es(loss, var, es, row.level), row)


def _sequential(result: SequentialTest, row: Row) -> Outcome:
    alarm = None if result.alarm is None else row.day.unique()[result.alarm]
    return Outcome(
        result.largest,
        result.p_value,
        Verdict.PASS if alarm is None else Verdict.FAIL,
        alarm,
        f"largest wealth of bets against it; alarm at {ALARM:g}",
    )


def _zones(row: Row, model: str, seed: int) -> Outcome:
    result = three_zones(row.fz0(model), row.fz0(REFERENCE), row.day)
    words = {Light.GREEN: Verdict.BETTER, Light.RED: Verdict.WORSE, Light.YELLOW: Verdict.NO_DIFFERENCE}
    return Outcome(result.statistic, result.p_at_most_as_good, words[result.zone], note=f"zone {result.zone}")


def _diebold_mariano(row: Row, model: str, seed: int) -> Outcome:
    result = diebold_mariano(_daily_difference(row, model))
    return Outcome(result.statistic, result.p_value, _direction(result.p_value, result.mean_difference))


def _giacomini_white(row: Row, model: str, seed: int) -> Outcome:
    daily = _daily_difference(row, model)
    result = giacomini_white(daily)
    note = f"would have been chosen on {result.share_better:.0%} of days"
    return Outcome(result.statistic, result.p_value, _direction(result.p_value, float(daily.mean())), note=note)


def _direction(p_value: float, mean: float) -> Verdict:
    if p_value >= SIZE:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if mean < 0 else Verdict.WORSE


def _daily_difference(row: Row, model: str) -> pd.Series:
    return daily_mean(row.fz0(model) - row.fz0(REFERENCE), row.day)


_ABSOLUTE = (
    _Test("pooled coverage", False, _pooled),
    _Test("coins passing Kupiec", False, _coins),
    _Test("panel dynamic quantile", False, _dynamic_quantile),
    _Test("panel durations", False, _durations),
    _Test("Acerbi-Szekely Z2", True, _acerbi_szekely(ShortfallStatistic.Z2)),
    _Test("Acerbi-Szekely minimally biased", True, _acerbi_szekely(ShortfallStatistic.MINIMALLY_BIASED_RELATIVE)),
    _Test("McNeil-Frey", True, _mcneil_frey),
    _Test("Nolde-Ziegel", True, _nolde_ziegel),
    _Test("ES regression intercept", True, _regression),
    _Test("e-process VaR", True, _wealth),
    _Test("e-process ES", True, _shortfall_wealth),
)
_COMPARATIVE = tuple(
    _Test(name, one_sided, test)
    for name, one_sided, test in zip(
        COMPARISONS, (True, False, False), (_zones, _diebold_mariano, _giacomini_white), strict=True
    )
)

TESTS = tuple(test.name for test in (*_ABSOLUTE, *_COMPARATIVE))
"""Names of the tests in the order of the table."""
