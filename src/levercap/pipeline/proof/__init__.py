"""The proof: every table that an evaluation writes beside its forecasts, made from forecasts and outcomes alone."""

from levercap.pipeline.proof.evidence import STEPS, Evidence, Record, prove
from levercap.pipeline.proof.figures import figures
from levercap.pipeline.proof.known_events import EVENTS, events_within, volatility_jumps
from levercap.pipeline.proof.tables import CANDIDATE, TABLES

__all__ = [
    "CANDIDATE",
    "EVENTS",
    "STEPS",
    "TABLES",
    "Evidence",
    "Record",
    "events_within",
    "figures",
    "prove",
    "volatility_jumps",
]
