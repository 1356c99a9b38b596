"""Comparison of forecasts with each other."""

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
    three_zones,
)

__all__ = [
    "KINDS",
    "REFERENCE",
    "ConditionalAbility",
    "Dominance",
    "Influence",
    "Matched",
    "MurphyDiagram",
    "PredictiveAbility",
    "Row",
    "Zones",
    "daily_differences",
    "daily_losses",
    "daily_mean",
    "diebold_mariano",
    "elementary_quantile",
    "elementary_shortfall",
    "giacomini_white",
    "holm",
    "influence",
    "influential_days",
    "leaderboard",
    "leave_events_out",
    "match",
    "model_confidence_set",
    "murphy_diagram",
    "romano_wolf",
    "three_zones",
]
