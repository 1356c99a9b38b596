"""Multiple comparisons with a reference: step-down p-values of Holm and of Romano and Wolf.

The family is a table of daily loss differences, one column per hypothesis (model, side, kind, level, horizon): the
model's loss minus the reference's, averaged over the instruments of a day. Below zero is better, and every test here is
one-sided: the null hypothesis of a column says that its model is no better than the reference.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray
from levercap.core.verdicts import REFERENCE
from levercap.evaluation.comparison.leaderboard import Matched, daily_mean
from levercap.evaluation.resampling.day_blocks import studentized_ratio

__all__ = ["daily_differences", "holm", "romano_wolf"]


def daily_differences(matched: Matched, reference: str = REFERENCE) -> pd.DataFrame:
    """Daily FZ0 differences of every model to the reference: the family that a leaderboard tests.

    Parameters
    ----------
    matched : forecasts of several models, the reference among them, beside the outcomes
    reference : the model that the others are measured against

    Returns
    -------
    DataFrame
        indexed by day, in order; one column per (model, side, kind, level), a combination without common rows left out;
        NaN on days that a combination does not have
    """
    if reference not in matched.models:
        raise ValueError(f"the reference model {reference!r} is not among {', '.join(matched.models)}")
    columns = {
        (model, row.side, row.kind, row.level): daily_mean(row.fz0(model) - row.fz0(reference), row.day)
        for model in matched.models
        if model != reference
        for row in matched
        if len(row.loss) > 0
    }
    if not columns:
        return pd.DataFrame()
    table = pd.concat(columns, axis=1, sort=False, names=["model", "side", "kind", "level"])
    return table.sort_index()


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusted p-values of Holm's step-down: reject where they are at most the family-wise error allowed.

    Parameters
    ----------
    p_values : (hypotheses,) each in [0, 1]; NaN takes no part

    Notes
    -----
    The k-th smallest of m is multiplied by ``m - k + 1``, and none may be below the one before (Holm, 1979). Holds
    under any dependence.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("p-values lie in [0, 1]")
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def romano_wolf(differences: pd.DataFrame, block_days: int = 20, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Adjusted p-values of Romano and Wolf's step-down, which uses the dependence between the hypotheses.

    Parameters
    ----------
    differences : (days, hypotheses) daily loss differences in time order; NaN on days that a column does not have
    block_days : days kept together, at most a fifth of all days; all columns are resampled by the same days
    draws, seed : number of resamples and where their random numbers start

    Returns
    -------
    DataFrame
        one row per column of `differences`, in that order and indexed by its name: difference (mean over its days),
        standard_error, t, p (of this hypothesis alone), p_holm, p_romano_wolf

    Raises
    ------
    ValueError
        when there is no day or column, a value is infinite, or a column is a constant other than zero

    Notes
    -----
    Studentised in the sample and in every resample, which skewed differences need. Hypotheses are taken from the most
    significant on; each is compared with the largest resampled t of those not yet passed, ``(1 + as extreme) / (1 +
    draws)``, and no adjusted p-value may be below the one before (Romano and Wolf, Econometrica 2005, and Statistics
    and Probability Letters 2016). The family-wise error is controlled whichever of the hypotheses are true. A column of
    zeros has p-values of 1; a column without any day has NaN and takes no part.
    """
    values = _family(differences)
    better = np.full(values.shape[1], np.nan)  # t values, turned so that large is better than the reference
    mean, error = better.copy(), better.copy()
    resampled = np.full((draws, values.shape[1]), np.nan)
    for j, column in enumerate(values.T):
        known = ~np.isnan(column)
        if not known.any():
            continue
        if not column[known].any():
            mean[j], error[j], better[j], resampled[:, j] = 0.0, 0.0, 0.0, 0.0
            continue
        mean[j], t, drawn = studentized_ratio(np.where(known, column, 0.0), known, block_days, draws, seed)
        error[j] = mean[j] / t if t != 0 else np.nan
        better[j], resampled[:, j] = -t, -drawn
    p = _alone(better, resampled)
    return pd.DataFrame(
        {
            "difference": mean,
            "standard_error": error,
            "t": -better,
            "p": p,
            "p_holm": holm(p),
            "p_romano_wolf": np.maximum(_step_down(better, resampled), p),
        },
        index=differences.columns,
    )


def _alone(better: FloatArray, resampled: FloatArray) -> FloatArray:
    """(hypotheses,) p-value of each by itself; a resample that cannot be weighed counts as extreme."""
    extreme = (resampled >= better) | np.isnan(resampled)
    p = (1.0 + extreme.sum(axis=0)) / (1.0 + len(resampled))
    return np.where(np.isnan(better), np.nan, p)


def _step_down(better: FloatArray, resampled: FloatArray) -> FloatArray:
    """(hypotheses,) adjusted p-values: each against the largest of those that are no more significant."""
    known = np.flatnonzero(~np.isnan(better))
    order = known[np.argsort(-better[known], kind="stable")]
    drawn = np.where(np.isnan(resampled), -np.inf, resampled)[:, order]
    largest = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]  # of this and all less significant hypotheses
    p = (1.0 + (largest >= better[order]).sum(axis=0)) / (1.0 + len(resampled))
    adjusted = np.full(better.shape, np.nan)
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted


def _family(differences: pd.DataFrame) -> FloatArray:
    values = differences.to_numpy(dtype=np.float64)
    if values.size == 0 or np.isinf(values).any():
        raise ValueError(
            f"expected a table of daily loss differences, days x hypotheses; got shape {values.shape} with "
            f"{int(np.isinf(values).sum())} infinite values"
        )
    constant = [
        str(name)
        for name, column in zip(differences.columns, values.T, strict=True)
        if (known := column[~np.isnan(column)]).any() and np.ptp(known) <= 1e-12 * np.abs(known).max()
    ]
    if constant:
        raise ValueError(f"no variation to test against in {', '.join(constant)}: the difference is the same every day")
    return values
