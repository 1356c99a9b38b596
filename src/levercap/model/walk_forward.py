"""Walk-forward: a forecaster refitted every month on what was known, and the months it then forecasts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from levercap.forecast import Forecaster, ForecastMethod
from levercap.model.fit import TrainingInputs, forecaster_at

__all__ = ["METHOD_NAMES", "Month", "refits", "walk"]

METHOD_NAMES: dict[ForecastMethod, str] = {"levercap": "levercap", "b1": "B1"}
"""Name of each forecast method in tables and figures."""


@dataclass(frozen=True)
class Month:
    """Origins from `start` up to, not including, `stop` are forecast by a model fitted on outcomes known at `start`."""

    start: pd.Timestamp
    stop: pd.Timestamp


def refits(start: pd.Timestamp, stop: pd.Timestamp) -> list[Month]:
    """Refits at `start` and at the first of every month after it."""
    firsts = pd.date_range(start.ceil("D"), stop, freq="MS", inclusive="left", unit="us")
    edges = [start, *firsts[firsts > start], stop]
    return [Month(a, b) for a, b in itertools.pairwise(edges) if a < b]


def walk(inputs: TrainingInputs, method: ForecastMethod, months: Sequence[Month]) -> Iterator[tuple[Month, Forecaster]]:
    """Each month with the forecaster that training until its start gives (`forecaster_at`)."""
    for month in months:
        yield month, forecaster_at(inputs, method, month.start)
