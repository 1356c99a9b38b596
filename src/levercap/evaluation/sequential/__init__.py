"""Sequential tests, valid at any stopping time."""

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

__all__ = [
    "ALARM",
    "Betting",
    "SequentialTest",
    "bet",
    "es_evalues",
    "fractions_from_evalues",
    "fractions_from_losses",
    "panel_evalues",
    "sequential_es",
    "sequential_var",
    "var_evalues",
]
