"""Re-weighting: scenario weights that imply given moments and otherwise say as little as possible.

Minimum relative entropy (Kullback 1959; Meucci, *Fully Flexible Views*, 2008): among all weights q with E_q[f] = t, the
one nearest to the prior weights w is q_i proportional to w_i exp(lambda . f_i). The multipliers minimise a smooth
convex dual, log sum_i w_i exp(lambda . (f_i - t)), which Newton's method solves in a few steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from levercap.core.names import BARRIERS, BoolArray, FloatArray, Side
from levercap.core.scenario import ScenarioSet
from levercap.forecast.shock.market import market_column
from levercap.forecast.shock.residual import column

__all__ = ["Reweighted", "barrier_hits", "imply_shocks", "minimum_relative_entropy", "share_hits"]

ITERATIONS = 200
TOLERANCE = 1e-9
SMALLEST_SHARE = 1e-6
"""Positive weights keep at least this share of the original ones, or count as none."""

SMALLEST_STEP = 2.0**-30
ROUNDING = 1e-13
SMALLEST_SPREAD = 1e-12
SMALLEST_RATIO = 1e-12

AVERAGE_ERROR, MARKET_ERROR, SYMBOL_ERROR = 0.02, 0.1, 2.0
"""Standard errors of the targets of `imply_shocks`, as shares of them."""

FEWEST_SCENARIOS = 5


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Weights and how far they had to go.

    Attributes
    ----------
    weights : (scenarios,) positive, sum to one; the original ones when not `feasible`
    multipliers : (moments,) lambda, zeros when not `feasible`
    feasible : whether positive weights with these moments were found
    relative_entropy : sum of q log(q / w), in nats
    effective_scenarios : 1 / sum of squared weights (Kish 1965)
    """

    weights: FloatArray
    multipliers: FloatArray
    feasible: bool
    relative_entropy: float
    effective_scenarios: float


def minimum_relative_entropy(
    weights: FloatArray, moments: FloatArray, targets: FloatArray, slack: FloatArray | float = 0.0
) -> Reweighted:
    """Weights nearest to the given ones that have these moments.

    Parameters
    ----------
    weights : (scenarios,) positive, sum to one
    moments : (scenarios, moments) values f of each scenario
    targets : (moments,) values t that E_q[f] shall take
    slack : standard errors of the targets, one per moment or one for all. 0: met exactly. Above 0: the miss d costs
        d^2 / (2 slack^2) nats, so that there always is an answer, and what is loosely known moves little

    Returns
    -------
    Reweighted
        the original weights with ``feasible=False`` when no positive weights have these moments
    """
    w, f, t = (np.asarray(a, dtype=np.float64) for a in (weights, moments, targets))
    if f.shape != (len(w), len(t)):
        raise ValueError(f"moments must be (scenarios, moments) = ({len(w)}, {len(t)}), not {f.shape}")
    if not (np.isfinite(f).all() and np.isfinite(t).all()) or (w <= 0).any() or not np.isclose(w.sum(), 1.0):
        raise ValueError("moments and targets must be finite, weights positive with sum one")
    ridge = np.broadcast_to(np.asarray(slack, dtype=np.float64) ** 2, t.shape)
    centred = f - t
    # every moment in units of its own spread: the dual is then well scaled whatever the moments are
    spread = np.sqrt(w @ centred**2)
    spread = np.where(spread > SMALLEST_SPREAD, spread, 1.0)
    centred, ridge = centred / spread, ridge / spread**2
    found = _solve_dual(np.log(w), centred, ridge) if _attainable(w, centred[:, ridge == 0]) else None
    if found is None:
        return _report(w, w, np.zeros(len(t)), feasible=False)
    q = np.maximum(_tilted(np.log(w), centred, found), SMALLEST_RATIO * w)  # far tails may underflow
    return _report(q / q.sum(), w, found / spread, feasible=True)


def _attainable(weights: FloatArray, centred: FloatArray) -> bool:
    """Whether some weights, each at least a millionth of the original one, bring every column's mean to zero.

    A linear programme for the largest such share: the dual has a minimum exactly when it is positive.
    """
    scenarios, exact = centred.shape
    if exact == 0:
        return True
    # q = share * w + extra with extra >= 0; the last variable is the share
    equal = np.vstack([np.append(np.ones(scenarios), 1.0), np.column_stack([centred.T, weights @ centred])])
    result = linprog(np.append(np.zeros(scenarios), -1.0), A_eq=equal, b_eq=np.append(1.0, np.zeros(exact)))
    return result.x is not None and bool(result.status == 0 and result.x[-1] > SMALLEST_SHARE)


def _solve_dual(log_weights: FloatArray, centred: FloatArray, ridge: FloatArray) -> FloatArray | None:
    """Multipliers at which the dual's gradient is zero; None when it has no minimum."""
    x = np.zeros(centred.shape[1])
    value = _dual(log_weights, centred, ridge, x)
    for _ in range(ITERATIONS):
        q = _tilted(log_weights, centred, x)
        mean = q @ centred
        gradient = mean + ridge * x
        if np.abs(gradient).max(initial=0.0) < TOLERANCE:
            return x
        hessian = (centred * q[:, None]).T @ centred - np.outer(mean, mean) + np.diag(ridge)
        # nested or repeated moments leave directions without curvature; they need no step
        step = -np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0]
        slope, length = float(gradient @ step), 1.0
        trial = _dual(log_weights, centred, ridge, x + step)
        while trial > value + 1e-4 * length * slope + ROUNDING and length > SMALLEST_STEP:
            length /= 2.0
            trial = _dual(log_weights, centred, ridge, x + length * step)
        if length <= SMALLEST_STEP:
            return None
        x, value = x + length * step, trial
    return None


def _dual(log_weights: FloatArray, centred: FloatArray, ridge: FloatArray, x: FloatArray) -> float:
    exponent = log_weights + centred @ x
    top = exponent.max()
    return float(top + np.log(np.exp(exponent - top).sum()) + 0.5 * (ridge * x) @ x)


def _tilted(log_weights: FloatArray, centred: FloatArray, x: FloatArray) -> FloatArray:
    exponent = log_weights + centred @ x
    q = np.exp(exponent - exponent.max())
    return np.asarray(q / q.sum(), dtype=np.float64)


def _report(q: FloatArray, w: FloatArray, multipliers: FloatArray, feasible: bool) -> Reweighted:
    entropy = max(float(q @ np.log(q / w)), 0.0)
    return Reweighted(q, multipliers, feasible, entropy, float(1.0 / (q**2).sum()))


def barrier_hits(scenarios: ScenarioSet, side: str, barrier: float) -> BoolArray:
    """(symbols, scenarios) whether the path moves at least `barrier` against the side."""
    worst = -scenarios.low.min(axis=2) if side == Side.LONG else scenarios.high.max(axis=2)
    return np.asarray(worst >= barrier, dtype=np.bool_)


def share_hits(hits: BoolArray, share: float) -> BoolArray:
    """(scenarios,) whether at least `share` of the symbols is hit, from (symbols, scenarios) hits."""
    return np.asarray(hits.sum(axis=0) >= share * hits.shape[0] - 1e-9, dtype=np.bool_)


def imply_shocks(
    scenarios: ScenarioSet, shocks: pd.DataFrame, market: pd.DataFrame | None = None, share: float = 0.3
) -> tuple[ScenarioSet, Reweighted]:
    """The scenarios with weights that imply the calibrated shock probabilities.

    Parameters
    ----------
    scenarios : joint paths
    shocks : one row per symbol: symbol and its probabilities (columns from `shock.column`). A symbol of the scenarios
        without a row, or a probability that is NaN, is left as the scenarios have it
    market : one row of `MarketShock.predict`, for the same symbols
    share : the share of symbols that `market` speaks of

    Returns
    -------
    tuple
        the scenarios with new weights, and how far those had to go

    Notes
    -----
    A scenario is one day of all symbols, so its weight can say how dangerous today is, but hardly more about one symbol
    than about another. The mean over the symbols and the market-wide probability are therefore met closely (standard
    error 2 and 10 % of the probability), each symbol's own loosely: 200 %, which among a thousand scenarios is
    an error of 6 %. Exact constraints on thirty symbols would rest the weights on a fifth of the scenarios.
    Sides and barriers that fewer than five scenarios reach, or spare, are left alone.
    """
    asked = [
        (moment, target, error * target)
        for moment, target, error in _shock_targets(scenarios, shocks, market, share)
        if np.isfinite(target) and min((moment > 0).sum(), (moment < 1).sum()) >= FEWEST_SCENARIOS
    ]
    moments = np.array([moment for moment, _, _ in asked], dtype=np.float64).reshape(len(asked), len(scenarios.weights))
    targets, slack = (np.array([row[k] for row in asked], dtype=np.float64) for k in (1, 2))
    result = minimum_relative_entropy(scenarios.weights, moments.T, targets, slack)
    return dataclasses.replace(scenarios, weights=result.weights), result


def _shock_targets(
    scenarios: ScenarioSet, shocks: pd.DataFrame, market: pd.DataFrame | None, share: float
) -> Iterator[tuple[FloatArray, float, float]]:
    """Moment of each scenario, its wanted mean and the relative standard error of that."""
    table = shocks.set_index("symbol").reindex(list(scenarios.symbols))
    for side in Side:
        for barrier in BARRIERS:
            hits = barrier_hits(scenarios, side, barrier)
            moments = hits.astype(np.float64)
            wanted = table[column(side, barrier)].to_numpy(dtype=float)
            known = np.isfinite(wanted)
            if known.any():
                yield moments[known].mean(axis=0), float(wanted[known].mean()), AVERAGE_ERROR
            for moment, target in zip(moments, wanted, strict=True):
                yield moment, float(target), SYMBOL_ERROR
            if market is not None:
                together = share_hits(hits, share).astype(np.float64)
                yield together, float(market[market_column(side, barrier)].iloc[0]), MARKET_ERROR
