"""Conservative filling of missing hours: absent is not calm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.panel import Panel

__all__ = ["bridge", "fill_missing", "missing_runs"]

WEEK = 168
WINDOWS = (6, 12, 24, 48, 72, 168, 336, 720)
"""Windows of the features whose means the hours missing at the end must not lower."""

FEWEST_OTHERS = 3
UPPER = 0.75
RANGE_TO_MOVE = 1.5
"""Range of a filled hour over its move, at least; that of violent hours is about a third larger than the move."""


@dataclass(frozen=True, eq=False)
class _Observed:
    """Absolute log moves, log ranges and turnover of the last rows, NaN where missing; each (rows, symbols).

    `market_move` and `market_range` (rows,) are the upper quartiles over the symbols that are there, each in units of
    its own mean; zero where fewer than three are there. `first` is the panel's row of row 0.
    """

    first: int
    moves: FloatArray
    ranges: FloatArray
    turnover: FloatArray
    market_move: FloatArray
    market_range: FloatArray


def fill_missing(panel: Panel, hours: int, until: IntArray) -> None:
    """Fill, in place, the missing hours of each symbol among the last `hours` before row `until`.

    Each filled hour moves at least as far, and ranges at least as wide, as the largest hour of the week on both sides
    of it, and as the other symbols' upper quartile in the same hour; it trades as much as the busiest hour. The prices
    before and after are bridged, and the move of the hour after is not lessened. Hours missing at the end of the panel
    move as far as the root mean square of any window and as the hours that leave these windows, so that no mean over
    them falls below what it was at the last hour there.

    Parameters
    ----------
    panel : bars, complete or missing as a whole; written to
    until : (symbols,) number of leading rows within which hours are filled; zero fills none
    """
    first = np.maximum(until - hours, 0)
    holes = {
        int(j): [
            run for run in missing_runs(np.isfinite(panel.close[: until[j], j])) if run[1] > first[j] and run[0] > 0
        ]
        for j in np.flatnonzero(until > 0)
    }
    if not any(holes.values()):
        return
    earliest = min(run[0] for runs in holes.values() for run in runs)
    observed = _observe(panel, max(earliest - WEEK - max(WINDOWS), 0))
    for j, runs in holes.items():
        for begin, end in runs:
            if end < until[j] or end == len(panel.close):
                _fill_run(panel, observed, j, begin, end)


def missing_runs(there: BoolArray) -> list[tuple[int, int]]:
    """Runs [begin, end) of hours that are not there."""
    edge = np.diff(np.concatenate([[1], there.astype(np.int8), [1]]))
    return list(zip(np.flatnonzero(edge == -1).tolist(), np.flatnonzero(edge == 1).tolist(), strict=True))


def _observe(panel: Panel, first: int) -> _Observed:
    rows = slice(first, None)
    close = np.log(panel.close[rows])
    moves = np.vstack([np.full((1, close.shape[1]), np.nan), np.abs(np.diff(close, axis=0))])
    ranges = np.log(panel.high[rows] / panel.low[rows])
    turnover = panel.volume[rows] * panel.close[rows]
    return _Observed(first, moves, ranges, turnover, _market(moves), _market(ranges))


def _market(size: FloatArray) -> FloatArray:
    """(rows,) upper quartile over the symbols of the size in units of its own mean, zero where few are there."""
    mean = _mean(size)
    relative = np.divide(size, mean, out=np.full_like(size, np.nan), where=mean > 0)
    enough = np.isfinite(relative).sum(axis=1) >= FEWEST_OTHERS
    out = np.zeros(len(size))
    if enough.any():
        out[enough] = np.nanquantile(relative[enough], UPPER, axis=1)
    return out


def _mean(size: FloatArray) -> FloatArray:
    """(symbols,) mean of the values that are there, zero without any."""
    known = np.isfinite(size)
    return np.asarray(np.where(known, size, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), dtype=np.float64)


def _fill_run(panel: Panel, observed: _Observed, j: int, begin: int, end: int) -> None:
    start, last = float(np.log(panel.close[begin - 1, j])), end == len(panel.close)
    sizes = _sizes(observed.moves[:, j], observed.market_move, begin - observed.first, end - observed.first, last)
    widths = _sizes(observed.ranges[:, j], observed.market_range, begin - observed.first, end - observed.first, last)
    if last:
        path = start + np.cumsum(sizes * np.where(np.arange(end - begin) % 2 == 0, -1.0, 1.0))
    else:
        path = bridge(start, float(np.log(panel.open[end, j])), float(np.log(panel.close[end, j])), sizes)
    opened = np.append(start, path[:-1])
    moved = np.abs(path - opened)
    spare = np.maximum(np.maximum(widths, RANGE_TO_MOVE * moved) - moved, 0.0) / 2.0
    week = observed.turnover[max(begin - observed.first - WEEK, 0) : end - observed.first + WEEK, j]
    rows = slice(begin, end)
    panel.open[rows, j], panel.close[rows, j] = np.exp(opened), np.exp(path)
    panel.high[rows, j] = np.exp(np.maximum(opened, path) + spare)
    panel.low[rows, j] = np.exp(np.minimum(opened, path) - spare)
    panel.volume[rows, j] = _largest(week, np.nan) / panel.close[rows, j]


def _sizes(own: FloatArray, market: FloatArray, begin: int, end: int, last: bool) -> FloatArray:
    """(end - begin,) least size of each missing hour, from the symbol's own sizes and the other symbols'."""
    if last:
        least = _not_below_means(own[:begin], end - begin)
    else:
        least = np.full(end - begin, _largest(own[max(begin - WEEK, 0) : end + WEEK], 0.0))
    return np.asarray(np.maximum(least, market[begin:end] * _mean(own[:, None])[0]), dtype=np.float64)


def bridge(start: float, open_after: float, close_after: float, sizes: FloatArray) -> FloatArray:
    """(hours,) log closes of a path from `start` to the open after it, each step at least its size long.

    The steps alternate about the straight line. The last close is the open after where that is far enough away, else
    on the side of it from which the move to `close_after` is at least as long as that of its bar.
    """
    hours = len(sizes)
    steps = np.maximum(sizes, abs(open_after - start) / hours)
    path = np.empty(hours)
    price = start
    for k in range(hours - 1):
        line = start + (open_after - start) * (k + 1) / hours
        price += steps[k] if line >= price else -steps[k]
        path[k] = price
    if abs(open_after - price) >= sizes[-1]:
        path[-1] = open_after
    else:
        path[-1] = price - sizes[-1] if close_after >= open_after else price + sizes[-1]
    return path


def _largest(values: FloatArray, default: float) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else default


def _not_below_means(past: FloatArray, hours: int) -> FloatArray:
    """(hours,) size of each missing hour at the end: root mean square of every window, and the hour that leaves it."""
    there = np.isfinite(past)
    known = np.where(there, past, 0.0)
    means = [np.sum(known[-w:] ** 2) / max(there[-w:].sum(), 1) for w in WINDOWS]
    size = np.full(hours, float(np.sqrt(max(means))))
    for w in WINDOWS:
        for k in range(min(hours, w)):
            if k - w >= -len(known):
                size[k] = max(size[k], known[k - w])
    return size
