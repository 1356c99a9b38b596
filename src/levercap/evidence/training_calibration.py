"""Calibration of a bundle's models on days spread over their training: hit rates and expected shortfall beside nominal.

The models have seen these days, so that this says nothing about skill. It says that VaR and ES are on the scale of the
losses they were fitted to, whatever the history of the recipe says: what is grossly wrong in both is seen here only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import KINDS, LEVELS, FloatArray, Side
from levercap.evaluation.comparison.leaderboard import Row, daily_mean, match
from levercap.evidence.checks import Check

__all__ = ["SAMPLE", "WHOLE", "CalibrationRule", "calibration_checks"]

MODELS = "models"


@dataclass(frozen=True)
class CalibrationRule:
    """Bounds of ratios to nominal, means over sides, kinds and levels.

    Attributes
    ----------
    largest_hit_ratio, smallest_hit_ratio : share of losses above VaR, over ``1 - level``
    largest_shortfall_ratio : sum of losses above VaR in units of ES, over ``1 - level`` (Acerbi and Szekely's Z2)
    smallest_days : fewer days decide nothing
    """

    largest_hit_ratio: float
    largest_shortfall_ratio: float
    smallest_hit_ratio: float = 0.5
    smallest_days: int = 100


WHOLE: Final = CalibrationRule(1.3, 1.3)
"""For every day of the training. Models as trained gave up to 1.13 on spot; a tenth off in VaR and ES gives a quarter
more, a fifth off more than half."""

SAMPLE: Final = CalibrationRule(1.75, 1.75)
"""For a year of days out of them, whose ratios have a standard error of 0.13: models as trained gave up to 1.37."""


def calibration_checks(tails: pd.DataFrame, outcomes: pd.DataFrame, rule: CalibrationRule) -> list[Check]:
    """Checks of the tails of a bundle's models against what happened on days of their training.

    Parameters
    ----------
    tails, outcomes : as for `levercap.evaluation.comparison.leaderboard.match`
    rule : bounds, of the whole training or of a sample of its days
    """
    rows = [row for row in match({MODELS: tails}, outcomes) if len(row.loss)]
    days = min((row.day.nunique() for row in rows), default=0)
    whole = len(rows) == len(Side) * len(KINDS) * len(LEVELS)
    window = f"{days} days of the training"
    checks = [Check("days of the training", window, days if whole else 0, rule.smallest_days)]
    if not checks[0].passed:
        return checks
    hits = [_ratio(row, row.hits(MODELS).astype(np.float64)) for row in rows]
    beyond = [_ratio(row, np.where(row.hits(MODELS), row.loss / row.es[MODELS], 0.0)) for row in rows]
    bounds = rule.smallest_hit_ratio, rule.largest_hit_ratio
    checks.append(Check("hit rate over nominal in training, mean", window, float(np.mean(hits)), *bounds))
    name = "losses beyond VaR over those that ES implies in training, mean"
    checks.append(Check(name, window, float(np.mean(beyond)), high=rule.largest_shortfall_ratio))
    return checks


def _ratio(row: Row, values: FloatArray) -> float:
    return float(daily_mean(values, row.day).mean()) / (1.0 - row.level)
