"""Tail: VaR and ES ratios of standardised losses, by filtered historical simulation shrunk to the panel."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from levercap.core.horizon import DAY, Horizon
from levercap.core.names import KINDS, LEVELS, FloatArray, Side
from levercap.core.outcomes import loss_column
from levercap.forecast.recipe import RECIPE

__all__ = [
    "ROWS",
    "Row",
    "ShrunkTail",
    "losses_table",
    "standardise",
    "tail_column",
    "tails_table",
]

Row = tuple[Side, str, float]
"""Side, kind and level."""

ROWS: tuple[Row, ...] = tuple((side, kind, level) for side in Side for kind in KINDS for level in LEVELS)
"""Every tail that is forecast."""

SIDES_KINDS = tuple((side, kind) for side in Side for kind in KINDS)

POOLED = ""
"""Symbol of the rows of the pooled tail."""


def standardise(
    outcomes: pd.DataFrame, volatility: FloatArray, end_volatility: FloatArray | None = None
) -> pd.DataFrame:
    """Losses in units of the volatility forecast made before them: z = loss / volatility, same columns.

    Losses at the end of the horizon are divided by `end_volatility`, where there is one.
    """
    end = volatility if end_volatility is None else end_volatility
    units = {"path": volatility, "end": end}
    columns = {loss_column(side, kind): outcomes[loss_column(side, kind)] / units[kind] for side, kind in SIDES_KINDS}
    return pd.DataFrame(columns, index=outcomes.index).assign(symbol=outcomes["symbol"])


def tail_column(side: Side, kind: str, level: float) -> str:
    """Column of the VaR of one side, kind and level, for example ``path_long_975``."""
    return f"{loss_column(side, kind)}_{round(1000 * level)}"


class ShrunkTail(BaseEstimator):  # type: ignore[misc]
    """Expanding filtered historical simulation per symbol, shrunk to the pooled tail with weight n / (n + shrinkage).

    VaR ratio: empirical quantile of z at the level; ES ratio: mean of z at or beyond it (Barone-Adesi et al. 1999 for
    the filtering). Separately for long and short, end and path. Unseen symbols get the pooled ratios.
    """

    def __init__(
        self,
        shrinkage: float = RECIPE.tail.b1_shrinkage,
        smallest_own_sample: int = RECIPE.tail.smallest_own_sample,
    ) -> None:
        self.shrinkage = shrinkage
        self.smallest_own_sample = smallest_own_sample

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit on standardised losses: columns symbol, long, short, path_long, path_short; NaN rows are left out."""
        rows = []
        own = {str(symbol): group for symbol, group in Z.groupby("symbol", sort=True)}
        for side, kind in SIDES_KINDS:
            column = loss_column(side, kind)
            pooled = np.sort(Z[column].dropna().to_numpy())
            for level in LEVELS:
                var, es = tail_ratios(pooled, level)
                rows.append((POOLED, side, kind, level, var, es, len(pooled)))
                for symbol, group in own.items():
                    z = np.sort(group[column].dropna().to_numpy())
                    n = len(z) if len(z) > self.smallest_own_sample else 0
                    share = n / (n + self.shrinkage) if n else 0.0
                    own_var, own_es = tail_ratios(z, level) if n else (0.0, 0.0)
                    mixed = (share * own_var + (1 - share) * var, share * own_es + (1 - share) * es)
                    rows.append((symbol, side, kind, level, *mixed, len(z)))
        names = ["symbol", "side", "kind", "level", "var_ratio", "es_ratio", "outcomes"]
        self.ratios_ = pd.DataFrame(rows, columns=names).astype({"symbol": "str", "side": "str", "kind": "str"})
        return self

    def ratios(self, symbols: pd.Series[str], side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of each symbol; the pooled ones where a symbol was not seen."""
        r = self.ratios_
        table = r[(r["side"] == side) & (r["kind"] == kind) & (r["level"] == level)].set_index("symbol")
        found = table.reindex(symbols)[["var_ratio", "es_ratio"]].to_numpy()
        found = np.where(np.isnan(found), table.loc[[POOLED], ["var_ratio", "es_ratio"]].to_numpy(), found)
        return found[:, 0], found[:, 1]

    def row_ratios(self, forecasts: pd.DataFrame, side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of the rows of `forecasts`."""
        return self.ratios(forecasts["symbol"], side, kind, level)

    def predict(self, forecasts: pd.DataFrame, horizon: Horizon = DAY) -> pd.DataFrame:
        """Tails table from volatility forecasts, as `tails_table` makes it."""
        return tails_table(self, forecasts, horizon)


class Tail(Protocol):
    """What gives VaR and ES in units of volatility for the rows of a forecast frame."""

    def row_ratios(self, forecasts: pd.DataFrame, side: Side, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios."""


def losses_table(tail: Tail, forecasts: pd.DataFrame) -> pd.DataFrame:
    """VaR and ES of every row, one column per side, kind and level (``long_975``, ``long_975_es``, ...), same index.

    Of numbers that contradict each other the larger one holds: ES is no smaller than VaR, nothing is smaller at a
    higher level, and no path is milder than its end.
    """
    values: dict[str, FloatArray] = {}
    for side, kind, level in ROWS:
        var, es = (ratio * _unit(forecasts, kind) for ratio in tail.row_ratios(forecasts, side, kind, level))
        milder = [(side, kind, lower) for lower in LEVELS if lower < level]
        milder += [(side, "end", level)] if kind == "path" else []
        for row in milder:
            var = np.maximum(var, values[tail_column(*row)])
            es = np.maximum(es, values[f"{tail_column(*row)}_es"])
        name = tail_column(side, kind, level)
        values[name], values[f"{name}_es"] = var, np.maximum(var, es)
    return pd.DataFrame(values, index=forecasts.index)


def tails_table(tail: Tail, forecasts: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Tails table (as_of, symbol, horizon_hours, side, level, var, es, path_var, path_es) from volatility forecasts.

    `forecasts` has columns as_of, symbol, volatility (per 24 h) and, where losses at the end have their own unit,
    end_volatility. Losses are fractions of the price at `as_of`.
    """
    losses = losses_table(tail, forecasts)
    parts = []
    for side in Side:
        for level in LEVELS:
            part = forecasts[["as_of", "symbol"]].assign(horizon_hours=horizon.hours, side=str(side), level=level)
            for kind, prefix in (("end", ""), ("path", "path_")):
                name = tail_column(side, kind, level)
                part[f"{prefix}var"], part[f"{prefix}es"] = losses[name], losses[f"{name}_es"]
            parts.append(part)
    tails = pd.concat(parts, ignore_index=True).astype({"side": "str"})
    return tails.sort_values(["as_of", "symbol", "side", "level"], kind="stable", ignore_index=True)


def _unit(forecasts: pd.DataFrame, kind: str) -> FloatArray:
    own = kind == "end" and "end_volatility" in forecasts
    return forecasts["end_volatility" if own else "volatility"].to_numpy(dtype=float)


def tail_ratios(ascending: FloatArray, level: float) -> tuple[float, float]:
    """Empirical quantile at `level` and mean at or beyond it, of values sorted ascending."""
    var = float(np.quantile(ascending, level))
    return var, float(ascending[ascending >= var].mean())
