"""Expected shortfall regression backtest, intercept variant.

The quantile is regressed on (1, es) and expected shortfall on es plus an intercept, which is zero when the forecast is
right and positive when it is too small.
Source: Bayer and Dimitriadis, "Regression-based expected shortfall backtesting", Journal of Financial Econometrics
2022. Losses, `var` and `es` are positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.errors import LevercapError
from levercap.core.names import FloatArray, IntArray
from levercap.evaluation.coverage.tail_sample import TailSample, tail_sample
from levercap.evaluation.resampling.day_blocks import block_length, block_starts, block_sums, day_counts
from levercap.evaluation.resampling.montecarlo import monte_carlo
from levercap.evaluation.shortfall.expected_shortfall import MINIMUM_HITS
from levercap.evaluation.shortfall.joint_regression import JointFit, JointProblem, fit_joint, shortfall_scores

__all__ = ["ShortfallRegression", "shortfall_regression"]

TILTS = (-0.4, 0.4, 0.8)
"""Further starts of the fit: intercepts of so many times the mean forecast."""


@dataclass(frozen=True)
class ShortfallRegression:
    """Outcome of an expected shortfall regression.

    Attributes
    ----------
    intercept : by how much expected shortfall exceeds its forecast
    standard_error : of the intercept, from day blocks
    p_value : of "expected shortfall is at least as large as it should be" against intercept > 0
    hits, rows, days : losses above the forecast var, among that many, on that many days
    """

    intercept: float
    standard_error: float
    p_value: float
    hits: int
    rows: int
    days: int


def shortfall_regression(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    day: ArrayLike,
    block_days: int = 20,
    draws: int = 99,
    seed: int = 0,
) -> ShortfallRegression:
    """Expected shortfall regression backtest of a panel; every day counts the same.

    Parameters
    ----------
    loss, var, es : (rows,) losses positive, same units
    level : confidence
    day : (rows,) the day of each row, any number of instruments a day
    block_days : neighbouring days kept together in the standard error and the bootstrap
    draws, seed : resamples of day blocks in which the regression is fitted again, and where their random numbers start

    Raises
    ------
    ValueError
        with so few days that fewer than 5 lie beyond the quantile, or when es is the same in all rows

    Notes
    -----
    Standard error: ``A^-1 B A^-1`` from `shortfall_scores`, B by day blocks. Bootstrap: the t value of each resample
    about the estimate, with its own standard error, because few hits make the estimate far from normal. At 97.5 % and a
    nominal 5 % the test rejects right forecasts in 2 to 6 % of samples of 250, 500 and 1000 days.
    """
    sample = tail_sample(loss, var, es, level, day)
    problem, block = _problem(sample), block_length(sample.days, block_days)
    average = float(sample.row_weights() @ sample.es)
    starts = [np.zeros(1), *(np.array([tilt * average]) for tilt in TILTS)]
    fit = fit_joint(problem, sample.row_weights(), starts)
    intercept, error = float(fit.shortfall[0]), float(np.sqrt(_variance(sample, problem, fit, block)))
    if error == 0:
        raise ValueError("the scores of the regression do not vary from day to day; there is nothing to test against")
    resampled = _resample(sample, problem, fit, block, draws, seed)
    p_value = monte_carlo(intercept / error, np.where(np.isnan(resampled), np.inf, resampled)).p_value
    hits, rows = int(sample.hits.sum()), len(sample.loss)
    return ShortfallRegression(intercept, error, p_value, hits, rows, sample.days)


def _problem(sample: TailSample) -> JointProblem:
    if np.ptp(sample.es) <= 1e-9 * sample.es.max():
        raise ValueError("es is the same in all rows; a regression on it has no slope")
    needed = int(np.ceil(MINIMUM_HITS / sample.rate - 1e-9))
    if sample.days < needed:
        raise ValueError(f"shortfall_regression at {sample.level:g} needs at least {needed} days; got {sample.days}")
    ones = np.ones_like(sample.es)
    return JointProblem(sample.loss, np.column_stack([ones, sample.es]), ones[:, None], sample.es, sample.level)


def _variance(
    sample: TailSample, problem: JointProblem, fit: JointFit, block: int, starts: IntArray | None = None
) -> float:
    """Of the intercept, in the sample or in the resample whose blocks begin at `starts`; day blocks are assumed."""
    counts = np.ones(sample.days) if starts is None else day_counts(starts, sample.days, block).astype(np.float64)
    x, weights = problem.shortfall_design, sample.row_weights()
    scores, slope = shortfall_scores(problem, fit)
    bread = np.linalg.inv(np.einsum("r,ri,rj->ij", weights * slope * counts[sample.day], x, x))
    sums = block_sums(sample.day_means(scores) / sample.days, block)
    sums = sums / np.sqrt(block) if starts is None else sums[starts]
    return float((bread @ (sums.T @ sums) @ bread)[0, 0])


def _resample(
    sample: TailSample, problem: JointProblem, fit: JointFit, block: int, draws: int, seed: int
) -> FloatArray:
    """(draws,) t values of the intercept about the estimate; NaN where a resample has no fit."""
    rows = sample.row_weights()
    answers = np.full(draws, np.nan)
    for draw, starts in enumerate(block_starts(sample.days, block, draws, seed)):
        counts = day_counts(starts, sample.days, block)[sample.day]
        try:
            again = fit_joint(problem, rows * counts, [fit.shortfall], fit.quantile, rounds=3)
            error = np.sqrt(_variance(sample, problem, again, block, starts))
        except (np.linalg.LinAlgError, LevercapError):
            continue
        if error > 0:
            answers[draw] = (again.shortfall[0] - fit.shortfall[0]) / error
    return answers
