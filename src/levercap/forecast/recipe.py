"""Recipe: the tuning constants of the forecasting models, frozen, written into every bundle and hashed with it.

What a risk committee may change stands in the configuration (`ForecastConfig`, `ScenarioConfig`); what was tuned with
the models and changes only with them stands here. Constants of numerics alone are not part of it and stay beside the
code that needs them: iteration limits, tolerances, search grids and guards against division by zero. Nor are the
baselines that we are compared with, whose constants define them and which no bundle holds, and the names of columns,
levels and barriers, which are the contract of the output.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from levercap.config import ForecastConfig
from levercap.core.errors import BundleError
from levercap.core.horizon import DAY, Horizon
from levercap.core.names import LEVELS

__all__ = [
    "RECIPE",
    "BlockRecipe",
    "ChoiceRecipe",
    "ForecastSpec",
    "GuardRecipe",
    "HistoryRecipe",
    "Recipe",
    "ScaleRecipe",
    "ShockRecipe",
    "TailRecipe",
    "recipe_from_dict",
]


@dataclass(frozen=True)
class HistoryRecipe:
    """Out-of-sample histories and what they must hold before a model is fitted.

    Attributes
    ----------
    refit_months : months on whose first day the models of the past are refitted
    smallest_training_rows : symbol-days with a known outcome before a scale model is fitted
    smallest_tail_rows : symbol-days with a known standardised loss before a tail model is fitted
    smallest_outcomes : out-of-sample outcomes before our own models are preferred to the baseline, and before the
        baseline is fitted
    """

    refit_months: tuple[int, ...] = (1, 7)
    smallest_training_rows: int = 1000
    smallest_tail_rows: int = 500
    smallest_outcomes: int = 500


@dataclass(frozen=True)
class ScaleRecipe:
    """Volatility models (`forecast.scale`).

    Attributes
    ----------
    volatility_weight, range_weight, upside_weight : of the three targets in the blend, in logs
    smallest_volatility : floor of a realised volatility, or of a range, before its log is taken
    smallest_rise : added to the path loss of shorts before its log is taken
    displacements : prefixes of the features that range and upside are learned without
    clip : standardised features of the ridge regression are clipped at plus and minus this
    largest_missing_share : features missing in more of the training rows are left out of the ridge regression
    learning_rate, feature_share, row_share, leaf_penalty, bins : of the gradient-boosted trees
    training_rows_per_leaf_row, smallest_leaf, largest_leaf : a leaf holds at least one row per this many training rows,
        within these bounds
    """

    volatility_weight: float = 0.4
    range_weight: float = 0.3
    upside_weight: float = 0.3
    smallest_volatility: float = 1e-4
    smallest_rise: float = 0.004
    displacements: tuple[str, ...] = ("move_", "market_move_", "common_move_")
    clip: float = 4.0
    largest_missing_share: float = 0.1
    learning_rate: float = 0.03
    feature_share: float = 0.5
    row_share: float = 0.7
    leaf_penalty: float = 10.0
    bins: int = 127
    training_rows_per_leaf_row: int = 50
    smallest_leaf: int = 20
    largest_leaf: int = 200

    @property
    def target_weights(self) -> dict[str, float]:
        """Weight of each target in the blend, in the order of the columns of `scale.targets`."""
        return {"volatility": self.volatility_weight, "range": self.range_weight, "upside": self.upside_weight}


@dataclass(frozen=True)
class TailRecipe:
    """Tail models (`forecast.tail`).

    Attributes
    ----------
    end_memory : weight of B1, in logs, in the volatility that losses at the end of the horizon are measured in: the
        return over the whole horizon has longer memory than the worst move within it
    smallest_own_sample : outcomes of a symbol, at most, with which it gets the pooled tail alone
    b1_shrinkage : shrinkage of the tail of the baseline B1
    state : features the tail depends on: which way the market went, where its variance sits, how high the symbol
        stands, and how much of the moves is shared
    clip : the standardised state is clipped at plus and minus this
    largest_effect : bound of the log effect of the state on VaR, and on the excess of ES over VaR
    smallest_days : days of outcomes before the tail depends on the state
    excess_penalty : penalty on the coefficients of the excess of ES over VaR, in units of that of VaR
    """

    end_memory: float = 0.3
    smallest_own_sample: int = 100
    b1_shrinkage: float = 500.0
    state: tuple[str, ...] = ("market_return_7d", "downside_share_7d", "run_up_30d", "common_share_7d")
    clip: float = 3.0
    largest_effect: float = 2.0
    smallest_days: int = 365
    excess_penalty: float = 10.0


@dataclass(frozen=True)
class GuardRecipe:
    """Coverage guard of the tail (`forecast.tail.guard`).

    Attributes
    ----------
    days : length of the evidence
    smallest_days : days with outcomes below which there is no evidence
    block_days : days per block of the standard error
    shrinkage : the log factor is shrunk by ``max(0, 1 - shrinkage / t^2)``
    smallest_unshrunk : floor of the factor before it is shrunk
    smallest_factor, largest_factor : bounds of the factor
    """

    days: int = 730
    smallest_days: int = 365
    block_days: int = 20
    shrinkage: float = 3.0
    smallest_unshrunk: float = 0.1
    smallest_factor: float = 0.9
    largest_factor: float = 2.0


@dataclass(frozen=True)
class ShockRecipe:
    """Shock models (`forecast.shock`).

    Attributes
    ----------
    smallest_probability, largest_probability : bounds of every probability
    smallest_events : events, and non-events, of a side and barrier below which nothing is learned about it
    smallest_slope : a calibration with a smaller slope is not used
    intercept_deviation, slope_deviation : prior standard deviations of the calibration's intercept and of its slope
        less one
    rounds, leaves, seed, learning_rate, smallest_leaf, leaf_penalty, feature_share, row_share, bins : of the
        gradient-boosted trees of the residual
    directed : features whose sign changes with the side
    shares : shares of variance, mirrored at a half with the side
    extension_windows : windows of run-up and drawdown, exchanged with the side
    undirected : features that are the same for both sides
    market_share : share of the symbols that a market-wide shock hits
    market_smallest_symbols : symbols below which an instant has no market
    """

    smallest_probability: float = 1e-4
    largest_probability: float = 0.999
    smallest_events: int = 50
    smallest_slope: float = 0.1
    intercept_deviation: float = 0.05
    slope_deviation: float = 0.1
    rounds: int = 100
    leaves: int = 7
    seed: int = 7
    learning_rate: float = 0.03
    smallest_leaf: int = 2000
    leaf_penalty: float = 100.0
    feature_share: float = 0.3
    row_share: float = 0.7
    bins: int = 63
    directed: tuple[str, ...] = ("return_24h", "return_7d", "return_30d")
    shares: tuple[str, ...] = ("downside_share_24h", "downside_share_7d")
    extension_windows: tuple[str, ...] = ("3d", "7d", "30d", "90d")
    undirected: tuple[str, ...] = (
        "largest_hour_share_24h",
        "turnover_24h",
        "turnover_7d",
        "turnover_trend",
        "realised_volatility_6h",
        "realised_volatility_24h",
        "realised_volatility_7d",
        "age",
        "slow_level",
    )
    market_share: float = 0.3
    market_smallest_symbols: int = 5


@dataclass(frozen=True)
class BlockRecipe:
    """Joint scenario blocks (`forecast.scenarios`).

    Attributes
    ----------
    tail_share : a block is a tail block of a symbol and side when it lies in this worst share
    base_inclusion, severity_inclusion : inclusion of a block in thinning is proportional to the first plus the second
        times the share of symbols and sides of which it is a tail block
    match_level : level at which the path ES of the scenarios is matched to the tail model, one of `LEVELS`
    """

    tail_share: float = 0.05
    base_inclusion: float = 0.15
    severity_inclusion: float = 8.0
    match_level: float = LEVELS[0]

    def __post_init__(self) -> None:
        if self.match_level not in LEVELS:
            raise ValueError(f"BlockRecipe.match_level must be one of {LEVELS}, got {self.match_level!r}")


@dataclass(frozen=True)
class ChoiceRecipe:
    """Choice between our own models and the baseline (`model.choice`).

    Attributes
    ----------
    evidence_days : length of the evidence
    smallest_days : days with a score below which there is no evidence
    critical : t value of the one-sided test; 1.645 is 5 %: a method that is no worse than the baseline falls back in
        about one refit in twenty
    """

    evidence_days: int = 365
    smallest_days: int = 180
    critical: float = 1.645


@dataclass(frozen=True)
class Recipe:
    """Tuning constants of all forecasting models."""

    history: HistoryRecipe = HistoryRecipe()
    scale: ScaleRecipe = ScaleRecipe()
    tail: TailRecipe = TailRecipe()
    guard: GuardRecipe = GuardRecipe()
    shock: ShockRecipe = ShockRecipe()
    blocks: BlockRecipe = BlockRecipe()
    choice: ChoiceRecipe = ChoiceRecipe()

    def as_dict(self) -> dict[str, Any]:
        """Plain nested values, as in ``recipe.json``."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    def recipe_hash(self) -> str:
        """Sha256 over all constants, 16 hex digits."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


RECIPE: Final = Recipe()
"""The recipe of this version, and of every bundle written before recipes were."""


@dataclass(frozen=True)
class ForecastSpec:
    """What a forecaster is fitted with: settings, recipe, and the horizon it looks ahead."""

    config: ForecastConfig
    recipe: Recipe = RECIPE
    horizon: Horizon = DAY


def recipe_from_dict(content: Mapping[str, Any]) -> Recipe:
    """Recipe from `Recipe.as_dict`; raises BundleError for a constant that is not known here."""
    parts = {part.name: getattr(RECIPE, part.name) for part in dataclasses.fields(Recipe)}
    unknown = [name for name in content if name not in parts]
    for name, part in parts.items():
        known = {field.name for field in dataclasses.fields(part)}
        given = content.get(name, {})
        unknown += [f"{name}.{key}" for key in given if key not in known]
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items() if key in known}
        parts[name] = dataclasses.replace(part, **values)
    if unknown:
        raise BundleError(f"the recipe has unknown constants: {', '.join(sorted(unknown))}; install a newer levercap")
    return Recipe(**parts)
