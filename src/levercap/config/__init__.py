"""Typed, frozen configuration: what can be set, and how it is read."""

from levercap.config.breaker import BreakerConfig
from levercap.config.sections import (
    ALIASES,
    BookSimulation,
    Config,
    ForecastConfig,
    GuardrailConfig,
    MarketConfig,
    MarketSimulation,
    PolicyConfig,
    ProfileConfig,
    ScenarioConfig,
    config_from_dict,
    load_config,
)

__all__ = [
    "ALIASES",
    "BookSimulation",
    "BreakerConfig",
    "Config",
    "ForecastConfig",
    "GuardrailConfig",
    "MarketConfig",
    "MarketSimulation",
    "PolicyConfig",
    "ProfileConfig",
    "ScenarioConfig",
    "config_from_dict",
    "load_config",
]
