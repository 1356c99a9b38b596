"""Scoring functions of forecasts and their decompositions."""

from levercap.evaluation.scores.corp import (
    ScoreParts,
    log_loss_decomposition,
    recalibrated_probability,
    reliability_band,
)
from levercap.evaluation.scores.losses import (
    fz0,
    log_loss,
    pinball,
)
from levercap.evaluation.scores.probability_calibration import (
    BrierParts,
    brier_decomposition,
    cox_calibration,
    reliability_table,
    wilson_interval,
)

__all__ = [
    "BrierParts",
    "ScoreParts",
    "brier_decomposition",
    "cox_calibration",
    "fz0",
    "log_loss",
    "log_loss_decomposition",
    "pinball",
    "recalibrated_probability",
    "reliability_band",
    "reliability_table",
    "wilson_interval",
]
