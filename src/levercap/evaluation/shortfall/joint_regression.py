"""Linear regression of a quantile and the expected shortfall beyond it, together, by minimising FZ0.

With a = 1 - level, v = quantile design times its coefficients, e = offset + shortfall design times its coefficients,
the weighted mean of ``(loss - v)+ / (a e) + v / e + log(e) - 1`` is minimised (Dimitriadis and Bayer, Electronic
Journal of Statistics 2019, with G1 = 0 and G2(z) = -1 / z; Patton, Ziegel and Chen, Journal of Econometrics 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray
from levercap.evaluation.shortfall.quantile_regression import quantile_regression

__all__ = ["JointFit", "JointProblem", "fit_joint", "shortfall_scores"]

_CONVERGED = 1e-9
_FLOOR = 0.01
"""Smallest expected shortfall that a fit may give a row, as a share of the first start's; at zero FZ0 has no bound."""


@dataclass(frozen=True, eq=False)
class JointProblem:
    """Data of one regression.

    Attributes
    ----------
    loss : (rows,)
    quantile_design, shortfall_design : (rows, coefficients)
    offset : (rows,) known part of the expected shortfall
    level : confidence
    """

    loss: FloatArray
    quantile_design: FloatArray
    shortfall_design: FloatArray
    offset: FloatArray
    level: float


@dataclass(frozen=True, eq=False)
class JointFit:
    """Coefficients of the quantile and of the expected shortfall, and the weighted mean FZ0 they reach."""

    quantile: FloatArray
    shortfall: FloatArray
    score: float


def fit_joint(
    problem: JointProblem,
    weights: FloatArray,
    starts: Sequence[FloatArray],
    quantile: FloatArray | None = None,
    rounds: int = 50,
) -> JointFit:
    """Minimise the weighted FZ0.

    Parameters
    ----------
    problem : data
    weights : (rows,) non-negative
    starts : shortfall coefficients to start from, the first of which give every row a positive expected shortfall;
        others are left out where they do not
    quantile : quantile coefficients close to the solution, such as those of the whole sample for a resample; saves time
    rounds : most alternations from one start

    Returns
    -------
    JointFit
        the best of what the starts lead to

    Notes
    -----
    Given e the best v is an exact quantile regression with weights 1 / e; given v the best e is a gamma-type regression
    of ``v + (loss - v)+ / a`` with a smooth loss, solved by Fisher scoring. Neither step can raise the loss, and
    because the kink is in v only, a point where neither lowers it is a local minimum. Several minima occur with few
    hits; that is what several starts are for.
    """
    first = problem.offset + problem.shortfall_design @ starts[0]
    if not (first > 0).all():
        raise ValueError(f"the first start gives {int((~(first > 0)).sum())} rows no positive expected shortfall")
    floor = _FLOOR * first
    usable = [start for start in starts if (problem.offset + problem.shortfall_design @ start > floor).all()]
    fits: list[JointFit] = []
    for start in usable:
        fits.append(_alternate(problem, weights, start, quantile, rounds, floor))
        quantile = fits[-1].quantile
    return min(fits, key=lambda fit: fit.score)


def shortfall_scores(problem: JointProblem, fit: JointFit) -> tuple[FloatArray, FloatArray]:
    """Estimating equations of the shortfall coefficients, and their slope.

    Returns
    -------
    scores : (rows, coefficients) ``x (z - e) / e^2`` with ``z = v + (loss - v)+ / a``: mean zero at the fit
    slope : (rows,) ``1 / e^2``, so that the coefficients have covariance ``A^-1 B A^-1`` with A the mean of
        ``slope x x'`` and B the covariance of the mean score

    Notes
    -----
    The quantile coefficients do not enter: the derivative of z with respect to v is ``1 - hit / a``, zero in
    expectation, so no density need be estimated (the covariance of Dimitriadis and Bayer, 2019, is block-diagonal too).
    """
    v, e = _fitted(problem, fit.quantile, fit.shortfall)
    z = v + np.maximum(problem.loss - v, 0.0) / (1.0 - problem.level)
    return problem.shortfall_design * ((z - e) / e**2)[:, None], 1.0 / e**2


def _fitted(problem: JointProblem, quantile: FloatArray, shortfall: FloatArray) -> tuple[FloatArray, FloatArray]:
    return problem.quantile_design @ quantile, problem.offset + problem.shortfall_design @ shortfall


def _score(
    problem: JointProblem, weights: FloatArray, quantile: FloatArray, shortfall: FloatArray, floor: FloatArray
) -> float:
    """Weighted mean FZ0; infinite when the expected shortfall of a row is below its `floor`."""
    v, e = _fitted(problem, quantile, shortfall)
    if not (e > floor).all():
        return float("inf")
    z = v + np.maximum(problem.loss - v, 0.0) / (1.0 - problem.level)
    return float((weights * (z / e + np.log(e))).sum() / weights.sum() - 1.0)


def _alternate(
    problem: JointProblem,
    weights: FloatArray,
    shortfall: FloatArray,
    quantile: FloatArray | None,
    rounds: int,
    floor: FloatArray,
) -> JointFit:
    score = np.inf
    for _ in range(rounds):
        e = problem.offset + problem.shortfall_design @ shortfall
        quantile = quantile_regression(problem.loss, problem.quantile_design, problem.level, weights / e, quantile)
        shortfall = _shortfall_step(problem, weights, quantile, shortfall, floor)
        reached = _score(problem, weights, quantile, shortfall, floor)
        if reached > score - _CONVERGED:
            break
        score = reached
    assert quantile is not None
    return JointFit(quantile, shortfall, reached)


def _shortfall_step(
    problem: JointProblem, weights: FloatArray, quantile: FloatArray, shortfall: FloatArray, floor: FloatArray
) -> FloatArray:
    """Fisher scoring on the shortfall coefficients, halving steps that do not lower the loss."""
    score = _score(problem, weights, quantile, shortfall, floor)
    design, total = problem.shortfall_design, weights.sum()
    for _ in range(50):
        gradient, slope = shortfall_scores(problem, JointFit(quantile, shortfall, score))
        downhill = np.einsum("r,rc->c", weights, gradient)
        step = np.linalg.solve(np.einsum("r,ri,rj->ij", weights * slope, design, design), downhill)
        if downhill @ step < 0.1 * _CONVERGED * total:  # twice what the step can gain
            break
        for halving in range(30):
            trial = shortfall + step / 2.0**halving
            reached = _score(problem, weights, quantile, trial, floor)
            if reached < score:
                break
        else:
            break
        shortfall, score = trial, reached
    return shortfall
