"""Market clock: the last hour that counts as traded, and the age of a market at an instant.

An hour counts when at least half of the symbols that traded in the week before it have a bar. One bar dated years ahead
therefore neither moves the end of the market nor stretches its grid, and symbols that died are out of the count after a
week. After a week or more without such an hour, bars continue the market only when they fill a day and come from more
than a quarter of the symbols that traded before; bars that do not are strays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.core.errors import DataError
from levercap.core.names import IntArray
from levercap.core.panel import Panel

__all__ = ["age_hours", "market_end", "market_hours"]

HOUR: Final = pd.Timedelta(hours=1)
WEEK: Final = 7 * 24
SMALLEST_STRETCH: Final = 24
"""Hours that must count, after a week without any, before the market is taken to go on (or to have begun) there."""
SMALLEST_SHARE: Final = 0.25
"""More than this share of the symbols that traded before must trade after a week without an hour that counts."""


def market_hours(symbol: IntArray, hour: IntArray) -> tuple[int, int]:
    """First and last hour of the market, counted since the epoch like `hour`.

    Parameters
    ----------
    symbol, hour : (bars,) code of the symbol and hour of the open of each bar, in any order, repeats allowed; not empty
    """
    hours, present, expected = _counts(symbol, hour)
    counts = np.flatnonzero(2 * present >= expected)
    breaks = np.flatnonzero(np.diff(hours[counts]) >= WEEK) + 1
    stretches = np.split(counts, breaks)
    main = int(np.argmax([present[part].sum() for part in stretches]))
    first = last = stretches[main]
    for part in stretches[main + 1 :]:
        traded = _traded(symbol, hour, int(hours[last[-1]]))
        if len(part) >= SMALLEST_STRETCH and present[part].max() > SMALLEST_SHARE * traded:
            last = part
    for part in reversed(stretches[:main]):
        if len(part) >= SMALLEST_STRETCH:
            first = part
    return int(hours[first[0]]), int(hours[last[-1]])


def market_end(panel: Panel, as_of: pd.Timestamp | None = None) -> pd.Timestamp:
    """Close of the last hour of the market that is known at `as_of`; None: of the whole panel.

    Raises DataError when no bar is known at `as_of`.
    """
    known = len(panel.timestamps) if as_of is None else panel.rows_known(as_of)
    row, symbol = np.nonzero(~np.isnan(panel.close[:known]))
    if not len(row):
        raise DataError(f"no bar is known at {as_of}: the market starts at {panel.start}")
    return panel.timestamps[market_hours(symbol, row)[1]] + HOUR


def age_hours(end: pd.Timestamp, as_of: pd.Timestamp) -> float:
    """Hours from the close of the last bar used to `as_of`; negative where the market reaches beyond it."""
    return float((as_of - end) / HOUR)


def _counts(symbol: IntArray, hour: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Hours that have a bar, ascending; the symbols with a bar there, and those with one in the week before."""
    code, when = symbol, hour - hour.min()
    if not ((np.diff(code) > 0) | ((np.diff(code) == 0) & (np.diff(when) > 0))).all():
        order = np.lexsort((when, code))
        code, when = code[order], when[order]
        first = np.append(True, (np.diff(code) != 0) | (np.diff(when) != 0))
        code, when = code[first], when[first]
    span = int(when.max()) + 1
    present = np.bincount(when, minlength=span)
    # a bar keeps its symbol in the count for the week after it, or until the next bar of the symbol takes over
    following = np.where(np.diff(code) == 0, when[1:], span)
    stop = np.minimum(np.minimum(when + WEEK, np.append(following, span)), span)
    begun, ended = np.cumsum(present), np.cumsum(np.bincount(stop, minlength=span))
    hours = np.flatnonzero(present)
    before = np.maximum(hours - 1, 0)
    expected = np.where(hours > 0, begun[before] - ended[before], 0)
    return hours + hour.min(), present[hours], expected


def _traded(symbol: IntArray, hour: IntArray, end: int) -> int:
    """Symbols with a bar in the week that ends with hour `end`."""
    return len(np.unique(symbol[(hour > end - WEEK) & (hour <= end)]))
