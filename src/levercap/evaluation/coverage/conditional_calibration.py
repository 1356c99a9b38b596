"""Conditional calibration of (value at risk, expected shortfall): do the forecasts leave nothing to be predicted?

Source: Nolde and Ziegel, "Elicitability and backtesting: perspectives for banking regulation", Annals of
Applied Statistics 2017. Losses, `var` and `es` are positive; a = 1 - level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm

from levercap.core.names import FloatArray
from levercap.evaluation.coverage.tail_sample import TailSample, tail_sample
from levercap.evaluation.resampling.covariance import block_covariance, long_run_covariance
from levercap.evaluation.resampling.day_blocks import studentized_ratio, t_values
from levercap.evaluation.resampling.montecarlo import monte_carlo

__all__ = [
    "Calibration",
    "conditional_calibration",
    "identification",
    "panel_calibration",
    "relative_instruments",
    "scale_instruments",
]


@dataclass(frozen=True)
class Calibration:
    """Outcome of a test of conditional calibration.

    Attributes
    ----------
    statistic : two-sided: Wald statistic, large when wrong; one-sided: the smallest t value, very negative when wrong
    p_value : small when the forecasts are wrong (two-sided) or too small (one-sided)
    moments, t_values : mean of each moment over days and its t value; negative: too many hits, or too little expected
        shortfall
    hits, rows, days : size of the sample
    """

    statistic: float
    p_value: float
    moments: tuple[float, ...]
    t_values: tuple[float, ...]
    hits: int
    rows: int
    days: int


def identification(loss: ArrayLike, var: ArrayLike, es: ArrayLike, level: float) -> FloatArray:
    """(rows, 2) values that have mean zero when the forecasts are right, and below zero when they are too small.

    Notes
    -----
    ``(a - hit, es - var - (loss - var)+ / a)``. The second is the source's identification function of expected
    shortfall with the sign turned, so that both are non-negative in expectation for a forecaster who errs on the safe
    side (conditional super-calibration); it is the minimally biased statistic of Acerbi and Szekely.
    """
    sample = tail_sample(loss, var, es, level)
    return _identification(sample)


def relative_instruments(es: ArrayLike) -> FloatArray:
    """(rows, 2, 2) instruments that divide the second identification function by es, so that all rows speak alike.

    For instruments of very different volatility: without this the wildest one decides.
    """
    e = np.asarray(es, dtype=np.float64)
    weights = np.zeros((len(e), 2, 2))
    weights[:, 0, 0], weights[:, 1, 1] = 1.0, 1.0 / e
    return weights


def scale_instruments(
    var: ArrayLike, es: ArrayLike, scale: ArrayLike, level: float, one_sided: bool = True
) -> FloatArray:
    """Instruments of the source's general tests, from a volatility forecast `scale`.

    Returns
    -------
    FloatArray
        one-sided (rows, 4, 2): 1 and var on the hits, 1 and 1 / scale on the shortfall. Two-sided (rows, 1, 2): one
        moment with weights -(es - var) / (a scale) and 1 / scale, in which hits and shortfall cancel: it judges the
        sizes of the losses beyond var, little their number
    """
    v, e, s = (np.asarray(x, dtype=np.float64) for x in (var, es, scale))
    if not (s > 0).all():
        raise ValueError(f"scale is a volatility, > 0; {int((~(s > 0)).sum())} of {s.size} values are not")
    if not one_sided:
        return np.stack([-(e - v) / ((1.0 - level) * s), 1.0 / s], axis=1)[:, None, :]
    weights = np.zeros((len(v), 4, 2))
    weights[:, 0, 0], weights[:, 1, 0], weights[:, 2, 1], weights[:, 3, 1] = 1.0, v, 1.0, 1.0 / s
    return weights


def conditional_calibration(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    instruments: ArrayLike | None = None,
    one_sided: bool = True,
) -> Calibration:
    """Nolde-Ziegel test of ONE instrument, horizon by horizon without overlap.

    Parameters
    ----------
    loss, var, es : (days,) losses positive, same units
    level : confidence
    instruments : (days, moments, 2) weights known when the forecast was made, which combine the two identification
        functions into moments; none means the identity (the "simple" test), `scale_instruments` the "general" one. For
        a one-sided test they are non-negative
    one_sided : only forecasts that are too small count as wrong (super-calibration)

    Notes
    -----
    Calibrated forecasts leave martingale differences of mean zero, so the covariance is the mean of the products,
    without lags and without the mean taken off. Two-sided: ``n m' S^-1 m`` against chi-squared. One-sided: the smallest
    of the t values, p-values combined by Hommel (1983), who needs no independence.

    A mean of few hits is far from normal. At 97.5 % and a nominal 5 % the two-sided simple test rejects right
    forecasts in about 28, 20 and 12 % of samples of 250, 500 and 1000 days; the one-sided in less than 1 %, and is slow
    to find wrong ones in the first year.
    """
    sample = tail_sample(loss, var, es, level)
    moments = _moments(sample, instruments, one_sided)
    return _calibration(sample, moments, long_run_covariance(moments, 0, centred=False), one_sided)


def panel_calibration(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    day: ArrayLike,
    level: float,
    instruments: ArrayLike | None = None,
    one_sided: bool = True,
    block_days: int | None = 20,
    lags: int | None = None,
    draws: int = 0,
    seed: int = 0,
) -> Calibration:
    """Nolde-Ziegel test of many instruments together, on daily cross-sectional means.

    Parameters
    ----------
    loss, var, es, day : (rows,) any number of instruments a day
    level : confidence
    instruments : (rows, moments, 2) as for `conditional_calibration`; none means `relative_instruments`
    one_sided : only forecasts that are too small count as wrong
    block_days : the variance of the means is that of blocks of so many days; None for Newey-West
    lags : of Newey-West, None for its automatic choice; used only without `block_days`
    draws, seed : one-sided test by blocks only: number of resamples of whole days for the p-value instead of the normal
        distribution and Hommel, and where their random numbers start

    Notes
    -----
    As `conditional_calibration`, but the moments are means of each day's rows, and their covariance allows neighbouring
    days to be alike (overlapping horizons, a forecast that is off for weeks). With `draws` the smallest t value is
    compared with the smallest t values of resamples about the observed means, so neither the skewness of rare losses
    nor what the moments have in common is assumed away: at a nominal 5 % that test keeps 3 to 6 % in a year and a half
    of 15 coins that move together, where the normal one-sided test keeps 1 % and the two-sided rejects 20 %.
    """
    if draws > 0 and (block_days is None or not one_sided):
        raise ValueError("draws resample blocks of days for the one-sided test: give block_days, and one_sided=True")
    sample = tail_sample(loss, var, es, level, day)
    weights = relative_instruments(sample.es) if instruments is None else instruments
    daily = sample.day_means(_moments(sample, weights, one_sided))
    covariance = long_run_covariance(daily, lags) if block_days is None else block_covariance(daily, block_days)
    asymptotic = _calibration(sample, daily, covariance, one_sided)
    if draws == 0 or block_days is None:
        return asymptotic
    return replace(asymptotic, p_value=_smallest_t_p_value(daily, block_days, draws, seed))


def _identification(sample: TailSample) -> FloatArray:
    shortfall = sample.es - sample.var - sample.excess / sample.rate
    return np.column_stack([sample.rate - sample.hits, shortfall])


def _moments(sample: TailSample, instruments: ArrayLike | None, one_sided: bool) -> FloatArray:
    """(rows, moments)."""
    values = _identification(sample)
    if instruments is None:
        return values
    weights = np.asarray(instruments, dtype=np.float64)
    if weights.ndim != 3 or weights.shape[::2] != values.shape or not np.isfinite(weights).all():
        raise ValueError(
            f"instruments are finite and shaped (rows = {len(values)}, moments, 2); got shape {weights.shape}"
        )
    if one_sided and (weights < 0).any():
        raise ValueError(
            "a one-sided test needs instruments >= 0: a negative weight turns 'too small' into 'too large'"
        )
    return np.asarray((weights * values[:, None, :]).sum(axis=2))


def _calibration(sample: TailSample, daily: FloatArray, covariance: FloatArray, one_sided: bool) -> Calibration:
    days = len(daily)
    means = daily.mean(axis=0)
    errors = np.sqrt(np.diag(covariance) / days)
    t = t_values(means, errors)  # without a single hit the first moment is the same every day, and its t value infinite
    if one_sided:
        statistic, p_value = float(t.min()), _hommel(norm.cdf(t))
    elif np.isfinite(t).all():
        statistic = float(days * means @ np.linalg.solve(covariance, means))
        p_value = float(chi2.sf(statistic, len(means)))
    else:
        raise ValueError(
            f"{int((~np.isfinite(t)).sum())} of {len(means)} moments do not vary; two-sided needs some hits"
        )
    hits, rows = int(sample.hits.sum()), len(sample.loss)
    return Calibration(statistic, p_value, tuple(map(float, means)), tuple(map(float, t)), hits, rows, days)


def _smallest_t_p_value(daily: FloatArray, block_days: int, draws: int, seed: int) -> float:
    """Share of resamples whose smallest t value is as small; one seed, so all columns are resampled alike."""
    ones = np.ones(len(daily))
    columns = [studentized_ratio(column, ones, block_days, draws, seed) for column in daily.T]
    observed = min(t for _, t, _ in columns)
    resampled = np.min([t for _, _, t in columns], axis=0)
    return monte_carlo(-observed, -resampled).p_value


def _hommel(p_values: FloatArray) -> float:
    """P-value of "all are true" under any dependence: ``C k min_i p_(i) / i`` with ``C = 1 + 1/2 + ... + 1/k``."""
    count = len(p_values)
    rank = np.arange(1, count + 1)
    return min(1.0, float((1.0 / rank).sum() * count * (np.sort(p_values) / rank).min()))
