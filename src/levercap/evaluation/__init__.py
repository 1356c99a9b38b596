"""Evidence about forecasts: scores, backtests, comparisons, calibration and splitters."""

from levercap.evaluation.comparison.confidence_set import (
    daily_losses,
    model_confidence_set,
)
from levercap.evaluation.comparison.influential_days import (
    Influence,
    influence,
    influential_days,
    leave_events_out,
)
from levercap.evaluation.comparison.leaderboard import (
    KINDS,
    REFERENCE,
    Matched,
    Row,
    daily_mean,
    leaderboard,
    match,
)
from levercap.evaluation.comparison.multiple import (
    daily_differences,
    holm,
    romano_wolf,
)
from levercap.evaluation.comparison.murphy_diagram import (
    Dominance,
    MurphyDiagram,
    elementary_quantile,
    elementary_shortfall,
    murphy_diagram,
)
from levercap.evaluation.comparison.predictive_ability import (
    ConditionalAbility,
    PredictiveAbility,
    diebold_mariano,
    giacomini_white,
)
from levercap.evaluation.comparison.zones import (
    Zones,
    comparative_backtest,
    three_zones,
)
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
    conditional_calibration,
    identification,
    panel_calibration,
    relative_instruments,
    scale_instruments,
)
from levercap.evaluation.coverage.cumulative import (
    CumulativeTest,
    PooledCumulative,
    cumulative_test,
    cumulative_violations,
    pooled_cumulative,
)
from levercap.evaluation.coverage.durations import (
    DurationTest,
    duration_moments,
    weibull_duration,
)
from levercap.evaluation.coverage.grid import (
    day_grid,
)
from levercap.evaluation.coverage.hit_tests import (
    Coverage,
    Light,
    TestResult,
    christoffersen,
    kupiec,
    light_thresholds,
    pooled_coverage,
    traffic_light,
)
from levercap.evaluation.coverage.independence import (
    PanelDynamicQuantile,
    dynamic_quantile,
    panel_dynamic_quantile,
)
from levercap.evaluation.coverage.tail_sample import (
    TailSample,
    day_numbers,
    tail_sample,
)
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
    monte_carlo,
)
from levercap.evaluation.resampling.splits import (
    CombinatorialPurgedKFold,
    PurgedKFold,
    PurgedWalkForward,
)
from levercap.evaluation.scores.corp import (
    ScoreParts,
    isotonic_quantile,
    log_loss_decomposition,
    pinball_decomposition,
    recalibrated_probability,
    reliability_band,
)
from levercap.evaluation.scores.distribution import (
    crps,
    quantile_weighted_crps,
    threshold_weighted_crps,
)
from levercap.evaluation.scores.losses import (
    brier,
    fz0,
    log_loss,
    pinball,
    qlike,
    skill,
)
from levercap.evaluation.scores.probability_calibration import (
    BrierParts,
    brier_decomposition,
    cox_calibration,
    reliability_table,
    wilson_interval,
)
from levercap.evaluation.sequential.anytime import (
    ALARM,
    Betting,
    SequentialTest,
    bet,
    fractions_from_evalues,
    fractions_from_losses,
    sequential_es,
    sequential_var,
)
from levercap.evaluation.sequential.evalues import (
    es_evalues,
    panel_evalues,
    var_evalues,
)
from levercap.evaluation.sequential.overlap import (
    COMBINATIONS,
    InterleavedBets,
    OverlapCounts,
    combine_p_values,
    harmonic_factor,
    interleaved_bets,
    interleaved_p_values,
    overlap_counts,
    subsample,
)
from levercap.evaluation.shortfall.expected_shortfall import (
    MINIMUM_HITS,
    ShortfallStatistic,
    ShortfallTest,
    exceedance_residuals,
    shortfall_panel_test,
    shortfall_statistic,
    shortfall_test,
)
from levercap.evaluation.shortfall.joint_regression import (
    JointFit,
    JointProblem,
    fit_joint,
    scale_family_scores,
    shortfall_scores,
)
from levercap.evaluation.shortfall.quantile_regression import (
    quantile_regression,
)
from levercap.evaluation.shortfall.shortfall_regression import (
    RegressionVariant,
    ShortfallRegression,
    shortfall_regression,
)

__all__ = [
    "ALARM",
    "COMBINATIONS",
    "KINDS",
    "MINIMUM_HITS",
    "REFERENCE",
    "YEAR_DAYS",
    "Betting",
    "BrierParts",
    "Calibration",
    "CombinatorialPurgedKFold",
    "ConditionalAbility",
    "Coverage",
    "CumulativeTest",
    "Dominance",
    "DurationTest",
    "Influence",
    "InterleavedBets",
    "JointFit",
    "JointProblem",
    "Light",
    "Matched",
    "MurphyDiagram",
    "OverlapCounts",
    "PanelDynamicQuantile",
    "PooledCumulative",
    "PredictiveAbility",
    "PurgedKFold",
    "PurgedWalkForward",
    "RegressionVariant",
    "Row",
    "ScoreParts",
    "SequentialTest",
    "ShortfallRegression",
    "ShortfallStatistic",
    "ShortfallTest",
    "TailSample",
    "TestResult",
    "Zones",
    "bet",
    "block_covariance",
    "block_length",
    "block_starts",
    "block_sums",
    "bootstrap_means",
    "brier",
    "brier_decomposition",
    "christoffersen",
    "coin_coverage",
    "combine_p_values",
    "comparative_backtest",
    "conditional_calibration",
    "coverage_by",
    "coverage_by_year",
    "cox_calibration",
    "crps",
    "cumulative_test",
    "cumulative_violations",
    "daily_differences",
    "daily_losses",
    "daily_mean",
    "day_counts",
    "day_grid",
    "day_numbers",
    "diebold_mariano",
    "duration_moments",
    "dynamic_quantile",
    "elementary_quantile",
    "elementary_shortfall",
    "es_evalues",
    "exceedance_residuals",
    "fit_joint",
    "fractions_from_evalues",
    "fractions_from_losses",
    "fz0",
    "giacomini_white",
    "harmonic_factor",
    "holm",
    "identification",
    "influence",
    "influential_days",
    "interleaved_bets",
    "interleaved_p_values",
    "interval",
    "isotonic_quantile",
    "kupiec",
    "leaderboard",
    "leave_events_out",
    "light_thresholds",
    "log_loss",
    "log_loss_decomposition",
    "long_run_covariance",
    "long_run_variance",
    "match",
    "model_confidence_set",
    "monte_carlo",
    "murphy_diagram",
    "newey_west_lags",
    "overlap_counts",
    "panel_calibration",
    "panel_dynamic_quantile",
    "panel_evalues",
    "pinball",
    "pinball_decomposition",
    "pooled_coverage",
    "pooled_cumulative",
    "post_break_coverage",
    "qlike",
    "quantile_regression",
    "quantile_weighted_crps",
    "recalibrated_probability",
    "relative_instruments",
    "reliability_band",
    "reliability_table",
    "romano_wolf",
    "scale_family_scores",
    "scale_instruments",
    "sequential_es",
    "sequential_var",
    "share_passing",
    "shortfall_panel_test",
    "shortfall_regression",
    "shortfall_scores",
    "shortfall_statistic",
    "shortfall_test",
    "skill",
    "standard_error",
    "studentized_ratio",
    "subsample",
    "t_values",
    "tail_sample",
    "three_zones",
    "threshold_weighted_crps",
    "traffic_light",
    "var_evalues",
    "weibull_duration",
    "wilson_interval",
]
