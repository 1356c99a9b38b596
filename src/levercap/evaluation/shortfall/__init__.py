"""Backtests of expected shortfall."""

from levercap.evaluation.shortfall.expected_shortfall import (
    MINIMUM_HITS,
    ShortfallStatistic,
    ShortfallTest,
    exceedance_residuals,
    shortfall_panel_test,
)
from levercap.evaluation.shortfall.joint_regression import (
    JointFit,
    JointProblem,
    fit_joint,
    shortfall_scores,
)
from levercap.evaluation.shortfall.quantile_regression import (
    quantile_regression,
)
from levercap.evaluation.shortfall.shortfall_regression import (
    ShortfallRegression,
    shortfall_regression,
)

__all__ = [
    "MINIMUM_HITS",
    "JointFit",
    "JointProblem",
    "ShortfallRegression",
    "ShortfallStatistic",
    "ShortfallTest",
    "exceedance_residuals",
    "fit_joint",
    "quantile_regression",
    "shortfall_panel_test",
    "shortfall_regression",
    "shortfall_scores",
]
