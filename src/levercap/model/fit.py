"""Training recipe: the forecaster and the scenario blocks of a market as they were known at an instant.

Training, walk-forward and replay all fit through this module, so that the models of a month of a walk-forward are those
of the bundle that training until the start of the month gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from levercap.config import Config
from levercap.core.panel import Panel
from levercap.forecast import (
    METHODS,
    RECIPE,
    Blocks,
    Forecaster,
    ForecastMethod,
    ForecastSpec,
    Recipe,
    fill_missing,
    fit_forecaster,
    history,
    match_tail_es,
    standardised_blocks,
    thin,
)
from levercap.model.choice import choose_method, daily_difference
from levercap.model.dataset import Dataset
from levercap.model.snapshots import path_es_ratios

__all__ = ["TrainingInputs", "blocks_at", "forecaster_at", "training_inputs"]


@dataclass(frozen=True, eq=False)
class TrainingInputs:
    """What the models of every instant of a market are fitted from.

    Attributes
    ----------
    panel : bars of the market
    data : features of every midnight and what then happened
    histories : out-of-sample forecasts of the past, aligned with `data`, by forecast method
    config : settings of the models and of the scenarios
    recipe : tuning constants of the models
    """

    panel: Panel
    data: Dataset
    histories: Mapping[ForecastMethod, pd.DataFrame]
    config: Config
    recipe: Recipe = RECIPE

    @property
    def spec(self) -> ForecastSpec:
        """What forecasters are fitted with: settings, recipe and the horizon of the dataset."""
        return ForecastSpec(self.config.forecast, self.recipe, self.data.horizon)

    @cached_property
    def difference(self) -> pd.Series[float]:
        """Mean FZ0 score of the past forecasts of ``levercap`` less that of B1, by day; below zero is better."""
        return daily_difference(self.histories["levercap"], self.histories["b1"], self.data.outcomes)


def training_inputs(panel: Panel, data: Dataset, config: Config, recipe: Recipe = RECIPE) -> TrainingInputs:
    """TrainingInputs of `panel`, whose dataset is `data`."""
    spec = ForecastSpec(config.forecast, recipe, data.horizon)
    histories = {method: history(method, data.features, data.outcomes, spec) for method in METHODS}
    return TrainingInputs(panel, data, histories, config, recipe)


def forecaster_at(inputs: TrainingInputs, method: ForecastMethod, until: pd.Timestamp) -> Forecaster:
    """Forecaster from what was known at `until`: of the given method, or B1 where the evidence of the year before is
    against it (`choose_method`) or the history is too short.
    """
    chosen = choose_method(method, inputs.difference, until, inputs.spec)
    data, past = inputs.data, inputs.histories[chosen]
    return fit_forecaster(chosen, data.features, data.outcomes, until, inputs.spec, past)


def blocks_at(inputs: TrainingInputs, forecaster: Forecaster, until: pd.Timestamp) -> Blocks:
    """Joint blocks of what was known at `until`: thinned, complete, with the path ES of the tail model of `forecaster`.

    Blocks are standardised by the out-of-sample volatility forecasts of the method of `forecaster`.
    """
    scenarios, recipe = inputs.config.scenarios, inputs.recipe.blocks
    past = inputs.histories[forecaster.method]
    known = past.loc[(past["as_of"] < until) & past["volatility"].notna(), ["as_of", "symbol", "volatility"]]
    blocks = standardised_blocks(inputs.panel.until(until), known, inputs.data.horizon)
    blocks = thin(blocks, scenarios.count, scenarios.seed, recipe)
    symbols = pd.Series(blocks.symbols, dtype="str")
    return match_tail_es(fill_missing(blocks, scenarios.seed), path_es_ratios(forecaster, symbols), recipe)
