"""first thin version"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from levercap.config import MarketConfig
from levercap.errors import Finding
from levercap.market.tables import Table

__all__ = ["clean_tables"]


def clean_tables(
    tables: Mapping[str, Table], findings: Sequence[Finding], config: MarketConfig
) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """Clean."""
    out = {n: t.frame for n, t in tables.items()}
    if "leverage_tiers" in out:
        f = out["leverage_tiers"]
        f = f[f["symbol"].isin(list(out["bars"]["symbol"].unique()))]
        ladder = (f["tier"].to_numpy() == 1).cumsum()
        first = pd.Series(ladder, index=f.index).groupby([f["as_of"], f["symbol"]], observed=True).transform("min")
        f = f[ladder == first.to_numpy()]
        out["leverage_tiers"] = f.assign(symbol=f["symbol"].astype("str")).sort_values(["as_of", "symbol", "tier"], ignore_index=True)
    return out, []
