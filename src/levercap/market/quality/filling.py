"""Conservative filling of missing hours: absent is not calm."""

from __future__ import annotations

import numpy as np

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.panel import Panel

__all__ = ["fill_missing", "missing_runs"]

WEEK = 168
WINDOWS = (6, 12, 24, 48, 72, 168, 336, 720)
"""Windows of the features whose means the hours missing at the end must not lower."""


def fill_missing(panel: Panel, hours: int, symbols: BoolArray) -> None:
    """Fill, in place, the missing hours among the last `hours` of the given `symbols`.

    Each filled hour moves at least as far, and ranges at least as wide, as the largest hour of the week on both sides
    of it, and trades as much as the busiest; the prices of the hours before and after are bridged, and the move of the
    hour after is not lessened. Hours missing at the end move as far as the root mean square of any window and as the
    hours that leave these windows, so that no mean over them falls below what it was at the last hour there.

    Parameters
    ----------
    panel : bars, complete or missing as a whole; written to
    symbols : (symbols,)
    """
    first = max(len(panel.timestamps) - hours, 0)
    for j in np.flatnonzero(symbols):
        there = np.isfinite(panel.close[:, j])
        for begin, end in missing_runs(there, first):
            _fill_run(panel, int(j), begin, end, there)


def missing_runs(there: BoolArray, first: int) -> list[tuple[int, int]]:
    """Runs [begin, end) of missing hours that end after row `first` and have an hour before them."""
    edge = np.diff(np.concatenate([[1], there.astype(np.int8), [1]]))
    begin, end = np.flatnonzero(edge == -1), np.flatnonzero(edge == 1)
    return [(int(b), int(e)) for b, e in zip(begin, end, strict=True) if e > first and b > 0]


def _fill_run(panel: Panel, j: int, begin: int, end: int, there: BoolArray) -> None:
    start = np.log(panel.close[begin - 1, j])
    moves, ranges, turnover = _own(panel, j, max(begin - WEEK, 0), min(end + WEEK, len(there)), there)
    largest, widest = _largest(moves), _largest(ranges)
    size, width = np.full(end - begin, largest), np.full(end - begin, widest)
    if end == len(there):
        past = slice(max(begin - max(WINDOWS), 0), begin)
        past_moves, past_ranges, _ = _own(panel, j, past.start, past.stop, there)
        size, width = _last_means(past_moves, end - begin), _last_means(past_ranges, end - begin)
        path = start + np.cumsum(size * _alternating(end - begin))
    else:
        path = bridge(start, np.log(panel.open[end, j]), np.log(panel.close[end, j]), end - begin, largest)
    opened = np.append(start, path[:-1])
    spare = np.maximum(width - np.abs(path - opened), 0.0) / 2.0
    rows = slice(begin, end)
    panel.open[rows, j], panel.close[rows, j] = np.exp(opened), np.exp(path)
    panel.high[rows, j] = np.exp(np.maximum(opened, path) + spare)
    panel.low[rows, j] = np.exp(np.minimum(opened, path) - spare)
    panel.volume[rows, j] = _largest(turnover, np.nan) / panel.close[rows, j]


def bridge(start: float, open_after: float, close_after: float, hours: int, size: float) -> FloatArray:
    """(hours,) log closes of a path from `start` to the open after it, every step at least `size` long.

    The steps alternate about the straight line. The last close is the open after where that is far enough away, else
    on the side of it from which the move to `close_after` is at least as long as that of its bar.
    """
    step = max(size, abs(open_after - start) / hours)
    path = np.empty(hours)
    price = start
    for k in range(hours - 1):
        line = start + (open_after - start) * (k + 1) / hours
        price += step if line >= price else -step
        path[k] = price
    if abs(open_after - price) >= size:
        path[-1] = open_after
    else:
        path[-1] = price - size if close_after >= open_after else price + size
    return path


def _own(panel: Panel, j: int, begin: int, end: int, there: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Absolute hourly moves, log ranges and turnover of the rows that were there, NaN elsewhere."""
    rows = slice(begin, end)
    close, before = panel.close[rows, j], panel.close[max(begin - 1, 0) : end, j]
    known = there[rows]
    previous = before[:-1] if begin > 0 else np.append(np.nan, before[:-1])
    both = known & np.isfinite(previous)
    moves = np.full(end - begin, np.nan)
    moves[both] = np.abs(np.log(close[both] / previous[both]))
    ranges = np.where(known, np.log(panel.high[rows, j] / panel.low[rows, j]), np.nan)
    return moves, ranges, np.where(known, panel.volume[rows, j] * close, np.nan)


def _largest(values: FloatArray, default: float = 0.0) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else default


def _last_means(past: FloatArray, hours: int) -> FloatArray:
    """(hours,) size of each missing hour at the end: root mean square of every window, and the hour that leaves it."""
    known = np.where(np.isfinite(past), past, 0.0)
    means = [float(np.sqrt(np.mean(known[-w:] ** 2))) for w in WINDOWS if len(known)]
    size = np.full(hours, max(means, default=0.0))
    for w in WINDOWS:
        for k in range(min(hours, w)):
            if k - w >= -len(known):
                size[k] = max(size[k], known[k - w])
    return size


def _alternating(hours: int) -> IntArray:
    return np.where(np.arange(hours) % 2 == 0, -1, 1)
