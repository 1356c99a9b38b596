"""False alarms of data quality on a real market: symbol-hours that are out though the symbol's bars are there.

    python benchmarks/data_quality.py MARKET [--from 2023-01-01] [--to 2025-07-01] [--every 6]

At every instant each symbol that traded within a week is counted once for every hour up to the next instant. Symbols
that are out because hours are missing (outages, delisted coins) are counted apart: frozen and disputed ones are alarms.
Takes about half a minute per hundred instants and thirty symbols.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from levercap.config import MarketConfig
from levercap.core.panel import BAR_FIELDS, HOUR, OPTIONAL_FIELDS, Panel
from levercap.core.quality import SCORED, SymbolState
from levercap.market import load_market
from levercap.market.quality import QUALITY, assess_quality

ALARMS = (SymbolState.FROZEN, SymbolState.DISPUTED)


def measure_false_alarms(
    panel: Panel, start: pd.Timestamp, stop: pd.Timestamp, every: int
) -> tuple[Counter[str], dict]:
    """Symbol-hours by state, and of every symbol with an alarm the first instant, the reason and the hours."""
    hours: Counter[str] = Counter()
    named: dict[tuple[str, str], list] = {}
    bars = dataclasses.replace(panel, **dict.fromkeys(OPTIONAL_FIELDS))
    for as_of in panel.origins(start, stop, every):
        rows = slice(max(bars.rows_known(as_of) - 24 * (QUALITY.history_days + 30), 0), bars.rows_known(as_of))
        cut = {name: getattr(bars, name)[rows] for name in BAR_FIELDS}
        known = dataclasses.replace(bars, timestamps=bars.timestamps[rows], **cut)
        quality = assess_quality(known, as_of, 3).symbols
        traded = np.isfinite(known.close[-168:]).any(axis=0)
        for row in quality[traded].itertuples():
            feed = "of the feed are out" in row.reason
            kind = "feed" if feed else row.state
            hours[kind] += every
            if kind not in (*SCORED, SymbolState.STALE, SymbolState.GAPPY):
                found = named.setdefault((row.symbol, kind), [as_of, row.reason, 0])
                found[2] += every
    return hours, named


def main() -> None:
    """Print the share of alarms and what they name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("market", type=Path)
    parser.add_argument("--from", dest="start", default="2023-01-01")
    parser.add_argument("--to", dest="stop", default="2025-07-01")
    parser.add_argument("--every", type=int, default=6, help="hours between instants")
    arguments = parser.parse_args()
    panel = load_market(arguments.market, MarketConfig()).panel
    start, stop = (pd.Timestamp(text, tz="UTC") for text in (arguments.start, arguments.stop))
    hours, named = measure_false_alarms(panel, start, min(stop, panel.end + HOUR), arguments.every)
    total = sum(hours.values())
    alarms = sum(hours[state] for state in (*ALARMS, "feed"))
    print(f"{total:,} symbol-hours: {dict(hours)}")
    print(f"alarms: {alarms:,} symbol-hours, {alarms / total:.4%}")
    for (symbol, kind), (first, reason, count) in sorted(named.items(), key=lambda item: item[1][0]):
        print(f"  {symbol} {kind} {count} h, first at {first:%Y-%m-%dT%H:%M}Z: {reason}")


if __name__ == "__main__":
    main()
