"""Features: what was known at an instant, as one table."""

from levercap.features.levels import stressed_volatility, turnover
from levercap.features.table import feature_table

__all__ = ["feature_table", "stressed_volatility", "turnover"]
