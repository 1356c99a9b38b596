"""Evidence: every table that an evaluation writes beside its forecasts, made from forecasts and outcomes alone.

What makes the tables is in `build`; a report reads them by the names below and loads no statistics.
"""

from levercap.evidence.columns import CANDIDATE, TABLES

__all__ = ["CANDIDATE", "TABLES"]
