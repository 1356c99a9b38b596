"""Typed, frozen configuration. One TOML per experiment; unknown keys are refused with the nearest name.

Precedence: flag > environment (``LEVERCAP_SECTION__KEY``) > file > default.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from levercap.config.breaker import BreakerConfig
from levercap.config.reading import (
    EntryRule,
    Rule,
    build,
    merge,
    read_environment,
    read_toml,
    rename_keys,
    rename_nested,
)
from levercap.config.rules import (
    AboveOne,
    AtLeastOne,
    Count,
    Date,
    NotNegative,
    Positive,
    Probability,
    Seed,
    Share,
    UnknownPlace,
)
from levercap.config.switches import default_switches, switch_problem
from levercap.core.errors import ConfigError

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

ALIASES: Final[Mapping[str, str]] = {"forecast.lean_penalty": "forecast.tail_state_penalty"}
"""Renamed keys: old name -> present name, both ``section.key``; the old ones are still read."""


@dataclass(frozen=True)
class MarketConfig:
    """What counts as a defect of the market data."""

    stale_hours: Count = 3
    """A symbol whose last bar closed more than this many hours before `as_of` is stale; no forecast outlives three."""
    max_age_hours: Count = 3
    """Scoring refuses a market whose last bar closed more than this many hours before `as_of`."""
    unit_jump_ratio: AboveOne = 8.0
    """A close-to-open ratio of adjacent bars at or above this (or below its inverse) is reported as a unit jump."""
    price_tolerance: Probability = 1e-6
    """A high below, or a low above, another price of its bar by at most this fraction is widened to it; a bar that
    contradicts itself by more is disputed and left out."""
    bad_rows_share: Probability = 0.2
    """Above this share of bad rows in a table the meaning of the table is in doubt, and the market is refused. In bars
    the symbol with the most bad rows is left out of the share where there are others."""
    history_share: Share = 0.95
    """A symbol with fewer hours than this share of what its bundle knew is scored with remembered levels, too."""
    tier_carry_days: NotNegative = 30.0
    """Leverage tiers that a bundle knew and the market lacks are carried for so long after the training."""
    tier_loosening: AtLeastOne = 2.0
    """Tiers milder than a bundle remembers by more than this factor, in rates or notionals, are not believed."""


@dataclass(frozen=True)
class ForecastConfig:
    """The forecasting models."""

    seed: Seed = 7
    """Seed of the learners."""
    ridge_penalty: Positive = 10.0
    """Penalty of the ridge regression on standardised features."""
    boosting_rounds: Count = 250
    """Trees of the LightGBM learner."""
    boosting_leaves: Annotated[int, Rule(lambda n: n >= 2, "a whole number, 2 or above")] = 15
    """Leaves per tree: small, since neighbouring days carry nearly the same information."""
    recency_half_life_days: Positive = 730.0
    """A training row this old counts half."""
    tail_shrinkage: NotNegative = 1000.0
    """Own history of n outcomes gets weight n / (n + this) against the pooled tail."""
    tail_state_penalty: Positive = 1.0
    """Penalty on how strongly the tail depends on the state of the market."""


@dataclass(frozen=True)
class ScenarioConfig:
    """The joint scenarios."""

    count: Count = 1000
    """Target number of scenarios: blocks with tail events are kept whole, others thinned and weighted."""
    seed: Seed = 7
    """Seed of thinning and of borrowed residuals."""


@dataclass(frozen=True)
class ProfileConfig:
    """Risk profile of one segment."""

    max_leverage: Positive
    """Hard cap on leverage."""
    loss_threshold: Positive
    """Largest part of equity that the path ES at 97.5 % may take."""


@dataclass(frozen=True)
class PolicyConfig:
    """Budgets and caps that turn risk numbers into limits."""

    liquidation_probability: Probability = 0.01
    """Budget for the probability of being liquidated within the horizon."""
    insolvency_budget: Positive = 0.001
    """Budget for expected bad debt within the horizon, per unit of gross notional."""
    maintenance_margin_rate: Share = 0.005
    """Used where the venue's tiers state none."""
    closing_cost: NotNegative = 0.001
    """Fee and slippage of closing, per unit of gross notional."""
    stressed_weight: Share = 0.25
    """Weight of the stressed window in the long-memory floor (EMIR RTS 153/2013 Art. 28 b)."""
    stressed_quantile: Probability = 0.95
    """Quantile of a symbol's own past scale forecasts that stands for its stressed window."""
    shock_barrier: Positive = 0.10
    """Loss per unit of gross notional that an account's `shock_probability` refers to."""
    missing_tier_max_leverage: Positive = 10.0
    """Tier cap of a symbol for which a venue that has tiers states none."""
    missing_tier_maintenance_share: Share = 0.5
    """Maintenance margin of such a symbol as a share of its initial margin."""
    fallback_max_leverage: Positive = 1.0
    """Ceiling of every limit that could not be computed from complete data."""
    fallback_share: Share = 0.05
    """The fallback begins where more than this share of gross notional is in symbols that are not scored from data."""
    warn_share: Share = 0.9
    """An account above this share of its limit is warned."""
    reduce_multiple: AtLeastOne = 5.0
    """A liquidation probability above this many times its budget asks for reduction."""
    reference_symbols: Count = 5
    """An account without a position is assessed on both sides of this many symbols, those of the highest turnover."""
    symbol_limit_notional: Positive = 1000.0
    """Notional of the fresh position that symbol limits are for, quote currency."""
    constraints: Annotated[Mapping[str, bool], EntryRule(switch_problem)] = field(default_factory=default_switches)
    """One switch per constraint; the cap of one that is off is infinite, its column remains."""
    profiles: Mapping[str, ProfileConfig] = field(
        default_factory=lambda: {
            "retail": ProfileConfig(max_leverage=25.0, loss_threshold=0.9),
            "professional": ProfileConfig(max_leverage=50.0, loss_threshold=0.95),
            "institutional": ProfileConfig(max_leverage=100.0, loss_threshold=1.0),
        }
    )
    """One profile per segment; a segment without one gets the strictest."""
    jurisdiction_caps: Mapping[str, Mapping[str, Positive]] = field(
        default_factory=lambda: {"EU": {"retail": 2.0}, "EEA": {"retail": 2.0}, "UK": {"retail": 2.0}}
    )
    """Hard caps by jurisdiction and segment, for example 2:1 for EU retail crypto (ESMA). A key is a country of ISO
    3166 or the group `EU` or `EEA`; the smallest cap of all that hold in a place counts."""
    unknown_jurisdiction: UnknownPlace = "strictest"
    """Cap of an account whose jurisdiction is empty or names no place: `strictest`, the smallest of all jurisdictions
    for its segment, or `none`."""
    default_jurisdiction: str = "none"
    """Jurisdiction of every account of a book without that column; `none`: no cap of a jurisdiction."""


@dataclass(frozen=True)
class GuardrailConfig:
    """Bounds on how a limit may change from one scoring to the next."""

    max_rise_per_day: NotNegative = 0.20
    """Largest relative rise of a limit per day; a cut takes effect at once."""
    hysteresis: NotNegative = 0.05
    """A rise smaller than this share of the previous limit is not made."""
    longest_rise_days: Positive = 365.0
    """Rises are compounded over at most this many days."""
    previous_age_days: NotNegative = 1.0
    """Age of a previous limit that states no time."""
    hold_hours: NotNegative = 24.0
    """A limit is held while the data of a symbol are out for at most this long; over as long again it decays."""


@dataclass(frozen=True)
class MarketSimulation:
    """The embedded simulated market."""

    symbols: Count = 12
    """Number of coins."""
    days: Count = 1096
    """Length of the market."""
    start: Date = "2022-01-01"
    """First day."""
    seed: Seed = 7
    """The same seed gives the same market."""


@dataclass(frozen=True)
class BookSimulation:
    """The embedded simulated book."""

    accounts: Count = 5000
    """Number of accounts."""
    seed: Seed = 7
    """The same seed gives the same book."""


@dataclass(frozen=True)
class Config:
    """Everything a run depends on besides its data."""

    market: MarketConfig = field(default_factory=MarketConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    scenarios: ScenarioConfig = field(default_factory=ScenarioConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    guardrails: GuardrailConfig = field(default_factory=GuardrailConfig)
    breaker: BreakerConfig = field(default_factory=BreakerConfig)
    simulated_market: MarketSimulation = field(default_factory=MarketSimulation)
    simulated_book: BookSimulation = field(default_factory=BookSimulation)

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dictionary, keys as in the TOML file."""
        return dataclasses.asdict(self)

    def config_hash(self) -> str:
        """Sha256 over the effective configuration, 16 hex digits."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_config(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    defaults: Config | None = None,
) -> Config:
    """Effective configuration from file, environment and flags; raises ConfigError with every problem at once.

    Parameters
    ----------
    path : TOML file, or None for the defaults
    environment : variables to look through; None for the process's own
    overrides : dotted names (``"policy.closing_cost"``) and values, as given by flags
    defaults : what holds where nothing is given, for example a bundle's configuration; None for ``Config()``
    """
    problems: list[str] = []
    defaults = Config() if defaults is None else defaults
    tree = rename_nested(read_toml(path) if path is not None else {}, ALIASES, str(path), problems)
    variables = read_environment(os.environ if environment is None else environment)
    for values, source in ((variables, "the environment"), (overrides or {}, "flags")):
        merge(tree, rename_keys(values, ALIASES, source, problems), defaults.as_dict(), source, problems)
    return _checked(tree, problems, defaults)


def config_from_dict(tree: Mapping[str, Any]) -> Config:
    """Configuration from ``Config.as_dict`` of this or an earlier version; raises ConfigError with every problem."""
    problems: list[str] = []
    return _checked(rename_nested(tree, ALIASES, None, problems), problems, Config())


def _checked(tree: Mapping[str, Any], problems: list[str], defaults: Config) -> Config:
    config = build(Config, tree, "", problems, defaults)
    if problems:
        raise ConfigError("\n".join(["the configuration has problems:", *(f"  {p}" for p in problems)]))
    assert isinstance(config, Config)
    return config
