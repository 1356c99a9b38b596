"""Market-wide events: known ones of crypto markets, and jumps of volatility in any market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

__all__ = ["EVENTS", "events_within", "volatility_jumps"]

EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "2020-03 covid crash": ("2020-03-12", "2020-03-13"),
    "2021-05 deleveraging": ("2021-05-19", "2021-05-23"),
    "2022-05 LUNA": ("2022-05-08", "2022-05-12"),
    "2022-06 3AC": ("2022-06-12", "2022-06-18"),
    "2022-11 FTX": ("2022-11-07", "2022-11-10"),
    "2023-08 long squeeze": ("2023-08-17", "2023-08-17"),
    "2024-08 yen carry": ("2024-08-04", "2024-08-05"),
    "2025-02 tariffs": ("2025-02-02", "2025-02-03"),
    "2025-04 tariffs": ("2025-04-03", "2025-04-09"),
    "2025-10 liquidations": ("2025-10-10", "2025-10-11"),
}
"""First and last day (UTC, both included) of the events that hit the whole crypto market at once."""

LEADER: Final = "BTC"
"""The events are those of crypto markets; a market that does not list this coin had others."""

NORMAL_DAYS: Final = 20
RECORD_DAYS: Final = 120
SMALLEST_RECORD: Final = 60
APART_DAYS: Final = 60


def events_within(
    start: pd.Timestamp, stop: pd.Timestamp, symbols: tuple[str, ...]
) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """Events of which at least one day lies from `start` up to, not including, `stop`; none without bitcoin."""
    if not any(symbol.upper().startswith(LEADER) for symbol in symbols):
        return {}
    spans = {name: (_day(first), _day(last)) for name, (first, last) in EVENTS.items()}
    return {name: span for name, span in spans.items() if span[1] >= start.floor("D") and span[0] < stop}


def volatility_jumps(outcomes: pd.DataFrame, start: pd.Timestamp, stop: pd.Timestamp) -> pd.DatetimeIndex:
    """Days on which the market as a whole became much more volatile than it had been, `start` <= day < `stop`.

    Parameters
    ----------
    outcomes : as_of, symbol, realised_volatility (of the horizon after `as_of`), from before `start` where there is
        such a past; one origin a day

    Notes
    -----
    Market volatility is the median over symbols of the log realised volatility; its jump is what it is above the mean
    of the 20 days before. A day is a break when its jump is the largest of the last 120 days (of all there are, 60 at
    the least) and no break lies within the 60 days before it. Nothing later than the day itself is used.
    """
    known = outcomes[outcomes["realised_volatility"] > 0]
    log_volatility = np.log(known["realised_volatility"])
    market = log_volatility.groupby(pd.DatetimeIndex(known["as_of"]).floor("D")).median().sort_index()
    market = market[market.index < stop]
    jump = market - market.shift(1).rolling(NORMAL_DAYS, min_periods=NORMAL_DAYS).mean()
    record = jump.shift(1).rolling(RECORD_DAYS, min_periods=SMALLEST_RECORD).max()
    breaks: list[pd.Timestamp] = []
    for day in jump.index[(jump > record) & (jump > 0)]:
        if not breaks or (day - breaks[-1]).days > APART_DAYS:
            breaks.append(day)
    found = pd.DatetimeIndex(breaks, dtype="datetime64[us, UTC]")
    return found[found >= start.floor("D")]


def _day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("us")
