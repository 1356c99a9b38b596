"""Choice between the champion's recipe and the baseline: when recent evidence turns, the baseline forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.evaluation.resampling.bootstrap import standard_error
from levercap.evaluation.scores.losses import fz0
from levercap.forecast import known_by
from levercap.forecast.history import Kind
from levercap.forecast.tail.historical import LOSSES, ROWS, row_name

__all__ = ["EVIDENCE_DAYS", "choose_kind", "daily_difference"]

EVIDENCE_DAYS = 365
SMALLEST_DAYS = 180
CRITICAL = 1.645
"""One-sided 5 %: a recipe that is no worse than the baseline falls back in about one refit in twenty."""


def daily_difference(mine: pd.DataFrame, baseline: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Series[float]:
    """Mean over symbols, sides, kinds and levels of FZ0 less the baseline's, by `as_of`; below zero is better.

    `mine` and `baseline` are histories, aligned with `outcomes`. Rows that one of them could not forecast are left out.
    """
    total = np.zeros(len(outcomes))
    for side, kind, level in ROWS:
        name = row_name(side, kind, level)
        loss = outcomes[LOSSES[side, kind]].to_numpy(dtype=float)
        scores = []
        for table in (mine, baseline):
            var, es = (table[f"{name}{suffix}"].to_numpy(dtype=float) for suffix in ("", "_es"))
            usable = (var > 0) & (es >= var)
            scores.append(fz0(loss, np.where(usable, var, np.nan), np.where(usable, es, np.nan), level))
        total += (scores[0] - scores[1]) / len(ROWS)
    return pd.Series(total, index=outcomes["as_of"]).dropna().groupby(level=0).mean()


def choose_kind(kind: Kind, difference: pd.Series[float], until: pd.Timestamp) -> Kind:
    """`kind`, or ``b1`` where the year known at `until` speaks against it: one-sided test at 5 %, blocks of 20 days.

    `difference` is from `daily_difference`. Fewer than 180 days speak neither for nor against.
    """
    origins = difference.index.to_series()
    known = (
        known_by(pd.DataFrame({"as_of": origins}), until)
        & (origins >= until - pd.Timedelta(days=EVIDENCE_DAYS)).to_numpy()
    )
    recent = np.asarray(difference.to_numpy()[known], dtype=np.float64)
    if kind == "b1" or len(recent) < SMALLEST_DAYS:
        return kind
    return "b1" if recent.mean() > CRITICAL * standard_error(recent) else kind
