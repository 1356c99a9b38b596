"""The proof: every table that an evaluation writes beside its forecasts, made from forecasts and outcomes alone."""

from levercap.evidence.build import STEPS, Evidence, Record, build_tables
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
    "build_tables",
    "events_within",
    "figures",
    "volatility_jumps",
]
