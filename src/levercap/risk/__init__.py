"""Scenarios x portfolio -> losses and risk numbers."""

from levercap.core.risk_numbers import RiskNumbers
from levercap.risk.measures import expected_shortfall, insolvency_margin, value_at_risk
from levercap.risk.numbers import risk_numbers
from levercap.risk.paths import AdversePaths, adverse_paths

__all__ = [
    "AdversePaths",
    "RiskNumbers",
    "adverse_paths",
    "expected_shortfall",
    "insolvency_margin",
    "risk_numbers",
    "value_at_risk",
]
