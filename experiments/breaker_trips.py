"""How often the breaker would have held a scoring run back: every midnight of a market, walk-forward, simulated book.

    python experiments/breaker_trips.py MARKET [FROM [TO]]

Prints every night that trips, with the bounds, and every night whose cuts would have tripped if the data did not
explain them; at the end the counts.
"""

from __future__ import annotations

import collections
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from levercap.config import BookSimulation, Config
from levercap.limits.batch import batch_change, batch_figures
from levercap.limits.outcome import judge
from levercap.limits.predictor import Predictor
from levercap.limits.previous_run import PreviousRun
from levercap.market import load_market
from levercap.policy import trips
from levercap.simulation import simulate_book
from levercap.workflows.replay import snapshots

ACCOUNTS = 500


def book_of(market_folder: Path, start: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulated book in the symbols that traded at the start."""
    bars = pd.read_parquet(market_folder / "bars.parquet").astype({"symbol": "str"})
    return simulate_book(BookSimulation(accounts=ACCOUNTS), bars[bars["timestamp"] < start])


def main(folder: str, first: str = "2020-01-01", last: str = "2025-07-01") -> None:
    """Walk through the midnights from `first` up to, not including, `last`."""
    config = Config()
    start, stop = (pd.Timestamp(text, tz="UTC") for text in (first, last))
    market = load_market(Path(folder), config.market)
    accounts, positions = book_of(Path(folder), start)
    previous = PreviousRun()
    counts: collections.Counter[str] = collections.Counter()
    nights, unexplained, lowest = 0, 0, 1.0
    never = dataclasses.replace(config.breaker, explained_share=1.0)
    for snapshot in snapshots(market, market.panel.origins(start, stop), config):
        predictor = Predictor(snapshot, config)
        book = predictor.clean(accounts, positions)
        limits = predictor.score(book, previous.limits)
        outcome = judge(book, limits, previous, snapshot.symbols, config.breaker)
        nights += 1
        if outcome.tripped:
            counts.update(trip.setting or "positions" for trip in outcome.tripped)
            print(f"{snapshot.as_of:%Y-%m-%d}", *(trip.message for trip in outcome.tripped), sep="\n  ", flush=True)
        if previous.limits is not None:
            figures = batch_figures(book, limits)
            change = batch_change(limits, figures, previous.limits, previous.figures, snapshot.symbols)
            bare = trips(figures, dataclasses.replace(change, scored_share=0.0), never)
            unexplained += bool(bare)
            lowest = min(lowest, change.scored_share)
            if bare:
                cut = float(np.median(change.cuts)) if len(change.cuts) else 0.0
                night = f"{snapshot.as_of:%Y-%m-%d} explained"
                print(f"{night}: median cut {cut:.1%}, scored {change.scored_share:.0%}", flush=True)
        previous = PreviousRun(limits, dataclasses.asdict(outcome.figures))
        if nights % 100 == 0:
            print(f"{nights} nights until {snapshot.as_of:%Y-%m-%d}: {dict(counts)}", flush=True)
    print(f"{nights} nights: trips {dict(counts)}; {unexplained} nights whose cuts the data explain; ", end="")
    print(f"smallest share of the turnover scored from data {lowest:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
