"""Rows of evidence tables: models and kinds of loss, in one order and under one name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.evidence.columns import KEY
from levercap.report.figures.drawing import BLUE, RED
from levercap.report.page.formatting import level_name, loss_label

__all__ = ["Key", "head", "kinds_of", "lines_of", "listed", "model_name", "models_of", "pick", "tint", "wash"]

Key = tuple[str, str, float]
"""Side, kind and level."""

NAMES: Final = {
    "hs_250": "historical simulation, 250 days",
    "hs_500": "historical simulation, 500 days",
    "riskmetrics": "RiskMetrics, normal",
    "ewma_fhs": "EWMA, filtered simulation",
    "garch_t": "GARCH, t-distributed",
    "gjr_evt": "GJR-GARCH, extreme values",
    "caviar": "CAViaR",
    "vol_target": "volatility target",
}
"""Models in words, by the name they have in the tables."""


def model_name(model: str) -> str:
    """A model's name as people write it."""
    return NAMES.get(model, model.replace("_", " "))


def models_of(frame: pd.DataFrame) -> list[str]:
    """Models in order of appearance."""
    return [str(name) for name in frame["model"].unique()]


def kinds_of(frame: pd.DataFrame) -> list[Key]:
    """Every (side, kind, level) that occurs, in the order of all tables."""
    distinct = frame[list(KEY[1:])].drop_duplicates().sort_values(list(KEY[1:]))
    return [(str(side), str(kind), float(level)) for side, kind, level in distinct.itertuples(index=False)]


def head(key: Key) -> str:
    """A kind of forecast over the column of a table, in two lines."""
    return f"{key[0]}, {key[1]}\n{level_name(key[2])}"


def pick(frame: pd.DataFrame, key: Key) -> pd.DataFrame:
    """Rows of one (side, kind, level)."""
    side, kind, level = key
    chosen = (frame["side"] == side) & (frame["kind"] == kind) & np.isclose(frame["level"], level)
    return frame[chosen]


def lines_of(frame: pd.DataFrame, name: str, lines: Sequence[object], column: str) -> FloatArray:
    """(lines,) values of `column` where column `name` is each of `lines`; NaN where it is not there."""
    values = frame.drop_duplicates(name).set_index(name)[column]
    return pd.to_numeric(values, errors="coerce").reindex(list(lines)).to_numpy(dtype=np.float64, na_value=np.nan)


def listed(keys: Sequence[Key]) -> str:
    """Kinds of forecast in a sentence."""
    return "; ".join(loss_label(*key) for key in keys)


def tint(value: float, full: float) -> str:
    """CSS of a cell: the bluer the further below zero, the redder the further above, at its strongest at `full`."""
    if not np.isfinite(value) or full <= 0 or value == 0:
        return ""
    return wash(BLUE if value < 0 else RED, 0.55 * min(1.0, abs(value) / full))


def wash(colour: str, strength: float) -> str:
    """CSS of a cell in `colour` thinned with white, so that dark letters stay readable on it."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    red, green, blue = (round(255 + (part - 255) * strength) for part in parts)
    return f"background:#{red:02x}{green:02x}{blue:02x}"
