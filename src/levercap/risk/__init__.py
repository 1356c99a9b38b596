"""Scenarios x portfolio -> losses, risk numbers and margin."""

from levercap.risk.margin import (
    MarginSheet,
    initial_margin,
    liquidation_cap,
    maintenance_margin,
    margin_sheet,
    tier_cap,
)
from levercap.risk.measures import expected_shortfall, insolvency_margin, value_at_risk
from levercap.risk.numbers import RiskNumbers, risk_numbers
from levercap.risk.paths import AdversePaths, adverse_paths

__all__ = [
    "AdversePaths",
    "MarginSheet",
    "RiskNumbers",
    "adverse_paths",
    "expected_shortfall",
    "initial_margin",
    "insolvency_margin",
    "liquidation_cap",
    "maintenance_margin",
    "margin_sheet",
    "risk_numbers",
    "tier_cap",
    "value_at_risk",
]
