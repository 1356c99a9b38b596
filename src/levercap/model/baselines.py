"""Walk-forward of the baselines: refitted on the same dates as our own forecaster, scored on the same days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from levercap.core.errors import DataError
from levercap.core.progress import Progress, silent
from levercap.forecast.baselines import Baseline, fit_baseline
from levercap.forecast.forecaster import Forecast
from levercap.model.dataset import Dataset
from levercap.model.walk_forward import Month

__all__ = ["walk_baseline", "walk_baselines"]


def walk_baseline(name: str, data: Dataset, months: Iterable[Month]) -> Iterator[tuple[Month, Baseline, Forecast]]:
    """Each month, the baseline fitted on what was known at its start, and its forecasts of the month's midnights.

    The filters are updated every day: the return known at an origin enters the forecast of that origin.
    """
    as_of = data.features["as_of"]
    for month in months:
        baseline = fit_baseline(name, data.features, data.outcomes, month.start)
        rows = ((as_of >= month.start) & (as_of < month.stop)).to_numpy()
        if rows.any():
            yield month, baseline, baseline.predict(data.features[rows], data.outcomes[rows])


def walk_baselines(
    names: Sequence[str],
    data: Dataset,
    months: Sequence[Month],
    progress: Progress = silent,
) -> dict[str, pd.DataFrame]:
    """Tails table of every baseline over the months, by name."""
    done, tails = 0, {}
    for name in names:
        parts = []
        for _, _, forecast in walk_baseline(name, data, months):
            parts.append(forecast.tails)
            done += 1
            progress(done, len(names) * len(months))
        if not parts:
            raise DataError("no symbol could be forecast in the evaluated period")
        tails[name] = pd.concat(parts, ignore_index=True)
    return tails
