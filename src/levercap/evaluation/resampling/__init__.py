"""Bootstraps, long-run covariances, simulated distributions and purged splits."""

from levercap.evaluation.resampling.bootstrap import (
    bootstrap_means,
    interval,
    standard_error,
)
from levercap.evaluation.resampling.covariance import (
    block_covariance,
    long_run_covariance,
    long_run_variance,
    newey_west_lags,
)
from levercap.evaluation.resampling.day_blocks import (
    block_length,
    block_starts,
    block_sums,
    day_counts,
    studentized_ratio,
    t_values,
)
from levercap.evaluation.resampling.montecarlo import (
    TestResult,
    monte_carlo,
)
from levercap.evaluation.resampling.splits import (
    CombinatorialPurgedKFold,
    PurgedKFold,
    PurgedWalkForward,
)

__all__ = [
    "CombinatorialPurgedKFold",
    "PurgedKFold",
    "PurgedWalkForward",
    "TestResult",
    "block_covariance",
    "block_length",
    "block_starts",
    "block_sums",
    "bootstrap_means",
    "day_counts",
    "interval",
    "long_run_covariance",
    "long_run_variance",
    "monte_carlo",
    "newey_west_lags",
    "standard_error",
    "studentized_ratio",
    "t_values",
]
