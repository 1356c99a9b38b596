"""Headline figures of a replay: what accounts at their limits would have suffered, and how the limits moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from levercap.config import Config
from levercap.core.names import FloatArray, Status

__all__ = ["replay_figures"]


def replay_figures(limits: pd.DataFrame, losses: FloatArray, config: Config) -> dict[str, Any]:
    """Figures of a replay.

    Parameters
    ----------
    limits : one row per origin and account, accounts in the same order on every origin
    losses : (origins, accounts that were not rejected) realised path losses per unit of gross notional, NaN if not
        known

    Returns
    -------
    An account at its limit L posts margin 1 / L per unit of gross notional. liquidation_rate: share of account-days
    with a path loss above margin less maintenance; bad_debt_bp_per_day: mean loss beyond the margin in basis points of
    gross notional; path_var_99_hit_rate: share of account-days beyond the account's own path VaR, where it has one;
    scored_share, held_share, fallback_share: share of account-days of each status; nights_on_hold: days on which any
    account was held; mean_margin, median_max_leverage; and of the daily median limit: peak_to_trough of its margin,
    largest 1-, 5- and 30-day rise of the margin.
    """
    origins = limits["as_of"].drop_duplicates()
    accounts = len(limits) // len(origins)
    status = limits["status"].to_numpy().reshape(len(origins), accounts)
    kept = status[0] != Status.REJECTED.value
    leverage, var = (
        limits[name].to_numpy(dtype=float).reshape(len(origins), accounts)[:, kept]
        for name in ("max_leverage", "path_var_99")
    )
    margin = np.minimum(1.0 / leverage, 1.0)
    known = ~np.isnan(losses)
    measured = known & ~np.isnan(var)
    over = np.maximum(losses - margin, 0.0)[known]
    median = pd.Series(np.median(margin, axis=1))
    return {
        "days": len(origins),
        "accounts": int(kept.sum()),
        "account_days_judged": int(known.sum()),
        **{f"{one}_share": _mean(status[:, kept] == one) for one in (Status.SCORED, Status.HELD, Status.FALLBACK)},
        "nights_on_hold": int((status == Status.HELD.value).any(axis=1).sum()),
        "mean_margin": float(margin.mean()),
        "median_max_leverage": float(np.median(leverage)),
        "liquidation_rate": _mean(losses[known] > margin[known] - config.policy.maintenance_margin_rate),
        "bad_debt_bp_per_day": _mean(1e4 * over),
        "path_var_99_hit_rate": _mean(losses[measured] > var[measured]),
        "binding": {str(k): int(v) for k, v in limits["binding"].value_counts().sort_index().items()},
        "status": {str(k): int(v) for k, v in limits["status"].value_counts().sort_index().items()},
        "margin_peak_to_trough": float(median.max() / median.min()),
        **{f"largest_{n}d_margin_rise": _rise(median, n) for n in (1, 5, 30)},
    }


def _mean(values: FloatArray | np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    return float(values.mean()) if values.size else None


def _rise(series: pd.Series[float], days: int) -> float | None:
    change = (series / series.shift(days) - 1.0).max()
    return None if pd.isna(change) else float(change)
