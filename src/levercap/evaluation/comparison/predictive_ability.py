"""Tests of equal predictive ability, unconditional (Diebold-Mariano) and conditional (Giacomini-White).

Input is the daily loss difference: the model's loss minus the reference's, averaged over the instruments of a day, so
below zero is better. Days are the unit; instrument-days are never independent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2
from scipy.stats import t as student

from levercap.core.names import FloatArray
from levercap.evaluation.resampling.covariance import long_run_covariance, long_run_variance, newey_west_lags

__all__ = ["ConditionalAbility", "PredictiveAbility", "diebold_mariano", "giacomini_white"]

CONSTANT = 1e-12
"""A spread below this share of the largest value is rounding, not variation."""


@dataclass(frozen=True)
class PredictiveAbility:
    """Test of equal loss on average.

    Attributes
    ----------
    mean_difference : mean daily loss difference; below zero the model is better
    standard_error : of that mean, robust to autocorrelation
    statistic : corrected ratio of the two
    p_value : two-sided, of equal loss
    p_better : one-sided, of the model being no better than the reference; small when it is better
    days, lags : number of days, and of autocovariances that the standard error counts
    """

    mean_difference: float
    standard_error: float
    statistic: float
    p_value: float
    p_better: float
    days: int
    lags: int


@dataclass(frozen=True, eq=False)
class ConditionalAbility:
    """Test of equal loss given what was known when the forecasts were made.

    Attributes
    ----------
    statistic, p_value : Wald statistic, large when the loss difference can be foreseen, and its p-value
    instruments : number of instruments, the constant and the lagged difference included
    coefficients : (instruments,) least-squares weights of the loss difference on the instruments: constant, lagged
        difference, then the given ones
    share_better : share of days on which the fitted difference is below zero, so the model would have been chosen
    days : days that have all instruments
    """

    statistic: float
    p_value: float
    instruments: int
    coefficients: FloatArray = field(repr=False)
    share_better: float
    days: int


def diebold_mariano(difference: ArrayLike, horizon_days: int = 1, lags: int | None = None) -> PredictiveAbility:
    """Diebold-Mariano test that two models have the same expected loss.

    Parameters
    ----------
    difference : (days,) daily loss differences in time order, no missing value
    horizon_days : forecast horizon in steps of the series; overlapping horizons make neighbours dependent
    lags : autocovariances counted, with Bartlett weights; None chooses by `newey_west_lags`, at least
        ``horizon_days - 1``

    Raises
    ------
    ValueError
        when there are too few days or the difference is a constant other than zero, which no test can weigh

    Notes
    -----
    Diebold and Mariano (1995) with the variance of Newey and West (1987), the factor
    ``sqrt((n + 1 - 2 h + h (h - 1) / n) / n)`` and the t distribution with n - 1 degrees of freedom of Harvey,
    Leybourne and Newbold (1997). Two models that never differ have statistic 0 and p-values of 1.
    """
    daily = _series(difference, horizon_days)
    days = len(daily)
    used = max(newey_west_lags(daily), horizon_days - 1) if lags is None else lags
    if not 0 <= used < days:
        raise ValueError(f"lags must be 0 or more and fewer than the {days} days, got {lags}")
    mean = float(daily.mean())
    if not daily.any():
        return PredictiveAbility(0.0, 0.0, 0.0, 1.0, 1.0, days, used)
    error = float(np.sqrt(long_run_variance(daily, used) / days))
    if error <= CONSTANT * float(np.abs(daily).max()):
        raise ValueError(f"the loss difference is {mean:g} every day; without variation there is nothing to test")
    h = horizon_days
    correction = np.sqrt((days + 1 - 2 * h + h * (h - 1) / days) / days)
    statistic = float(correction * mean / error)
    p_better = float(student.cdf(statistic, days - 1))
    p_value = float(2.0 * student.sf(abs(statistic), days - 1))
    return PredictiveAbility(mean, error, statistic, p_value, p_better, days, used)


def giacomini_white(
    difference: ArrayLike, instruments: ArrayLike | None = None, horizon_days: int = 1, lags: int | None = None
) -> ConditionalAbility:
    """Giacomini-White test that nothing known beforehand predicts which of two models will have the smaller loss.

    Parameters
    ----------
    difference : (days,) daily loss differences in time order, no missing value
    instruments : (days,) or (days, k) further variables, each known when the forecast of its row was made; the constant
        and the last difference known by then are always used
    horizon_days : forecast horizon in steps of the series; the difference of ``horizon_days`` ago is the last one known
    lags : autocovariances counted, with Bartlett weights; None takes 0 at one step, where the null leaves none, and
        beyond chooses by `newey_west_lags`, at least ``2 (horizon_days - 1)``: Bartlett weights take half off them

    Raises
    ------
    ValueError
        when a value is missing, there are too few days, or an instrument adds nothing to the others

    Notes
    -----
    ``n m' W^-1 m`` with m the mean of instrument times difference and W its long-run covariance, not centred because
    the null says that the mean is zero. Chi-squared with as many degrees of freedom as instruments (Giacomini and
    White, Econometrica 2006, theorems 1 and 3). Two models that never differ have statistic 0 and p-value 1.
    """
    daily = _series(difference, horizon_days)
    rest = daily[horizon_days:]
    if not daily.any():
        count = 2 if instruments is None else 2 + np.atleast_2d(np.asarray(instruments).T).shape[0]
        return ConditionalAbility(0.0, 1.0, count, np.zeros(count), 0.0, len(rest))
    known = _known_beforehand(daily, instruments, horizon_days)
    moments = known * rest[:, None]
    moments /= np.sqrt((moments**2).mean(axis=0))  # the statistic does not depend on units, its arithmetic does
    mean = moments.mean(axis=0)
    used = _conditional_lags(moments, horizon_days) if lags is None else lags
    covariance = long_run_covariance(moments, used, centred=False)
    statistic = float(len(rest) * mean @ np.linalg.solve(covariance, mean))
    coefficients = np.asarray(np.linalg.lstsq(known, rest, rcond=None)[0], dtype=np.float64)
    share = float((known @ coefficients < 0).mean())
    p_value = float(chi2.sf(statistic, known.shape[1]))
    return ConditionalAbility(statistic, p_value, known.shape[1], coefficients, share, len(rest))


def _conditional_lags(moments: FloatArray, horizon_days: int) -> int:
    return 0 if horizon_days == 1 else max(newey_west_lags(moments), 2 * (horizon_days - 1))


def _series(difference: ArrayLike, horizon_days: int) -> FloatArray:
    daily = np.asarray(difference, dtype=np.float64)
    if horizon_days < 1:
        raise ValueError(f"horizon_days is a whole number of days from 1, got {horizon_days}")
    if daily.ndim != 1 or len(daily) < 2 * horizon_days + 8:
        raise ValueError(
            f"expected one series of at least {2 * horizon_days + 8} daily loss differences, got shape {daily.shape}"
        )
    missing = int((~np.isfinite(daily)).sum())
    if missing:
        raise ValueError(f"{missing} of {len(daily)} daily loss differences are missing or infinite; drop those days")
    return daily


def _known_beforehand(daily: FloatArray, instruments: ArrayLike | None, horizon_days: int) -> FloatArray:
    """(days - horizon_days, k) constant, last known difference and given variables."""
    days = len(daily)
    columns = [np.ones((days - horizon_days, 1)), daily[:-horizon_days, None]]
    if instruments is not None:
        given = np.asarray(instruments, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        if given.shape[0] != days or not np.isfinite(given[horizon_days:]).all():
            raise ValueError(f"instruments need one finite row for each of the {days} days, got shape {given.shape}")
        columns.append(given[horizon_days:])
    known = np.hstack(columns)
    size = np.sqrt((known**2).mean(axis=0))
    if np.linalg.matrix_rank(known / np.where(size > 0, size, 1.0)) < known.shape[1]:
        raise ValueError("instruments must vary and not repeat one another (a constant is always among them)")
    return known
