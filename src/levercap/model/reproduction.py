"""Reproduction: features of days of the training, what happened, and what the models forecast when they were fitted.

A bundle carries them. Models that do not forecast the same when they are read are not those that were trained, whatever
the hashes say; and the promotion gate can run the very models without a market.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.errors import BundleError
from levercap.forecast import Forecast, Forecaster
from levercap.storage.bounded import Kind, read_table, reading
from levercap.storage.out_of_sample import OUT_OF_SAMPLE, OUTCOME_COLUMNS
from levercap.storage.snapshot_bounds import TAIL_COLUMNS

__all__ = ["CHECK_DAYS", "SPREAD_DAYS", "check_reproduction", "check_tables", "read_check_days"]

CHECK_DAYS: Final = 90
"""Midnights before the end of the training whose features are kept."""

SPREAD_DAYS: Final = 365
"""Midnights before these, evenly spread over the training, whose features are kept too."""

ROWS_AT_LOADING: Final = 200
"""Rows forecast again whenever the models are read; spread over all that are kept."""

TOLERANCE: Final = 1e-6
"""Relative; another processor rounds the last digits otherwise."""

FEATURES, OUTCOMES, FORECASTS, TAILS = (
    f"check_{name}.parquet" for name in ("features", "outcomes", "forecasts", "tails")
)
KEYS: Final[Mapping[str, Kind]] = {"as_of": "time", "symbol": "text"}
NUMBERS: Final = ("var", "es", "path_var", "path_es")


def check_tables(forecaster: Forecaster, features: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables ``check_features``, ``check_outcomes``, ``check_forecasts`` and ``check_tails`` of the kept days.

    `features` and `outcomes` are those of the training, aligned.
    """
    days = pd.DatetimeIndex(np.sort(features["as_of"].unique()))
    earlier = days[:-CHECK_DAYS]
    spread = np.unique(np.linspace(0, max(len(earlier) - 1, 0), SPREAD_DAYS).astype(int))
    kept = features["as_of"].isin(days[-CHECK_DAYS:].union(earlier[spread[: len(earlier)]])).to_numpy()
    forecast = forecaster.predict(features[kept].reset_index(drop=True))
    tables = {"features": features[kept], "outcomes": outcomes[kept]}
    tables |= {"forecasts": forecast.forecasts, "tails": forecast.tails}
    return {f"check_{name}": table.reset_index(drop=True).astype({"symbol": "str"}) for name, table in tables.items()}


def read_check_days(bundle_folder: Path) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Features of the days kept in a bundle, and what happened; None in a bundle of an earlier version."""
    folder = bundle_folder / OUT_OF_SAMPLE
    if not (folder / FEATURES).is_file():
        return None
    return read_table(folder / FEATURES, KEYS), read_table(folder / OUTCOMES, OUTCOME_COLUMNS)


def check_reproduction(forecaster: Forecaster, bundle_folder: Path, rows: int | None = ROWS_AT_LOADING) -> None:
    """Forecast some of the kept rows again, None for all of them.

    Raises
    ------
    BundleError
        when a forecast differs from the kept one, or one of the tables is missing
    """
    folder = bundle_folder / OUT_OF_SAMPLE
    names = (FEATURES, OUTCOMES, FORECASTS, TAILS)
    there = [(folder / name).is_file() for name in names]
    if not any(there):
        return
    if not all(there):
        raise BundleError(f"{folder} lacks some of {', '.join(names)}; train the bundle again")
    features = read_table(folder / FEATURES, KEYS)
    forecasts = read_table(folder / FORECASTS, {**KEYS, "volatility": "number"})
    tails = read_table(folder / TAILS, TAIL_COLUMNS)
    with reading(folder):
        chosen = np.unique(np.linspace(0, len(features) - 1, rows).astype(int)) if rows else np.arange(len(features))
        found = forecaster.predict(features.iloc[chosen].reset_index(drop=True))
        _compare(found, Forecast(forecasts, tails), features.iloc[chosen])


def _compare(found: Forecast, kept: Forecast, features: pd.DataFrame) -> None:
    keys = ["as_of", "symbol"]
    asked = features[keys]
    numbers = [str(c) for c in kept.forecasts if c == "volatility" or "probability" in str(c)]
    for what, mine, other, by, columns in (
        ("forecasts", found.forecasts, kept.forecasts, keys, numbers),
        ("tails", found.tails, kept.tails, [*keys, "side", "level"], list(NUMBERS)),
    ):
        wanted = other.merge(asked, on=keys)
        both = wanted.merge(mine, on=by, suffixes=("_kept", ""), how="outer")
        for column in columns:
            before, now = (both[f"{column}{end}"].to_numpy(dtype=float) for end in ("_kept", ""))
            same = np.abs(now - before) <= TOLERANCE * np.abs(before)
            if not same.all():
                row = both[~same].iloc[0]
                raise ValueError(
                    f"the models do not forecast what they did when they were fitted: {int((~same).sum())} of "
                    f"{len(both)} {what} differ in {column}, first {row['symbol']} at {row['as_of']}; train again"
                )
