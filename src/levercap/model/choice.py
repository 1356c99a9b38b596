"""Choice of the forecast method: where the past year is evidence against our own models, the baseline B1 forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.outcomes import loss_column
from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.scores.losses import fz0
from levercap.forecast import ForecastMethod, ForecastSpec, known_by
from levercap.forecast.tail.historical import ROWS, tail_column

__all__ = ["choose_method", "daily_difference"]


def daily_difference(mine: pd.DataFrame, baseline: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Series[float]:
    """Mean over symbols, sides, kinds and levels of FZ0 less the baseline's, by `as_of`; below zero is better.

    `mine` and `baseline` are histories, aligned with `outcomes`. Rows that one of them could not forecast are left out.
    """
    total = np.zeros(len(outcomes))
    for side, kind, level in ROWS:
        name = tail_column(side, kind, level)
        loss = outcomes[loss_column(side, kind)].to_numpy(dtype=float)
        scores = []
        for table in (mine, baseline):
            var, es = (table[f"{name}{suffix}"].to_numpy(dtype=float) for suffix in ("", "_es"))
            usable = (var > 0) & (es >= var)
            scores.append(fz0(loss, np.where(usable, var, np.nan), np.where(usable, es, np.nan), level))
        total += (scores[0] - scores[1]) / len(ROWS)
    return pd.Series(total, index=outcomes["as_of"]).dropna().groupby(level=0).mean()


def choose_method(
    method: ForecastMethod, difference: pd.Series[float], until: pd.Timestamp, spec: ForecastSpec
) -> ForecastMethod:
    """`method`, or ``b1`` where the year known at `until` is evidence against it: one-sided test at 5 %, 20-day blocks.

    `difference` is from `daily_difference`. Fewer than 180 days are no evidence either way.
    """
    recipe = spec.recipe.choice
    origins = difference.index.to_series()
    known = (
        known_by(pd.DataFrame({"as_of": origins}), until, spec.horizon)
        & (origins >= until - pd.Timedelta(days=recipe.evidence_days)).to_numpy()
    )
    recent = np.asarray(difference.to_numpy()[known], dtype=np.float64)
    if method == "b1" or len(recent) < recipe.smallest_days:
        return method
    return "b1" if recent.mean() > recipe.critical * standard_error(recent) else method
