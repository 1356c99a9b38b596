"""Forecasts of a fixed bundle over a period, for any symbols of a market, seen in training or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from levercap.core.errors import DataError
from levercap.features import feature_table
from levercap.market import Market
from levercap.model import Bundle
from levercap.storage.atomic import atomic_folder, require_ours, write_json
from levercap.storage.tables import write_parquet

__all__ = ["forecast"]


def forecast(
    bundle: Bundle, market: Market, start: pd.Timestamp, stop: pd.Timestamp, every_hours: int, out: Path
) -> dict[str, Any]:
    """Forecast at `start`, `start` + every, ... before `stop`; writes forecasts, tails and market_shocks, as Parquet,
    and summary.json to `out`.
    """
    require_ours(out)
    origins = market.panel.origins(start, stop, every_hours)
    if len(origins) == 0:
        raise DataError(
            f"no instant from {start} to {stop}: the market runs from {market.panel.start} to {market.panel.end}"
        )
    result = bundle.forecaster.predict(feature_table(market.panel, origins))
    unseen = sorted(set(result.forecasts["symbol"]) - set(bundle.training["symbols"]))
    summary = {
        "bundle_id": bundle.bundle_id,
        "from": origins[0].isoformat(),
        "to": origins[-1].isoformat(),
        "origins": len(origins),
        "symbols": int(result.forecasts["symbol"].nunique()),
        "symbols_not_in_training": unseen,
        "data_hash": market.panel.data_hash(),
    }
    with atomic_folder(out) as building:
        write_parquet(result.forecasts, building / "forecasts.parquet")
        write_parquet(result.tails, building / "tails.parquet")
        write_parquet(bundle.forecaster.market(result.forecasts), building / "market_shocks.parquet")
        write_json(summary, building / "summary.json")
    return summary
