"""Walk-forward: a forecaster refitted every month on what was known, and the forecasts of the month that follows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from levercap.config import Config
from levercap.forecast import Forecaster, fit_forecaster
from levercap.forecast.history import Kind
from levercap.model.choice import choose_kind, daily_difference
from levercap.model.dataset import Dataset

__all__ = ["NAMES", "Month", "refits", "walk"]

NAMES: dict[Kind, str] = {"levercap": "levercap", "b1": "B1"}
"""Name of each kind of forecaster in tables and figures."""


@dataclass(frozen=True)
class Month:
    """Origins from `start` up to, not including, `stop` are forecast by a model that saw outcomes known at `start`."""

    start: pd.Timestamp
    stop: pd.Timestamp


def refits(start: pd.Timestamp, stop: pd.Timestamp) -> list[Month]:
    """Refits at `start` and at the first of every month after it."""
    firsts = pd.date_range(start.ceil("D"), stop, freq="MS", inclusive="left", unit="us")
    edges = [start, *firsts[firsts > start], stop]
    return [Month(a, b) for a, b in itertools.pairwise(edges) if a < b]


def walk(
    kind: Kind, data: Dataset, months: list[Month], config: Config, past: Mapping[Kind, pd.DataFrame]
) -> Iterator[tuple[Month, Forecaster]]:
    """Each month with its forecaster, the very one that training until the month's start gives: of the given kind, or
    the baseline where the year before speaks against it. `past` holds the histories of `data`.
    """
    difference = daily_difference(past[kind], past["b1"], data.outcomes)
    for month in months:
        chosen = choose_kind(kind, difference, month.start)
        yield (
            month,
            fit_forecaster(chosen, data.features, data.outcomes, month.start, config.forecast, past[chosen]),
        )
