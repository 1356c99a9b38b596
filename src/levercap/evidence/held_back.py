"""Backtest of a bundle on days after its training: coverage, a one-sided test of expected shortfall, and scores beside
the champion's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.names import KINDS, LEVELS, Side
from levercap.evaluation.comparison.leaderboard import Row, daily_mean, match
from levercap.evaluation.coverage.hit_tests import pooled_coverage
from levercap.evaluation.resampling.bootstrap import interval
from levercap.evaluation.shortfall.expected_shortfall import ShortfallStatistic, shortfall_panel_test
from levercap.evidence.checks import Check
from levercap.evidence.columns import row_title

__all__ = ["HeldBackRule", "held_back_checks"]

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True)
class HeldBackRule:
    """What a bundle must meet on days that neither side was fitted on.

    Attributes
    ----------
    smallest_days : fewer midnights after both trainings decide nothing
    coverage_tolerance, caution_tolerance : shares by which the hit rate may exceed or fall short of ``1 - level``, up
        to what a day-clustered interval leaves open
    confidence : of that interval and of those of score differences
    shortfall_size : smallest p-value of the tests of expected shortfall, divided by their number (Bonferroni)
    block_days : neighbouring days that are resampled together
    draws, seed : of the bootstrap
    """

    smallest_days: int = 60
    coverage_tolerance: float = 0.2
    caution_tolerance: float = 0.8
    confidence: float = 0.99
    shortfall_size: float = 0.05
    block_days: int = 10
    draws: int = 999
    seed: int = 0


def held_back_checks(
    challenger: pd.DataFrame, champion: pd.DataFrame | None, outcomes: pd.DataFrame, rule: HeldBackRule | None = None
) -> list[Check]:
    """Checks of the tails of a bundle's models on days after its training, and after the champion's.

    Parameters
    ----------
    challenger, champion : tails frames of the same instants; None without a champion
    outcomes : as for `levercap.evaluation.comparison.leaderboard.match`
    """
    rule = HeldBackRule() if rule is None else rule
    tails = {CHALLENGER: challenger} if champion is None else {CHALLENGER: challenger, CHAMPION: champion}
    matched = match(tails, outcomes)
    rows = [row for row in matched if len(row.loss)]
    stamps = pd.DatetimeIndex(challenger["as_of"])
    window = f"{stamps.min():%Y-%m-%d} to {stamps.max():%Y-%m-%d}, after the training" if len(stamps) else "no day"
    days = min((row.day.nunique() for row in rows), default=0)
    whole = len(rows) == len(Side) * len(KINDS) * len(LEVELS)
    checks = [
        Check("held-back days", window, float(days) if whole else 0.0, rule.smallest_days),
        Check("forecasts that are unusable", window, sum(row.unusable[CHALLENGER] for row in matched), high=0.0),
    ]
    if not checks[0].passed:
        return checks
    for row in rows:
        checks += [_coverage(row, window, rule), _shortfall(row, window, rule, len(rows))]
        if champion is not None:
            checks.append(_score(row, window, rule))
    return checks


def _coverage(row: Row, window: str, rule: HeldBackRule) -> Check:
    """Hit rate over its nominal one: the end of the interval that is nearer to one."""
    found = pooled_coverage(row.hits(CHALLENGER), row.day, row.level, rule.block_days, rule.confidence)
    nominal = 1.0 - row.level
    nearest = float(np.clip(nominal, found.low, found.high)) / nominal
    detail = f"hit rate {found.hit_rate:.2%}"
    low, high = 1.0 - rule.caution_tolerance, 1.0 + rule.coverage_tolerance
    return Check(f"hit rate over nominal, {_title(row)}", window, nearest, low, high, detail)


def _shortfall(row: Row, window: str, rule: HeldBackRule, tests: int) -> Check:
    found = shortfall_panel_test(
        row.loss, row.var[CHALLENGER], row.es[CHALLENGER], row.day, row.level, ShortfallStatistic.Z2,
        rule.block_days, rule.draws, rule.seed,
    )  # fmt: skip
    name = f"p-value of expected shortfall too small, {_title(row)}"
    return Check(name, window, found.p_value, rule.shortfall_size / tests, detail=f"{found.hits} hits")


def _score(row: Row, window: str, rule: HeldBackRule) -> Check:
    daily = daily_mean(row.fz0(CHALLENGER) - row.fz0(CHAMPION), row.day).to_numpy()
    low, _ = interval(daily, rule.block_days, rule.draws, rule.seed, rule.confidence)
    name = f"lower end of the FZ0 difference to the champion, {_title(row)}"
    return Check(name, window, low, high=0.0, detail=f"mean {daily.mean():+.4f}")


def _title(row: Row) -> str:
    return row_title(row.side, row.kind, row.level)
