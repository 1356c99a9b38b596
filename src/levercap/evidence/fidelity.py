"""Fidelity of a bundle to its recipe: the tails its models forecast beside those of the recipe's out-of-sample history.

Both are forecasts of the same losses by the same recipe, one refit apart, so that a tenth can be seen in 90 days where
outcomes alone would need years. The days are the last of the training: the models have seen them, which is of no help
to a factor or a broken column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.evidence.checks import Check

__all__ = ["FidelityRule", "fidelity_checks"]

KEYS = ["as_of", "symbol", "side", "level"]
NUMBERS = ("var", "es", "path_var", "path_es")


@dataclass(frozen=True)
class FidelityRule:
    """Bounds of log ratios, models over history: medians over days and symbols.

    Attributes
    ----------
    mildest, strictest : of the mean over VaR and ES, end and path, sides and levels
    mildest_cell, strictest_cell : of each of these alone
    mildest_symbol, strictest_symbol : of the mean of each symbol
    smallest_share : of the forecasts of the history, those that the models must have made too
    smallest_days : fewer days in common decide nothing
    """

    mildest: float = -0.075
    strictest: float = 0.25
    mildest_cell: float = -0.20
    strictest_cell: float = 0.45
    mildest_symbol: float = -0.20
    strictest_symbol: float = 0.60
    smallest_share: float = 0.99
    smallest_days: int = 30


def fidelity_checks(models: pd.DataFrame, history: pd.DataFrame, rule: FidelityRule | None = None) -> list[Check]:
    """Checks of the tails of a bundle's models against those of its recipe's history.

    Parameters
    ----------
    models, history : tails frames: as_of, symbol, side, level, var, es, path_var, path_es; the instants in both count
    """
    rule = FidelityRule() if rule is None else rule
    known = history[history["as_of"].isin(models["as_of"].unique())]
    both = models.merge(known, on=KEYS, suffixes=("", "_history"))
    days = both["as_of"].nunique()
    window = f"the last {days} days of the training"
    checks = [
        Check("days in common with the history of the recipe", window, days, rule.smallest_days),
        Check("share of the history's forecasts made", window, len(both) / max(len(known), 1), rule.smallest_share),
        Check("forecasts that are unusable", window, _unusable(both), high=0.0),
    ]
    if not len(both):
        return checks
    ratios = _log_ratios(both)
    cells = ratios.groupby([both["side"], both["level"]]).median()
    checks.append(Check("log ratio to the history, mean", window, _mean(cells), rule.mildest, rule.strictest))
    for name in NUMBERS:
        for side, level, value in cells[name].reset_index().itertuples(index=False):
            title = f"log ratio to the history, {name} {side} {level:g}"
            checks.append(Check(title, window, float(value), rule.mildest_cell, rule.strictest_cell))
    by_symbol = ratios.groupby(both["symbol"]).median().mean(axis=1)
    ends = {"mildest": by_symbol.idxmin(), "strictest": by_symbol.idxmax()}
    for which, symbol in ends.items():
        title = f"log ratio to the history, {which} symbol"
        value = float(by_symbol.loc[str(symbol)])
        checks.append(Check(title, window, value, rule.mildest_symbol, rule.strictest_symbol, str(symbol)))
    return checks


def _unusable(both: pd.DataFrame) -> int:
    """Rows of the models with a VaR or ES that is not above zero and finite: the medians would pass over them."""
    values = both[list(NUMBERS)].to_numpy(dtype=float)
    return int((~((values > 0) & np.isfinite(values)).all(axis=1)).sum())


def _log_ratios(both: pd.DataFrame) -> pd.DataFrame:
    """(rows, VaR and ES of end and path) log ratios; what is not above zero is NaN."""
    columns = {}
    for name in NUMBERS:
        mine, other = (both[f"{name}{end}"].to_numpy(dtype=float) for end in ("", "_history"))
        usable = (mine > 0) & (other > 0) & np.isfinite(mine) & np.isfinite(other)
        columns[name] = np.log(np.where(usable, mine, np.nan) / np.where(usable, other, 1.0))
    return pd.DataFrame(columns, index=both.index)


def _mean(cells: pd.DataFrame) -> float:
    values = cells.to_numpy(dtype=float)
    return float(values.mean()) if np.isfinite(values).all() else float("nan")
