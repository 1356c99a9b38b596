"""Exact linear quantile regression, by linear programming or, from a solution nearby, by the simplex method."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from levercap.core.errors import LevercapError
from levercap.core.names import FloatArray, IntArray

__all__ = ["quantile_regression"]

_COLD_ROWS = 2000
_PIVOTS = 300


def quantile_regression(
    loss: FloatArray,
    design: FloatArray,
    level: float,
    weights: FloatArray | None = None,
    near: FloatArray | None = None,
) -> FloatArray:
    """Coefficients (columns,) of the weighted linear `level` quantile of `loss` given `design`, exactly.

    Parameters
    ----------
    loss, design : (rows,) and (rows, columns)
    level : confidence
    weights : (rows,) non-negative
    near : coefficients close to the solution; saves time and does not change the answer

    Raises
    ------
    LevercapError
        when there is no solution, as with a column of zeros

    Notes
    -----
    Cold, the dual linear programme ``max y'd, X'd = (1 - level) X'1, 0 <= d <= 1``, rows scaled by their weights. Warm,
    the simplex walk of Barrodale and Roberts (1973): a solution passes through as many points as there are columns, and
    while letting go of one of them lowers the loss, that is done, as far as it does (Koenker, Quantile Regression,
    2005, section 6.2). In a large sample the walk starts from the solution for every so many-th row.
    """
    w = np.ones(len(loss)) if weights is None else weights
    y, x = (loss * w)[w > 0], (design * w[:, None])[w > 0]
    if near is None and len(y) > 2 * _COLD_ROWS:
        thin = slice(None, None, len(y) // _COLD_ROWS)
        near = _programme(y[thin], x[thin], level)
    solution = None if near is None else _walk(y, x, level, near)
    return _programme(y, x, level) if solution is None else solution


def _programme(y: FloatArray, x: FloatArray, level: float) -> FloatArray:
    units = np.abs(x).max(axis=0)
    if (units > 0).all():
        right = (1.0 - level) * x.sum(axis=0) / units
        answer = linprog(-y, A_eq=(x / units).T, b_eq=right, bounds=(0, 1), method="highs-ds")
        if answer.status == 0:
            return np.asarray(-answer.eqlin.marginals / units)
    raise LevercapError(f"quantile regression of {len(y)} rows has no solution; is a column of its design empty?")


def _walk(y: FloatArray, x: FloatArray, level: float, near: FloatArray) -> FloatArray | None:
    """Solution from a start nearby, or None when ties keep the walk from getting anywhere."""
    basis = _basis(np.abs(y - x @ near), x)
    if basis is None:
        return None
    for _ in range(_PIVOTS):
        inverse = np.linalg.inv(x[basis])
        solution = inverse @ y[basis]
        residual = y - x @ solution
        residual[basis] = 0.0
        pull = np.where(residual > 0, level, level - 1.0)
        pull[basis] = 0.0
        # the slopes that the points on the line would need to hold it; each can give level - 1 to level
        held = -(pull @ x) @ inverse
        excess = np.maximum(held - level, level - 1.0 - held)
        leaving = int(excess.argmax())
        if excess[leaving] <= 1e-9 * max(1.0, float(np.abs(held).max())):
            return np.asarray(solution)
        entering = _entering(residual, x @ (inverse[:, leaving] * -np.sign(held[leaving])), excess[leaving], basis)
        if entering is None:
            return None
        basis[leaving] = entering
    return None


def _basis(distance: FloatArray, x: FloatArray) -> IntArray | None:
    """As many rows near the line as there are columns, linearly independent."""
    columns = x.shape[1]
    few = min(10 * columns, len(x) - 1)
    nearest = np.argpartition(distance, few)[: few + 1]
    nearest = nearest[np.argsort(distance[nearest], kind="stable")]
    chosen: list[int] = []
    for row in nearest:
        if np.linalg.matrix_rank(x[[*chosen, row]]) > len(chosen):
            chosen.append(int(row))
        if len(chosen) == columns:
            return np.array(chosen, dtype=np.int64)
    return None


def _entering(residual: FloatArray, speed: FloatArray, gain: float, basis: IntArray) -> int | None:
    """The point at which moving the line at `speed` stops to pay; at first the loss falls by `gain`, then ever less."""
    speed[basis] = 0.0
    met = np.flatnonzero(((residual > 0) & (speed > 0)) | ((residual <= 0) & (speed < 0)))
    time = residual[met] / speed[met]
    order = np.argsort(time, kind="stable")
    enough = np.flatnonzero(np.cumsum(np.abs(speed[met][order])) >= gain)
    return int(met[order[enough[0]]]) if len(enough) else None
