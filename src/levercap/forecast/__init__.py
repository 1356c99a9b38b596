"""Forecasts: features in, volatility, tails, shock probabilities and joint scenarios out."""

from levercap.forecast.forecaster import Forecast, Forecaster, fit_forecaster
from levercap.forecast.history import METHODS, ForecastMethod, history, known_by, out_of_sample_tails
from levercap.forecast.recipe import RECIPE, ForecastSpec, Recipe
from levercap.forecast.scenarios.blocks import Blocks, fill_missing, match_tail_es, standardised_blocks, thin

__all__ = [
    "METHODS",
    "RECIPE",
    "Blocks",
    "Forecast",
    "ForecastMethod",
    "ForecastSpec",
    "Forecaster",
    "Recipe",
    "fill_missing",
    "fit_forecaster",
    "history",
    "known_by",
    "match_tail_es",
    "out_of_sample_tails",
    "standardised_blocks",
    "thin",
]
