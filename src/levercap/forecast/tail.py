"""Tail: VaR and ES ratios of standardised losses, by filtered historical simulation shrunk to the panel."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from levercap.vocabulary import HORIZON_HOURS, LEVELS, FloatArray, Side

__all__ = ["LOSSES", "ShrunkTail", "standardise"]

LOSSES = {(side, kind): f"path_{side}" if kind == "path" else str(side) for side in Side for kind in ("end", "path")}
"""Outcome column of each (side, kind)."""

POOLED = ""
SMALLEST_OWN_SAMPLE = 100


def standardise(outcomes: pd.DataFrame, volatility: FloatArray) -> pd.DataFrame:
    """Losses in units of the volatility forecast made before them: z = loss / volatility, same columns."""
    z = outcomes[list(LOSSES.values())].to_numpy() / volatility[:, None]
    return pd.DataFrame(z, columns=list(LOSSES.values()), index=outcomes.index).assign(symbol=outcomes["symbol"])


class ShrunkTail(BaseEstimator):  # type: ignore[misc]
    """Expanding filtered historical simulation per symbol, shrunk to the pooled tail with weight n / (n + shrinkage).

    VaR ratio: empirical quantile of z at the level; ES ratio: mean of z at or beyond it (Barone-Adesi et al. 1999 for
    the filtering). Separately for long and short, end and path. Unseen symbols get the pooled ratios.
    """

    def __init__(self, shrinkage: float = 500.0) -> None:
        self.shrinkage = shrinkage

    def fit(self, Z: pd.DataFrame, y: None = None) -> Self:
        """Fit on standardised losses: columns symbol, long, short, path_long, path_short; NaN rows are left out."""
        rows = []
        own = {str(symbol): group for symbol, group in Z.groupby("symbol", sort=True)}
        for (side, kind), column in LOSSES.items():
            pooled = np.sort(Z[column].dropna().to_numpy())
            for level in LEVELS:
                var, es = tail_ratios(pooled, level)
                rows.append((POOLED, side, kind, level, var, es, len(pooled)))
                for symbol, group in own.items():
                    z = np.sort(group[column].dropna().to_numpy())
                    n = len(z) if len(z) > SMALLEST_OWN_SAMPLE else 0
                    share = n / (n + self.shrinkage) if n else 0.0
                    own_var, own_es = tail_ratios(z, level) if n else (0.0, 0.0)
                    mixed = (share * own_var + (1 - share) * var, share * own_es + (1 - share) * es)
                    rows.append((symbol, side, kind, level, *mixed, len(z)))
        names = ["symbol", "side", "kind", "level", "var_ratio", "es_ratio", "outcomes"]
        self.ratios_ = pd.DataFrame(rows, columns=names).astype({"symbol": "str", "side": "str", "kind": "str"})
        return self

    def ratios(self, symbols: pd.Series[str], side: str, kind: str, level: float) -> tuple[FloatArray, FloatArray]:
        """(rows,) VaR and ES ratios of each symbol; the pooled ones where a symbol was not seen."""
        r = self.ratios_
        table = r[(r["side"] == side) & (r["kind"] == kind) & (r["level"] == level)].set_index("symbol")
        found = table.reindex(symbols)[["var_ratio", "es_ratio"]].to_numpy()
        found = np.where(np.isnan(found), table.loc[[POOLED], ["var_ratio", "es_ratio"]].to_numpy(), found)
        return found[:, 0], found[:, 1]

    def predict(self, forecasts: pd.DataFrame) -> pd.DataFrame:
        """Tails table (as_of, symbol, horizon_hours, side, level, var, es, path_var, path_es) from volatility
        forecasts.

        `forecasts` has columns as_of, symbol, volatility (per 24 h). Losses are fractions of the price at `as_of`.
        """
        parts = []
        volatility = forecasts["volatility"].to_numpy(dtype=float)
        for side in Side:
            for level in LEVELS:
                part = forecasts[["as_of", "symbol"]].assign(horizon_hours=HORIZON_HOURS, side=str(side), level=level)
                for kind, prefix in (("end", ""), ("path", "path_")):
                    var, es = self.ratios(forecasts["symbol"], side, kind, level)
                    part[f"{prefix}var"], part[f"{prefix}es"] = var * volatility, np.maximum(var, es) * volatility
                parts.append(part)
        tails = pd.concat(parts, ignore_index=True).astype({"side": "str"})
        return tails.sort_values(["as_of", "symbol", "side", "level"], kind="stable", ignore_index=True)


def tail_ratios(ascending: FloatArray, level: float) -> tuple[float, float]:
    """Empirical quantile at `level` and mean at or beyond it, of values sorted ascending."""
    var = float(np.quantile(ascending, level))
    return var, float(ascending[ascending >= var].mean())
