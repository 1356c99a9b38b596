"""The proof: every table that an evaluation writes beside its forecasts, made from forecasts and outcomes alone."""

from levercap.evidence.build import STEPS, Evidence, Record, prove
from levercap.evidence.figures import figures
from levercap.evidence.known_events import EVENTS, events_within, volatility_jumps
from levercap.evidence.tables import CANDIDATE, TABLES

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
