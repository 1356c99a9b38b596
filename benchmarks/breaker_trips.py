"""Trips of the breaker and days that are not published, night by night on a market that nobody damaged.

Every midnight is scored as `levercap replay` does, with models refitted every month on what was known then, and judged
by the breaker beside the night before. The book is drawn anew every January on the symbols that are scored then; when
a symbol is delisted its positions are closed.

``python benchmarks/breaker_trips.py MARKET [--from 2020-01-01] [--to 2025-07-01] [--accounts 400]``
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pandas as pd

from levercap.config import BookSimulation, Config
from levercap.core.quality import SCORED
from levercap.limits.outcome import judge
from levercap.limits.predictor import Predictor
from levercap.limits.previous_run import PreviousRun
from levercap.market import load_market
from levercap.simulation import simulate_book
from levercap.workflows.replay import snapshots


def main() -> None:
    """Print every trip and the shares of statuses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("market", type=Path)
    parser.add_argument("--from", dest="start", default="2020-01-01")
    parser.add_argument("--to", dest="stop", default="2025-07-01")
    parser.add_argument("--accounts", type=int, default=400)
    flags = parser.parse_args()
    config = Config()
    market = load_market(flags.market, config.market)
    bars = pd.read_parquet(flags.market / "bars.parquet").astype({"symbol": "str"})
    delisted = bars.groupby("symbol")["timestamp"].max() + pd.Timedelta(hours=1)
    start, stop = (pd.Timestamp(day, tz="UTC").as_unit("us") for day in (flags.start, flags.stop))
    origins = market.panel.origins(start, min(stop, market.panel.end))
    previous, year, statuses, held = PreviousRun(), 0, [], 0
    for snapshot in snapshots(market, origins, config):
        if snapshot.as_of.year != year:
            year, previous = snapshot.as_of.year, PreviousRun()
            scored = set(snapshot.symbols.loc[snapshot.symbols["state"].isin(SCORED), "symbol"])
            known = bars[bars["symbol"].isin(scored) & (bars["timestamp"] < snapshot.as_of)]
            accounts, positions = simulate_book(BookSimulation(accounts=flags.accounts), known)
        alive = positions["symbol"].astype("str").map(delisted) >= snapshot.as_of
        predictor = Predictor(snapshot, config)
        book = predictor.clean(accounts, positions[alive].reset_index(drop=True))
        limits = predictor.score(book, previous.limits)
        outcome = judge(book, limits, previous, snapshot.symbols, config.breaker)
        statuses.append(limits["status"].value_counts(normalize=True))
        if outcome.held:
            held += 1
            print(f"{snapshot.as_of:%Y-%m-%d}: " + "; ".join(trip.message for trip in outcome.tripped), flush=True)
        else:
            previous = PreviousRun(limits, dataclasses.asdict(outcome.figures))
    shares = pd.DataFrame(statuses).fillna(0.0)
    print(f"{len(origins)} midnights, {held} held back; share of account-days by status:")
    print(shares.mean().round(5).to_string())


if __name__ == "__main__":
    main()
