"""Headroom of accounts without a position, per side."""

from __future__ import annotations

from typing import Final

import numpy as np

from levercap.config import Config
from levercap.core.names import BoolArray, FloatArray, Side
from levercap.limits.previous import PreviousLimits
from levercap.policy import apply_guardrails

__all__ = ["SIDE_COLUMNS", "flat_headroom"]

SIDE_COLUMNS: Final = {Side.LONG: "headroom_long", Side.SHORT: "headroom_short"}
"""Columns of the limits frame, in the order of the reference positions."""


def flat_headroom(
    caps: FloatArray,
    equity: FloatArray,
    limit: FloatArray,
    jointly: BoolArray,
    previous: PreviousLimits,
    no_rise: BoolArray,
    config: Config,
) -> dict[str, FloatArray]:
    """Notional of one new position in any one of the reference symbols, by column of its side, quote currency.

    The guardrails act on the limit of each side as they do on that of the account, so the smaller one is its headroom.

    Parameters
    ----------
    caps : (accounts, 2) smallest cap of the long and of the short reference positions; NaN with a position
    equity, limit : (accounts,) equity, and the limit in force
    jointly : (accounts,) whose limit is not told apart by side, since data are out
    previous, no_rise : of the guardrails, as previous and incomplete of `apply_guardrails`
    config : policy and guardrails

    Returns
    -------
    (accounts,) each; NaN with a position
    """
    out = np.full(caps.shape, np.nan)
    rows = np.flatnonzero(~np.isnan(caps).all(axis=1))
    before = previous.take(rows)
    for side in range(caps.shape[1]):
        own = apply_guardrails(
            caps[rows, side],
            before.limit,
            before.days,
            no_rise[rows],
            config.policy.fallback_max_leverage,
            config.guardrails,
            before.resume,
        )
        with np.errstate(over="ignore"):
            out[rows, side] = np.where(jointly[rows], limit[rows], own.max_leverage) * equity[rows]
    return {column: out[:, side] for side, column in enumerate(SIDE_COLUMNS.values())}
