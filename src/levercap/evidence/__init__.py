"""Evidence: every table that an evaluation writes beside its forecasts, made from forecasts and outcomes alone."""

from levercap.evidence.build import STEPS, EvaluationInputs, EvidenceTables, build_tables
from levercap.evidence.columns import CANDIDATE, TABLES
from levercap.evidence.headline_figures import headline_figures
from levercap.evidence.known_events import EVENTS, events_within, volatility_jumps

__all__ = [
    "CANDIDATE",
    "EVENTS",
    "STEPS",
    "TABLES",
    "EvaluationInputs",
    "EvidenceTables",
    "build_tables",
    "events_within",
    "headline_figures",
    "volatility_jumps",
]
