"""Influence of single days and events on a mean loss difference.

Input is the daily loss difference indexed by day: the model's loss minus the reference's, averaged over the instruments
of a day, so below zero is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levercap.core.names import FloatArray
from levercap.core.verdicts import ALL_EVENTS, NO_EVENT
from levercap.evaluation.resampling.bootstrap import interval

__all__ = ["ALL_EVENTS", "NO_EVENT", "Influence", "influence", "influential_days", "leave_events_out"]

EVENT_COLUMNS = ["event", "start", "end", "days", "difference", "without", "low", "high"]


@dataclass(frozen=True)
class Influence:
    """Influence of the most extreme days on a mean difference.

    Attributes
    ----------
    days : number of days
    mean : mean daily difference
    mean_without : mean without the days of the largest absolute difference
    mean_without_helpful : mean without as many days that help the sign of the mean most: the worst case for the claim
    removed : how many days each of the two leaves out
    days_to_overturn : fewest days whose removal takes the mean to zero or across it; None when none does, or when it is
        zero already
    """

    days: int
    mean: float
    mean_without: float
    mean_without_helpful: float
    removed: int
    days_to_overturn: int | None


def influence(daily: pd.Series, removed: int = 10) -> Influence:
    """Mean difference with and without its `removed` most influential days, and how many days would overturn it.

    Parameters
    ----------
    daily : (days,) loss differences indexed by day, no missing value
    removed : number of days to leave out, fewer than there are

    Notes
    -----
    A mean without k days is lowest or highest when the k extremes of one side go, so the worst case is exact, not a
    search (compare Broderick, Giordano and Meager, 2020, who approximate it for other estimators).
    """
    values = _values(daily)
    if not 0 <= removed < len(values):
        raise ValueError(f"can leave out from 0 to {len(values) - 1} of {len(values)} days, got {removed}")
    mean = float(values.mean())
    sign = 1.0 if mean > 0 else -1.0
    helpful = np.sort(sign * values)[::-1]  # the days that help most come first
    left = helpful.sum() - np.cumsum(helpful)[:-1]
    overturned = np.flatnonzero(left <= 0)
    return Influence(
        days=len(values),
        mean=mean,
        mean_without=float(np.delete(values, _by_size(values)[:removed]).mean()),
        mean_without_helpful=float(sign * helpful[removed:].mean()),
        removed=removed,
        days_to_overturn=int(overturned[0]) + 1 if mean != 0 and len(overturned) else None,
    )


def influential_days(daily: pd.Series, count: int = 10) -> pd.DataFrame:
    """The days that move the mean difference most, by absolute difference.

    Returns
    -------
    DataFrame
        day, difference, contribution (difference / days: the contributions of all days sum to the mean), mean_without
        (mean of all other days), cumulative_without (mean without this and all days above it; NaN when none is left)
    """
    values = _values(daily)
    order = _by_size(values)[:count]
    taken, total, days = values[order], values.sum(), len(values)
    removed = np.arange(1, len(order) + 1)
    others = np.where(days > 1, total - taken, np.nan) / max(days - 1, 1)
    left = np.where(removed < days, total - np.cumsum(taken), np.nan) / np.maximum(days - removed, 1)
    return pd.DataFrame(
        {
            "day": daily.index[order],
            "difference": taken,
            "contribution": taken / days,
            "mean_without": others,
            "cumulative_without": left,
        }
    )


def leave_events_out(
    daily: pd.Series,
    events: Mapping[str, tuple[object, object]],
    block_days: int = 20,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean difference with each event left out in turn, and with all of them left out.

    Parameters
    ----------
    daily : (days,) loss differences indexed by day, no missing value
    events : name -> first and last day, both included; anything `pandas.Timestamp` reads, UTC where no zone is given
    block_days, draws, seed : of the block bootstrap

    Returns
    -------
    DataFrame
        First the row ``nothing``, then one per event in the order given, last ``all events``: event, start, end, days
        (of the event in the series), difference (mean within the event), without (mean of all other days), low and high
        (95 % interval of that mean). NaN where there are no days.

    Raises
    ------
    ValueError
        when events end before they start
    """
    values = _values(daily)
    spans = {name: (_instant(first), _instant(last)) for name, (first, last) in events.items()}
    backward = [name for name, (first, last) in spans.items() if last < first]
    if backward:
        raise ValueError(f"events end before they start: {', '.join(backward)}; expected (first day, last day)")
    index = pd.DatetimeIndex(daily.index)
    days = (index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")).floor("D")
    inside = {name: np.asarray((days >= first) & (days <= last)) for name, (first, last) in spans.items()}
    nothing = np.zeros(len(values), dtype=bool)
    every = np.logical_or.reduce([nothing, *inside.values()])
    lines = []
    for name, within in {NO_EVENT: nothing, **inside, ALL_EVENTS: every}.items():
        first, last = spans.get(name, (pd.NaT, pd.NaT))
        rest = values[~within]
        low, high = interval(rest, block_days, draws, seed) if len(rest) else (float("nan"), float("nan"))
        lines.append((name, first, last, int(within.sum()), _mean(values[within]), _mean(rest), low, high))
    return pd.DataFrame(lines, columns=EVENT_COLUMNS)


def _by_size(values: FloatArray) -> NDArray[np.intp]:
    """Order of the days by absolute difference, the largest first; the earlier of two equals comes first."""
    return np.argsort(-np.abs(values), kind="stable")


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _instant(value: object) -> pd.Timestamp:
    stamp = pd.Timestamp(value)  # type: ignore[arg-type]
    return (stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")).floor("D")


def _values(daily: pd.Series) -> FloatArray:
    values = daily.to_numpy(dtype=np.float64)
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"expected one finite loss difference per day; {int((~np.isfinite(values)).sum())} of {len(values)} are not"
        )
    return values
