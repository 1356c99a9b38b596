"""Forecasts that fell faster, or lie lower, than those of sound data do: nothing may rise on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import BoolArray
from levercap.forecast import Forecaster
from levercap.model.listing import EXAMPLES

__all__ = ["DOUBT_HOURS", "DoubtRule", "doubt_finding", "doubtful_forecasts"]

DOUBT_HOURS = 24
"""Hours between the two forecasts that are compared."""


@dataclass(frozen=True)
class DoubtRule:
    """When the volatility forecast of a symbol is doubtful.

    Attributes
    ----------
    smallest_ratio : to the forecast of `DOUBT_HOURS` before, by the same models. On perpetuals of 2021 to 2025-06, 6 of
        42,600 symbol-days were below
    smallest_share : of the symbol's own slow volatility (half-life 180 days). 18 of 26,800 symbol-days were below
    """

    smallest_ratio: float = 0.55
    smallest_share: float = 0.3


def doubtful_forecasts(
    forecaster: Forecaster, features: pd.DataFrame, earlier: pd.DataFrame, rule: DoubtRule | None = None
) -> pd.DataFrame:
    """Volatility forecasts that fell too fast or lie too low: symbol, ratio, share; one row per doubtful symbol.

    Parameters
    ----------
    features, earlier : feature tables of two instants `DOUBT_HOURS` apart, as seen at the later one. A symbol without
        features at the earlier one is compared with its own slow volatility only
    """
    rule = DoubtRule() if rule is None else rule
    now, before = (_volatility(forecaster, table) for table in (features, earlier))
    slow = np.exp(features.set_index("symbol")["slow_level"].reindex(now.index))
    found = pd.DataFrame({"ratio": now / before.reindex(now.index), "share": now / slow})
    doubtful = (found["ratio"] < rule.smallest_ratio) | (found["share"] < rule.smallest_share)
    return found[doubtful].rename_axis("symbol").reset_index()


def _volatility(forecaster: Forecaster, features: pd.DataFrame) -> pd.Series[float]:
    """Forecasts by symbol, without what strictness adds to them."""
    if not len(features):
        return pd.Series(dtype=float)
    return forecaster.predict(features).forecasts.set_index("symbol")["volatility"]


def doubt_finding(symbols: pd.DataFrame, rule: DoubtRule | None = None) -> tuple[Finding, ...]:
    """A warning that names the doubtful symbols of a snapshot, the largest by turnover first; empty without any."""
    rule = DoubtRule() if rule is None else rule
    if "doubtful" not in symbols:
        return ()
    doubtful: BoolArray = symbols["doubtful"].to_numpy(dtype=bool)
    if not doubtful.any():
        return ()
    named = symbols[doubtful].sort_values(["turnover", "symbol"], ascending=[False, True])
    message = (
        f"the volatility forecast is below {rule.smallest_ratio:g} of that of {DOUBT_HOURS} hours before, or below "
        f"{rule.smallest_share:g} of the symbol's own slow volatility: no limit rises on these symbols"
    )
    examples = tuple(f"{row.symbol}: {row.volatility:.2%} per 24 h" for row in named.head(EXAMPLES).itertuples())
    hint = "compare the bars of the last days with another source"
    return (Finding("symbol_doubtful", Severity.WARNING, "forecast", message, len(named), examples, hint),)
