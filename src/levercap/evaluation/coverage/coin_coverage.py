"""Coverage of value at risk by instrument, by year, by any group, and after breaks."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from levercap.core.names import BoolArray, FloatArray
from levercap.evaluation.coverage.hit_tests import kupiec, pooled_coverage, traffic_light
from levercap.evaluation.resampling.bootstrap import bootstrap_means

__all__ = ["YEAR_DAYS", "coin_coverage", "coverage_by", "coverage_by_year", "post_break_coverage", "share_passing"]

YEAR_DAYS = 365
"""Days of the traffic light: these markets never close."""

SIZE = 0.05


def coin_coverage(
    hits: ArrayLike, symbol: ArrayLike, day: ArrayLike, level: float, year_days: int = YEAR_DAYS
) -> pd.DataFrame:
    """Hits of every instrument, with the Kupiec test and the traffic light of its last and of its worst year.

    Parameters
    ----------
    hits : (rows,) booleans
    symbol, day : (rows,) instrument and UTC day of each row, at most one row for each pair
    level : confidence of the value at risk
    year_days : calendar days of the traffic light

    Returns
    -------
    DataFrame
        symbol, rows, hits, rate, p_value, passes (p_value above 5 %), last_hits, last_light, worst_hits, worst_light,
        worst_until (last day of the worst year); one row per symbol, sorted

    Notes
    -----
    The p-values of `kupiec` are exact: they are what a Monte Carlo test comes to with ever more draws. An instrument
    with less than a year of history has one window, all of it. The worst year is that whose hit count is least
    expected for the days it has forecasts for; as the worst of many it says less than its light: over 2,000 days of
    correct 99 % forecasts three instruments in five have a yellow year.
    """
    frame = _frame(hits, day, level).assign(symbol=np.asarray(symbol))
    twice = int(frame.duplicated(["symbol", "day"]).sum())
    if twice:
        raise ValueError(f"coin_coverage needs one row per symbol and day; {twice} of {len(frame)} rows repeat a pair")
    lines = []
    for name, part in frame.sort_values(["symbol", "day"]).groupby("symbol", sort=True):
        series = part["hit"].to_numpy()
        test = kupiec(int(series.sum()), len(series), level)
        line = {"symbol": name, "rows": len(series), "hits": int(series.sum()), "rate": float(series.mean())}
        line |= {"p_value": test.p_value, "passes": test.p_value > SIZE}
        lines.append(line | _lights(series, pd.DatetimeIndex(part["day"]), level, year_days))
    return pd.DataFrame(lines)


def share_passing(table: pd.DataFrame) -> float:
    """Share of the instruments of a `coin_coverage` table that pass the Kupiec test at 5 %.

    At least 95 % of them should when all forecasts are right. Instruments move together, and so do their passes: the
    share itself has no binomial distribution.
    """
    return float(table["passes"].mean())


def coverage_by(
    hits: ArrayLike, day: ArrayLike, group: ArrayLike, level: float, block_days: int = 20, confidence: float = 0.95
) -> pd.DataFrame:
    """Hit rate of each group of rows, clustered by day: by symbol, year, side, regime.

    Parameters
    ----------
    hits, day, group : (rows,) of each row
    level, block_days, confidence : as for `pooled_coverage`

    Returns
    -------
    DataFrame
        index group; hit_rate, low, high, p_value, days, rows, effective_rows, hits
    """
    series, days, groups = np.asarray(hits, dtype=bool), np.asarray(day), np.asarray(group)
    names = pd.unique(pd.Series(groups).sort_values())
    lines = [_coverage_line(series, days, groups == name, level, block_days, confidence) for name in names]
    return pd.DataFrame(lines, index=pd.Index(names, name="group"))


def coverage_by_year(
    hits: ArrayLike, day: ArrayLike, level: float, block_days: int = 20, confidence: float = 0.95
) -> pd.DataFrame:
    """`coverage_by` calendar year (UTC) of `day`, (rows,) timestamps; the index is the year."""
    return coverage_by(hits, day, _days(day).year, level, block_days, confidence).rename_axis("year")


def post_break_coverage(
    hits: ArrayLike,
    day: ArrayLike,
    breaks: ArrayLike,
    days: int = 60,
    *,
    level: float,
    block_days: int = 20,
    confidence: float = 0.95,
    draws: int = 1999,
    seed: int = 0,
) -> pd.DataFrame:
    """Hit rate after given dates against the rest.

    Parameters
    ----------
    hits, day : (rows,) hits, and the UTC day of each forecast
    breaks : dates on which the market changed
    days : length of the time after a break: day 1 to `days` after it
    level, block_days, confidence : as for `pooled_coverage`
    draws, seed : of the block bootstrap of the difference

    Returns
    -------
    DataFrame
        index period: ``after`` a break, ``break`` (the dates themselves: hits there are why they are called breaks, and
        say nothing about the recovery), ``elsewhere``, each with the columns of `coverage_by`; and ``difference``, the
        hit rate after minus elsewhere with its interval in low and high. A period without rows has NaN. `breaks` with
        at least one row after them are counted in the column ``breaks``: so few are the independent cases.
    """
    series, when = np.asarray(hits, dtype=bool), _days(day)
    dates = pd.DatetimeIndex(_days(breaks).unique()).sort_values()
    since = _days_since(when, dates)
    periods = {"after": (since >= 1) & (since <= days), "break": since == 0}
    periods["elsewhere"] = ~(periods["after"] | periods["break"])
    keys = when.to_numpy()
    lines = {n: _coverage_line(series, keys, inside, level, block_days, confidence) for n, inside in periods.items()}
    blocks = _Blocks(block_days, confidence, draws, seed)
    lines["difference"] = _difference(series, keys, periods["after"], periods["elsewhere"], blocks)
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis("period")
    seen = sum(bool(((when > date) & (when <= date + pd.Timedelta(days=days))).any()) for date in dates)
    return table.assign(breaks=seen)


@dataclass(frozen=True)
class _Blocks:
    """Block bootstrap of an interval."""

    days: int
    confidence: float
    draws: int
    seed: int


def _frame(hits: ArrayLike, day: ArrayLike, level: float) -> pd.DataFrame:
    if not 0.5 < level < 1.0:
        raise ValueError(f"level is a confidence between 0.5 and 1, for example 0.99; got {level}")
    return pd.DataFrame({"hit": np.asarray(hits, dtype=bool), "day": _days(day)})


def _days(day: ArrayLike) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(pd.Series(np.asarray(day)), utc=True)).floor("D")


def _lights(series: BoolArray, day: pd.DatetimeIndex, level: float, year_days: int) -> dict[str, object]:
    """Traffic light of the last window of `year_days`, and of the worst; `day` is sorted."""
    place = (day - day[0]).days.to_numpy()
    running = np.concatenate([[0], np.cumsum(series)])
    start = np.searchsorted(place, place - year_days, side="right")
    end = np.arange(len(series))
    full = place >= year_days - 1
    full[-1] |= not full.any()
    counts, rows = running[end + 1] - running[start], end + 1 - start
    surprise = np.where(full, binom.cdf(counts - 1, rows, 1.0 - level), -1.0)
    worst = int(surprise.argmax())
    return {
        "last_hits": int(counts[-1]),
        "last_light": traffic_light(int(counts[-1]), int(rows[-1]), level),
        "worst_hits": int(counts[worst]),
        "worst_light": traffic_light(int(counts[worst]), int(rows[worst]), level),
        "worst_until": day[worst],
    }


def _coverage_line(
    hits: BoolArray, day: NDArray[np.generic], inside: BoolArray, level: float, block_days: int, confidence: float
) -> dict[str, float]:
    if not inside.any():
        missing = dict.fromkeys(("hit_rate", "low", "high", "p_value"), float("nan"))
        return missing | dict.fromkeys(("days", "rows", "effective_rows", "hits"), 0)
    line = asdict(pooled_coverage(hits[inside], day[inside], level, block_days, confidence))
    return line | {"hits": int(hits[inside].sum())}


def _days_since(day: pd.DatetimeIndex, dates: pd.DatetimeIndex) -> FloatArray:
    """(rows,) days since the last of the sorted `dates`, infinite before the first."""
    last = dates.searchsorted(day, side="right") - 1
    since = np.full(len(day), np.inf)
    known = last >= 0
    since[known] = (day[known] - dates[last[known]]).days
    return since


def _difference(
    hits: BoolArray,
    day: NDArray[np.generic],
    after: BoolArray,
    elsewhere: BoolArray,
    blocks: _Blocks,
) -> dict[str, float]:
    """Difference of the two hit rates (means over days), with its block-bootstrap interval."""
    if not (after.any() and elsewhere.any()):
        return {}
    days, index = np.unique(day, return_inverse=True)
    share = np.bincount(index, hits) / np.bincount(index)
    one, other = (np.bincount(index, part, len(days)) > 0 for part in (after, elsewhere))
    columns = np.column_stack([share * one, one, share * other, other]).astype(np.float64)
    means = bootstrap_means(columns, blocks.days, blocks.draws, blocks.seed)
    usable = (means[:, 1] > 0) & (means[:, 3] > 0)
    drawn = means[usable, 0] / means[usable, 1] - means[usable, 2] / means[usable, 3]
    tail = (1.0 - blocks.confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return {"hit_rate": float(share[one].mean() - share[other].mean()), "low": float(low), "high": float(high)}
