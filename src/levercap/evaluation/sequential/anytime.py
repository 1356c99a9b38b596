"""E-process backtests of value at risk and expected shortfall, valid at any stopping time.

An e-value is a non-negative number that is one at most on average when the forecast is right. Betting a share of one's
wealth on each day's e-value, with shares fixed the evening before, gives a wealth that never exceeds w with probability
more than ``1 / w`` while the forecasts hold: alarm at 20 is a 5 % test that may stop at any time, and nothing has to be
known of the dependence between days or of the distribution. All of it speaks against forecasts that are too small only.
Source: Wang, Wang and Ziegel, E-backtesting (arXiv 2209.00991).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from levercap.core.names import FloatArray
from levercap.evaluation.sequential.evalues import es_evalues, panel_evalues, var_evalues

__all__ = [
    "ALARM",
    "Betting",
    "SequentialTest",
    "bet",
    "fractions_from_evalues",
    "fractions_from_losses",
    "sequential_es",
    "sequential_var",
]

ALARM = 20.0
"""Wealth at which forecasts are rejected; its inverse is the size of the test."""

CAP = 0.5
"""Largest share of the wealth that is bet on one day."""

LARGEST = 1e9
"""Stands for an infinite e-value where betting shares are chosen."""

NEWTON_STEPS = 60


class Betting(StrEnum):
    """How the share of the wealth to bet is chosen, always from the past alone.

    GREE: what would have grown wealth most on the e-values so far. GREL: what would have done so on the losses so far,
    had today's forecast been made for them, which needs losses of one size through time. GREM: half of the wealth is
    bet by each, so that it costs at most a factor of two against the better one. FIXED: the same share every day.
    """

    GREE = "gree"
    GREL = "grel"
    GREM = "grem"
    FIXED = "fixed"


@dataclass(frozen=True, eq=False)
class SequentialTest:
    """E-process against a forecaster, day by day.

    Attributes
    ----------
    e_value : (days,) one at most on average when the forecasts are right
    fraction : (days,) share of the wealth that was bet on it
    wealth : (days,) after the day; starts from 1 before the first
    largest : largest wealth so far at the end
    p_value : ``1 / largest``, at most 1; holds whenever one looks and however often
    alarm : first day, counted from 0, on which wealth reached the alarm; None when it never did
    """

    e_value: FloatArray
    fraction: FloatArray
    wealth: FloatArray
    largest: float
    p_value: float
    alarm: int | None


def fractions_from_evalues(e_values: ArrayLike, cap: float = CAP) -> FloatArray:
    """(days,) GREE: the share in [0, `cap`] that would have grown wealth most on the e-values before each day."""
    values = _floats(e_values)
    fractions = np.zeros(len(values))
    for day in range(1, len(values)):
        fractions[day] = _growth_optimal(values[:day], cap, fractions[day - 1])
    return fractions


def fractions_from_losses(
    loss: ArrayLike, var: ArrayLike, es: ArrayLike | None, level: float, cap: float = CAP
) -> FloatArray:
    """(days,) GREL: the share in [0, `cap`] that would have grown wealth most had today's forecast always been made.

    Parameters
    ----------
    loss, var, es : (days,) or (days, instruments); `es` None for bets against `var`
    level : confidence
    cap : largest share
    """
    losses, low = _days_by_instruments(loss), _days_by_instruments(var)
    high = None if es is None else _days_by_instruments(es)
    fractions = np.zeros(len(losses))
    for day in range(1, len(losses)):
        past = losses[:day]
        values = var_evalues(past, low[day], level) if high is None else es_evalues(past, low[day], high[day], level)
        fractions[day] = _growth_optimal(panel_evalues(values), cap, fractions[day - 1])
    return fractions


def bet(e_values: ArrayLike, fractions: ArrayLike, alarm: float = ALARM) -> SequentialTest:
    """Wealth of someone who bets the given shares on the given e-values.

    Parameters
    ----------
    e_values : (days,); on a day with NaN no bet is made
    fractions : (days,) or one number for all days, in [0, 1); that of a day must be known before the day
    alarm : wealth at which the forecasts count as rejected

    Notes
    -----
    ``wealth *= 1 - fraction + fraction * e_value`` each day.
    """
    values = _floats(e_values)
    share = np.where(np.isnan(values), 0.0, np.broadcast_to(_floats(fractions), values.shape))
    _check_e_values(values, share)
    with np.errstate(over="ignore"):  # infinity stands for any larger wealth
        wealth = np.asarray(np.cumprod(_growth(values, share)), dtype=np.float64)
    return _course(values, share, wealth, alarm)


def sequential_var(
    loss: ArrayLike,
    var: ArrayLike,
    level: float,
    betting: Betting | str = Betting.GREM,
    cap: float = CAP,
    alarm: float = ALARM,
) -> SequentialTest:
    """Test that value at risk is large enough, valid at any time.

    Parameters
    ----------
    loss, var : (days,) of one instrument or (days, instruments), in time order, as `day_grid` makes them; NaN where
        there is none. Losses must be known before the next forecast is made, so that horizons must not overlap.
    level : confidence
    betting : how much to bet; see `Betting`
    cap : largest share of the wealth to bet; the share itself when FIXED
    alarm : wealth at which the forecasts count as rejected
    """
    return _sequential(panel_evalues(var_evalues(loss, var, level)), loss, var, None, level, betting, cap, alarm)


def sequential_es(
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike,
    level: float,
    betting: Betting | str = Betting.GREM,
    cap: float = CAP,
    alarm: float = ALARM,
) -> SequentialTest:
    """Test that expected shortfall beside its value at risk is large enough; arguments as for `sequential_var`."""
    return _sequential(panel_evalues(es_evalues(loss, var, es, level)), loss, var, es, level, betting, cap, alarm)


def _sequential(
    values: FloatArray,
    loss: ArrayLike,
    var: ArrayLike,
    es: ArrayLike | None,
    level: float,
    betting: Betting | str,
    cap: float,
    alarm: float,
) -> SequentialTest:
    rule = Betting(betting)
    if not 0.0 < cap < 1.0:
        raise ValueError(f"cap is the largest share of the wealth to bet, between 0 and 1; got {cap}")
    if rule is Betting.FIXED:
        return bet(values, cap, alarm)
    if rule is Betting.GREE:
        return bet(values, fractions_from_evalues(values, cap), alarm)
    by_losses = bet(values, fractions_from_losses(loss, var, es, level, cap), alarm)
    if rule is Betting.GREL:
        return by_losses
    by_values = bet(values, fractions_from_evalues(values, cap), alarm)
    one, other = _before(by_values.wealth), _before(by_losses.wealth)
    with np.errstate(invalid="ignore"):
        share = (one * by_values.fraction + other * by_losses.fraction) / (one + other)
    wealth = 0.5 * (by_values.wealth + by_losses.wealth)
    return _course(values, np.where(np.isnan(share), cap, share), wealth, alarm)


def _course(values: FloatArray, share: FloatArray, wealth: FloatArray, alarm: float) -> SequentialTest:
    largest = float(wealth.max(initial=1.0))
    reached = np.flatnonzero(wealth >= alarm)
    return SequentialTest(values, share, wealth, largest, 1.0 / largest, int(reached[0]) if len(reached) else None)


def _growth_optimal(past: FloatArray, cap: float, start: float) -> float:
    """Maximiser of the mean of ``log(1 - x + x e)`` over x in [0, cap]: Newton's method in a shrinking bracket."""
    gain = np.minimum(past[~np.isnan(past)], LARGEST) - 1.0
    if len(gain) == 0 or gain.sum() <= 0:
        return 0.0
    if (gain / (1.0 + cap * gain)).sum() >= 0:
        return cap
    low, high = 0.0, cap
    x = start if 0.0 < start < cap else 0.5 * cap
    for _ in range(NEWTON_STEPS):
        ratio = gain / (1.0 + x * gain)
        slope = float(ratio.sum())
        low, high = (x, high) if slope > 0 else (low, x)
        following = x + slope / float(ratio @ ratio)
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) < 1e-12:
            return following
        x = following
    return x


def _growth(values: FloatArray, share: FloatArray) -> FloatArray:
    return 1.0 - share + np.where(share > 0, share * np.where(share > 0, values, 0.0), 0.0)


def _before(wealth: FloatArray) -> FloatArray:
    return np.concatenate([[1.0], wealth[:-1]])


def _check_e_values(values: FloatArray, share: FloatArray) -> None:
    if values.ndim != 1:
        raise ValueError("bets need one e-value per day; take panel_evalues of those of several instruments")
    if (values < 0).any():
        raise ValueError(f"e-values are not negative; {int((values < 0).sum())} of {len(values)} are")
    if not ((share >= 0) & (share < 1)).all():
        raise ValueError("fractions are shares of the wealth, at least 0 and below 1")


def _days_by_instruments(values: ArrayLike) -> FloatArray:
    array = _floats(values)
    return array[:, None] if array.ndim == 1 else array


def _floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
