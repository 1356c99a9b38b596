"""Evidence about forecasts: scores, backtests, comparisons, calibration, and the promotion gate."""

from levercap.evaluation.backtests import (
    Coverage,
    Light,
    TestResult,
    christoffersen,
    kupiec,
    light_thresholds,
    pooled_coverage,
    traffic_light,
)
from levercap.evaluation.calibration import (
    BrierParts,
    brier_decomposition,
    calibration_line,
    reliability_table,
    wilson_interval,
)
from levercap.evaluation.comparison import KINDS, REFERENCE, Matched, Row, daily_mean, leaderboard, match
from levercap.evaluation.gate import Decision, GateRule, decide
from levercap.evaluation.losses import brier, fz0, log_loss, pinball, qlike, skill

__all__ = [
    "KINDS",
    "REFERENCE",
    "BrierParts",
    "Coverage",
    "Decision",
    "GateRule",
    "Light",
    "Matched",
    "Row",
    "TestResult",
    "brier",
    "brier_decomposition",
    "calibration_line",
    "christoffersen",
    "daily_mean",
    "decide",
    "fz0",
    "kupiec",
    "leaderboard",
    "light_thresholds",
    "log_loss",
    "match",
    "pinball",
    "pooled_coverage",
    "qlike",
    "reliability_table",
    "skill",
    "traffic_light",
    "wilson_interval",
]
