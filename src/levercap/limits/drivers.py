"""Drivers: Euler allocation of an account's path ES to its positions, and the scenarios with the largest losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from levercap.core.names import FloatArray, IntArray
from levercap.core.scenario import ScenarioSet
from levercap.core.weighted_tail import tail_of, tail_weights
from levercap.instruments.perpetual import position_losses

__all__ = ["Drivers", "drivers"]

LEVEL: Final = 0.975
"""Level of the path ES that is split over the positions."""


@dataclass(frozen=True, eq=False)
class Drivers:
    """Risk contributions of one account's positions, and its worst scenarios; losses are fractions of gross notional.

    Attributes
    ----------
    contribution : (positions,) parts of the path ES, negative where a position hedges the others; they sum to it
    scenario : (worst,) index of the scenarios with the largest losses, worst first
    loss : (worst,) path loss in each
    hour : (worst,) hour of the horizon, from 1, in which that loss stands
    worst_position : (worst,) position with the largest loss at that hour
    """

    contribution: FloatArray
    scenario: IntArray
    loss: FloatArray
    hour: IntArray
    worst_position: IntArray


def drivers(share: FloatArray, row: IntArray, scenarios: ScenarioSet, worst: int = 5) -> Drivers:
    """Euler allocation of the path ES of one account to its positions.

    Parameters
    ----------
    share : (positions,) signed shares of gross notional
    row : (positions,) row of each position's instrument in `scenarios`; all must have one
    scenarios : joint paths
    worst : number of worst scenarios to name

    Notes
    -----
    Tasche (1999), "Risk contributions and performance measurement": a position's part is its mean loss
    at the portfolio's worst hour over the scenarios of the tail, the one on the edge with the fraction that fits.
    Within an hour every position is at its worst price, as in the limits.
    """
    losses = position_losses(share, scenarios.low[row], scenarios.high[row])
    along = losses.sum(axis=0)
    hour = along.argmax(axis=1)
    at_worst = np.take_along_axis(losses, hour[None, :, None], axis=2)[:, :, 0]
    path = np.maximum(along.max(axis=1), 0.0)
    at_worst = np.where(path > 0, at_worst, 0.0)
    order = np.argsort(-path, kind="stable")
    tail = tail_weights(scenarios.weights[order], tail_of(LEVEL)) / tail_of(LEVEL)
    top = order[:worst]
    return Drivers(at_worst[:, order] @ tail, top, path[top], hour[top] + 1, at_worst[:, top].argmax(axis=0))
