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
    Blocks,
    Forecaster,
    ForecastMethod,
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
    """

    panel: Panel
    data: Dataset
    histories: Mapping[ForecastMethod, pd.DataFrame]
    config: Config

    @cached_property
    def difference(self) -> pd.Series[float]:
        """Mean FZ0 score of the past forecasts of ``levercap`` less that of B1, by day; below zero is better."""
        return daily_difference(self.histories["levercap"], self.histories["b1"], self.data.outcomes)


def training_inputs(panel: Panel, data: Dataset, config: Config) -> TrainingInputs:
    """TrainingInputs of `panel`, whose dataset is `data`."""
    histories = {method: history(method, data.features, data.outcomes, config.forecast) for method in METHODS}
    return TrainingInputs(panel, data, histories, config)


def forecaster_at(inputs: TrainingInputs, method: ForecastMethod, until: pd.Timestamp) -> Forecaster:
    """Forecaster from what was known at `until`: of the given method, or B1 where the evidence of the year before is
    against it (`choose_method`) or the history is too short.
    """
    chosen = choose_method(method, inputs.difference, until)
    data, past = inputs.data, inputs.histories[chosen]
    return fit_forecaster(chosen, data.features, data.outcomes, until, inputs.config.forecast, past)


def blocks_at(inputs: TrainingInputs, forecaster: Forecaster, until: pd.Timestamp) -> Blocks:
    """Joint blocks of what was known at `until`: thinned, complete, with the path ES of the tail model of `forecaster`.

    Blocks are standardised by the out-of-sample volatility forecasts of the method of `forecaster`.
    """
    scenarios = inputs.config.scenarios
    past = inputs.histories[forecaster.method]
    known = past.loc[(past["as_of"] < until) & past["volatility"].notna(), ["as_of", "symbol", "volatility"]]
    blocks = thin(standardised_blocks(inputs.panel.until(until), known), scenarios.count, scenarios.seed)
    symbols = pd.Series(blocks.symbols, dtype="str")
    return match_tail_es(fill_missing(blocks, scenarios.seed), path_es_ratios(forecaster, symbols))
