"""Backtests of value at risk: number, independence and size of the hits."""

from levercap.evaluation.coverage.coin_coverage import (
    YEAR_DAYS,
    coin_coverage,
    coverage_by,
    coverage_by_year,
    post_break_coverage,
    share_passing,
)
from levercap.evaluation.coverage.conditional_calibration import (
    Calibration,
    panel_calibration,
)
from levercap.evaluation.coverage.durations import (
    panel_durations,
)
from levercap.evaluation.coverage.grid import (
    day_grid,
)
from levercap.evaluation.coverage.hit_tests import (
    Coverage,
    Light,
    kupiec,
    light_thresholds,
    pooled_coverage,
    traffic_light,
)
from levercap.evaluation.coverage.independence import (
    PanelDynamicQuantile,
    panel_dynamic_quantile,
)
from levercap.evaluation.coverage.tail_sample import (
    TailSample,
    day_numbers,
    tail_sample,
)

__all__ = [
    "YEAR_DAYS",
    "Calibration",
    "Coverage",
    "Light",
    "PanelDynamicQuantile",
    "TailSample",
    "coin_coverage",
    "coverage_by",
    "coverage_by_year",
    "day_grid",
    "day_numbers",
    "kupiec",
    "light_thresholds",
    "panel_calibration",
    "panel_durations",
    "panel_dynamic_quantile",
    "pooled_coverage",
    "post_break_coverage",
    "share_passing",
    "tail_sample",
    "traffic_light",
]
