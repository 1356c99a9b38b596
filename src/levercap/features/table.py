"""The feature table: one row per origin and symbol, made only of what was known at the origin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.core.panel import CARRY_HOURS, Panel
from levercap.features.catalogue import CHOSEN, EXTENSIONS
from levercap.features.cross_section import calendar_features, cross_section_features
from levercap.features.returns import Ingredients, ingredients
from levercap.features.stress import stress_features
from levercap.features.volatility import slow_level, volatility_features

__all__ = ["KEYS", "feature_table"]

KEYS = ("as_of", "symbol")


def feature_table(panel: Panel, origins: pd.DatetimeIndex, extended: bool = False) -> pd.DataFrame:
    """Features as of each origin, one row per origin and symbol that traded within the last three hours.

    Columns: as_of, symbol, then the features that models learn from, or with `extended` all there are
    (``docs/features.md``), float64, NaN where not known. Features of a table that the panel lacks are left out.
    Symbols with fewer than 20 days of history have no row, and no symbol has one at an origin more than three hours
    after the panel's end. Row values depend only on ``panel.until(as_of)``.
    """
    rows = np.array([panel.rows_known(t) for t in origins], dtype=np.int64) - 1
    if (rows < 0).any():
        raise ValueError(f"the market starts at {panel.start}, after the first origin {origins[0]}")
    x = ingredients(panel)
    slow = slow_level(x)
    bar_closed = panel.timestamps[rows] + pd.Timedelta(hours=1)
    fresh = np.asarray(origins - bar_closed <= pd.Timedelta(hours=CARRY_HOURS))
    usable = ~np.isnan(x.price[rows]) & ~np.isnan(slow[rows]) & fresh[:, None]
    which_origin, which_symbol = np.nonzero(usable)
    columns: dict[str, object] = {
        "as_of": origins[which_origin],
        "symbol": np.array(panel.symbols, dtype=object)[which_symbol],
    }
    for name, values in _features(panel, x, slow, extended):
        columns[name] = values[rows][usable]
    return pd.DataFrame(columns).astype({"symbol": "str"})


def _features(panel: Panel, x: Ingredients, slow: FloatArray, extended: bool) -> Iterator[tuple[str, FloatArray]]:
    yield from volatility_features(x, slow)
    yield from stress_features(x, slow)
    yield from cross_section_features(panel, x, slow)
    yield from calendar_features(panel)
    for extension in EXTENSIONS:
        names = {d.name for d in extension.descriptions}
        wanted = names if extended else names & CHOSEN
        if wanted:
            yield from ((name, values) for name, values in extension.make(panel, x, slow) if name in wanted)
