"""Forecasts whose horizons overlap: tests on interleaved subsamples that do not, and how to combine them.

When a forecast is made every day for the next seven, one bad day makes seven hits, and every test that takes hits for
independent is wrong. Every seventh forecast makes a sample to which those tests apply; there are seven such samples,
and they depend on each other in a way nobody knows, so that their p-values are combined by rules that need not know it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from levercap.core.names import FloatArray, IntArray
from levercap.evaluation.sequential.anytime import ALARM, bet, fractions_from_evalues

__all__ = [
    "COMBINATIONS",
    "InterleavedBets",
    "OverlapCounts",
    "combine_p_values",
    "harmonic_factor",
    "interleaved_bets",
    "interleaved_p_values",
    "overlap_counts",
    "subsample",
]

COMBINATIONS = ("bonferroni", "harmonic", "average")


@dataclass(frozen=True)
class OverlapCounts:
    """How much an overlapping sample really holds.

    Attributes
    ----------
    origins, rows : distinct origins, and forecasts (of all instruments)
    horizon : origins from one forecast to the first that does not overlap with it
    independent_origins : origins whose horizons do not overlap, in the smallest of the subsamples
    hits, expected_hits : in all rows, and as many as the level leads to expect
    episodes : runs of hits no further apart than the horizon: events that can have been counted several times
    """

    origins: int
    rows: int
    horizon: int
    independent_origins: int
    hits: int
    expected_hits: float
    episodes: int


@dataclass(frozen=True, eq=False)
class InterleavedBets:
    """Bets against forecasts with overlapping horizons: one bettor per subsample, all with the same stake.

    Attributes
    ----------
    fraction : (origins,) share that its bettor stakes on each origin
    wealth : (origins,) of that bettor after it was settled
    mean_wealth : mean over bettors when all is settled: an e-value, so that ``1 / mean_wealth`` is a p-value for this
        one look at the end
    assured : (origins,) what the mean wealth is sure to reach if betting stops when the origin is settled and every
        open bet is lost
    p_value : ``1 / max(assured)``, at most 1; holds whenever one looks and however often
    alarm : first origin whose settlement brought `assured` to the alarm; None when it never got there
    """

    fraction: FloatArray
    wealth: FloatArray
    mean_wealth: float
    assured: FloatArray
    p_value: float
    alarm: int | None


def subsample(origin: ArrayLike, horizon: int) -> IntArray:
    """(rows,) which of the `horizon` interleaved subsamples each row belongs to, 0 to horizon - 1.

    Parameters
    ----------
    origin : (rows,) when each forecast was made; anything sortable, rows of one origin stay together
    horizon : distance, in origins, from which two forecasts no longer overlap: 7 for daily forecasts of a week, 6 for
        forecasts of 24 h made every 4 h. Where origins are missing, those of a subsample are even further apart.
    """
    _check_horizon(horizon)
    _, position = np.unique(np.asarray(origin), return_inverse=True)
    return np.asarray(position, dtype=np.int64).ravel() % horizon


def overlap_counts(hits: ArrayLike, origin: ArrayLike, horizon: int, level: float) -> OverlapCounts:
    """Counts that say how little an overlapping sample knows; arguments as for `subsample`, `hits` (rows,) booleans."""
    _check_horizon(horizon)
    series = np.asarray(hits, dtype=bool)
    _, position = np.unique(np.asarray(origin), return_inverse=True)
    origins = int(position.max(initial=-1)) + 1
    hit_places = np.unique(position[series])
    episodes = int(len(hit_places) > 0) + int((np.diff(hit_places) >= horizon).sum())
    expected = (1.0 - level) * len(series)
    return OverlapCounts(origins, len(series), horizon, origins // horizon, int(series.sum()), expected, episodes)


def interleaved_p_values(test: Callable[[NDArray[np.intp]], float], origin: ArrayLike, horizon: int) -> FloatArray:
    """(horizon,) p-value of a test on each subsample.

    Parameters
    ----------
    test : takes the row numbers of one subsample, ordered by origin, and gives a p-value, for example
        ``lambda rows: kupiec(int(hits[rows].sum()), len(rows), 0.99).p_value``
    origin, horizon : as for `subsample`
    """
    moments = np.asarray(origin)
    group = subsample(moments, horizon)
    order = np.argsort(moments, kind="stable")
    present = [order[group[order] == k] for k in range(horizon)]
    return np.array([test(rows) for rows in present if len(rows)])


def combine_p_values(p_values: ArrayLike, method: str = "bonferroni") -> float:
    """One p-value from several of the same hypothesis, whatever their dependence.

    Parameters
    ----------
    p_values : at least one, in [0, 1]
    method : bonferroni (`count` times the smallest: best when one subsample knows it all), harmonic (harmonic mean
        times `harmonic_factor`: best when several do) or average (twice the mean: best when all agree)

    Notes
    -----
    Twice the mean is due to Rueschendorf (1982), the harmonic mean to Vovk and Wang (Biometrika 2020).
    """
    p = np.asarray(p_values, dtype=np.float64).ravel()
    if len(p) == 0 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("combine_p_values needs at least one p-value, all in [0, 1]")
    if method not in COMBINATIONS:
        raise ValueError(f"method is one of {', '.join(COMBINATIONS)}; got {method!r}")
    if len(p) == 1:
        return float(p[0])
    if method == "bonferroni":
        return min(1.0, float(len(p) * p.min()))
    if method == "average":
        return min(1.0, float(2.0 * p.mean()))
    harmonic = 0.0 if p.min() == 0 else len(p) / float((1.0 / p).sum())
    return min(1.0, harmonic_factor(len(p)) * harmonic)


def harmonic_factor(count: int) -> float:
    """Smallest factor that makes the harmonic mean of `count` p-values a p-value under any dependence.

    Notes
    -----
    ``(y + K)^2 / ((y + 1) K)`` with y the positive root of ``y^2 = K ((y + 1) log(y + 1) - y)``; 2 for K = 2; below
    ``e log K`` and close to ``log K`` for many (Vovk and Wang, Biometrika 2020).
    """
    if count < 1:
        raise ValueError(f"harmonic_factor needs at least one p-value, got {count}")
    if count <= 2:
        return float(count)
    root = brentq(lambda y: y**2 - count * ((y + 1.0) * np.log1p(y) - y), 1e-3, 1e3 * count**2)
    return float((root + count) ** 2 / ((root + 1.0) * count))


def interleaved_bets(
    e_values: ArrayLike,
    horizon: int,
    fractions: Callable[[FloatArray], FloatArray] = fractions_from_evalues,
    alarm: float = ALARM,
) -> InterleavedBets:
    """Bets against forecasts whose horizons overlap.

    Parameters
    ----------
    e_values : (origins,) one per origin, in time order, NaN where none; of several instruments take `panel_evalues`
    horizon : as for `subsample`
    fractions : shares to bet from the e-values of one subsample, each from the past alone; below 1
    alarm : mean wealth at which the forecasts count as rejected

    Notes
    -----
    Each subsample's wealth is a test martingale for those who look every `horizon` origins; their mean is none for
    those who look in between, because open bets may already look won. It is an e-value once the bets that were open
    when one stopped are settled (Henzi and Ziegel, Biometrika 2022, and its correction), hence `assured`.
    """
    _check_horizon(horizon)
    values = np.asarray(e_values, dtype=np.float64)
    share, wealth = np.zeros(len(values)), np.ones(len(values))
    for k in range(min(horizon, len(values))):
        own = values[k::horizon]
        course = bet(own, fractions(own))
        share[k::horizon], wealth[k::horizon] = course.fraction, course.wealth
    assured = _assured(share, wealth, horizon)
    last = [float(wealth[k::horizon][-1]) if k < len(values) else 1.0 for k in range(horizon)]
    reached = np.flatnonzero(assured >= alarm)
    p_value = 1.0 / max(1.0, float(assured.max(initial=1.0)))
    first = int(reached[0]) if len(reached) else None
    return InterleavedBets(share, wealth, float(np.mean(last)), assured, p_value, first)


def _assured(share: FloatArray, wealth: FloatArray, horizon: int) -> FloatArray:
    """(origins,) mean wealth when each origin is settled, with the `horizon` - 1 bets still open taken as lost."""
    origins = len(wealth)
    before = np.concatenate([np.ones(horizon), wealth])[:origins]  # of the same bettor, one bet earlier
    worst = before * (1.0 - share)
    # Behind the last origin no bet is open: bettors keep what they have.
    behind = np.ones(horizon)
    for j in range(min(horizon, origins)):
        behind[j] = wealth[origins - horizon + j] if origins - horizon + j >= 0 else 1.0
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([worst, behind]))])
    start = np.arange(1, origins + 1)
    return np.asarray((wealth + running[start + horizon - 1] - running[start]) / horizon)


def _check_horizon(horizon: int) -> None:
    if horizon < 1:
        raise ValueError(f"horizon is a number of origins, at least 1; got {horizon}")
