"""Dataset: features of every daily origin beside what then happened."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from levercap.core.errors import DataError
from levercap.core.horizon import DAY, Horizon
from levercap.core.outcomes import realised_outcomes
from levercap.core.panel import Panel
from levercap.features import feature_table

__all__ = ["Dataset", "build_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of `features` and `outcomes` belong together; outcomes, over `horizon`, that are not known yet are NaN."""

    features: pd.DataFrame
    outcomes: pd.DataFrame
    horizon: Horizon = DAY


def build_dataset(panel: Panel, horizon: Horizon = DAY) -> Dataset:
    """Dataset of every midnight (UTC) the panel knows; the rows of an origin do not depend on later bars, outcomes
    apart.
    """
    origins = panel.origins(panel.start.ceil("D"), panel.end + pd.Timedelta(hours=1))
    if len(origins) == 0:
        raise DataError(f"the market holds no midnight: it runs from {panel.start} to {panel.end}")
    features = feature_table(panel, origins)
    if features.empty:
        raise DataError("no symbol has the 20 days of hourly history that features need")
    keys = features[["as_of", "symbol"]]
    outcomes = realised_outcomes(panel, origins, horizon)
    return Dataset(features, keys.merge(outcomes, on=["as_of", "symbol"], how="left"), horizon)
