"""Shock probabilities: skill over what the scenarios imply, calibration, ranking, and reliability."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from levercap.core.names import BARRIERS, FloatArray, Side
from levercap.evaluation import (
    block_length,
    bootstrap_means,
    brier_decomposition,
    cox_calibration,
    log_loss,
    log_loss_decomposition,
    reliability_band,
    reliability_table,
)

__all__ = ["Shocks", "band_lines", "reliability_lines", "shock_lines", "shocks_of"]

DRAWS = 1000
BINS = 10
BAND_DRAWS = 200
PARTS = ("miscalibration", "discrimination", "uncertainty")


@dataclass(frozen=True, eq=False)
class Shocks:
    """One barrier of one side: events, the probabilities forecast for them, and the volatility forecast.

    Attributes
    ----------
    side, barrier : whose loss, and how large
    as_of, symbol : (rows,) origin and instrument
    event : (rows,) 1.0 where the loss reached the barrier within the horizon
    probability : (rows,) forecast probabilities
    implied : (rows,) probabilities that the scenarios imply; None where the forecasts do not hold them
    volatility : (rows,) forecast for the horizon
    """

    side: Side
    barrier: float
    as_of: pd.DatetimeIndex
    symbol: NDArray[np.object_]
    event: FloatArray
    probability: FloatArray
    implied: FloatArray | None
    volatility: FloatArray

    @property
    def day(self) -> pd.DatetimeIndex:
        """(rows,) UTC day of the origin."""
        return self.as_of.floor("D")


def shocks_of(forecasts: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[Shocks]:
    """Every side and barrier that the forecasts hold, with the rows whose outcome is known; none without such a row."""
    losses = [f"path_{side}" for side in Side]
    table = forecasts.merge(outcomes[["as_of", "symbol", *losses]], on=["as_of", "symbol"], validate="one_to_one")
    for side, barrier in itertools.product(Side, BARRIERS):
        suffix = f"{side}_{round(100 * barrier):02d}"
        probability, implied, loss = f"shock_probability_{suffix}", f"implied_probability_{suffix}", f"path_{side}"
        if probability not in table:
            continue
        needed = [loss, probability, *([implied] if implied in table else [])]
        known = table[np.isfinite(table[needed]).all(axis=1)]
        if len(known):
            yield Shocks(
                side=side,
                barrier=barrier,
                as_of=pd.DatetimeIndex(known["as_of"]),
                symbol=known["symbol"].to_numpy(object),
                event=(known[loss].to_numpy() >= barrier).astype(np.float64),
                probability=known[probability].to_numpy(np.float64),
                implied=known[implied].to_numpy(np.float64) if implied in table else None,
                volatility=known["volatility"].to_numpy(np.float64),
            )


def shock_lines(shocks: Shocks, seed: int = 0) -> dict[str, Any]:
    """Line of the table ``shocks``."""
    event, probability, implied = shocks.event, shocks.probability, shocks.implied
    brier, logarithmic = brier_decomposition(event, probability), log_loss_decomposition(event, probability)
    intercept, slope = cox_calibration(event, probability)
    line: dict[str, Any] = {
        "side": str(shocks.side),
        "barrier": shocks.barrier,
        "days": shocks.day.nunique(),
        "rows": len(event),
        "events": int(event.sum()),
        "base_rate": event.mean(),
        "predicted": probability.mean(),
        "log_loss": logarithmic.score,
        "intercept": intercept,
        "slope": slope,
        "auc": _auc(event, probability),
        "auc_scale": _auc(event, shocks.volatility),
        "brier": brier.brier,
        "brier_skill": 1.0 - brier.brier / brier.uncertainty if brier.uncertainty > 0 else np.nan,
        **{f"brier_{part}": getattr(brier, part) for part in PARTS},
        **{f"log_{part}": getattr(logarithmic, part) for part in PARTS},
    }
    if implied is None:
        return line
    low, high = _skill_interval(shocks, implied, 20, seed)
    low_60, high_60 = _skill_interval(shocks, implied, 60, seed)
    reference = float(log_loss(event, implied).mean())
    return line | {
        "log_loss_implied": reference, "skill": 1.0 - logarithmic.score / reference, "skill_low": low,
        "skill_high": high, "skill_low_60": low_60, "skill_high_60": high_60, "auc_implied": _auc(event, implied),
    }  # fmt: skip


def reliability_lines(shocks: Shocks) -> pd.DataFrame:
    """Predicted against observed frequency in bins of equal counts, intervals clustered by day."""
    table = reliability_table(shocks.event, shocks.probability, BINS, shocks.day)
    return table.assign(side=str(shocks.side), barrier=shocks.barrier, bin=np.arange(len(table)))


def band_lines(shocks: Shocks, seed: int = 0) -> pd.DataFrame:
    """Consistency band of the reliability diagram; no line where nothing happened or all forecasts are the same."""
    if not shocks.event.any() or np.unique(shocks.probability).size < 2:
        return pd.DataFrame()
    origin = shocks.as_of.tz_localize(None).to_numpy()
    band = reliability_band(shocks.event, shocks.probability, origin, shocks.symbol, draws=BAND_DRAWS, seed=seed)
    return band.assign(side=str(shocks.side), barrier=shocks.barrier)


def _skill_interval(shocks: Shocks, implied: FloatArray, block_days: int, seed: int) -> tuple[float, float]:
    """95 % interval of the skill; whole days are resampled, however many rows they have."""
    codes, days = pd.factorize(shocks.day, sort=True)
    scores = (log_loss(shocks.event, forecast) for forecast in (shocks.probability, implied))
    daily = np.column_stack([np.bincount(codes, score, len(days)) for score in scores]).astype(np.float64)
    means = bootstrap_means(daily, block_length(len(days), block_days), DRAWS, seed)
    low, high = np.quantile(1.0 - means[:, 0] / means[:, 1], [0.025, 0.975])
    return float(low), float(high)


def _auc(event: FloatArray, ranking: FloatArray) -> float:
    """Chance that an event was ranked above a day without one; NaN when there are only events or none."""
    return float("nan") if event.min() == event.max() else float(roc_auc_score(event, ranking))
