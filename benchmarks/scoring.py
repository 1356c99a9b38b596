"""Scoring of a large simulated book from a snapshot, files read and written; loading of a bundle; import."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from sizes import Size, fastest

from levercap.config import BookSimulation, Config, ForecastConfig, MarketSimulation, ScenarioConfig
from levercap.market.load import market_from_tables
from levercap.simulation import simulate_book, simulate_market
from levercap.storage.scoring_run import ScoringRun
from levercap.workflows.score import score
from levercap.workflows.train import train

__all__ = ["measure_import", "measure_loading", "measure_scoring", "prepare"]

IMPORT = "import levercap; levercap.load"
LOAD = """
import sys, time, pandas as pd, levercap
load = levercap.load
start = time.process_time()
predictor = load(sys.argv[1])
loaded = time.process_time()
symbol = predictor.symbol_limits()["symbol"].iloc[0]
accounts = pd.DataFrame({"account_id": ["a"], "equity": [1000.0], "segment": ["retail"]})
predictor.predict(accounts, pd.DataFrame({"account_id": ["a"], "symbol": [symbol], "notional": [500.0]}))
print(loaded - start, time.process_time() - loaded)
"""
"""Prints CPU seconds of loading the bundle named by its argument, and of the first prediction after it."""


def prepare(size: Size, folder: Path) -> None:
    """A simulated market and book, and a bundle trained on it: `bundle`, `accounts.parquet`, `positions.parquet`."""
    scenarios, forecast = ScenarioConfig(count=size.scenarios), ForecastConfig(boosting_rounds=size.rounds)
    config = dataclasses.replace(Config(), scenarios=scenarios, forecast=forecast)
    tables = simulate_market(MarketSimulation(symbols=size.symbols, days=size.days))
    train(market_from_tables(tables, config.market), None, config, folder / "bundle")
    accounts, positions = simulate_book(BookSimulation(accounts=size.accounts), tables["bars"])
    accounts.to_parquet(folder / "accounts.parquet")
    positions.to_parquet(folder / "positions.parquet")


def measure_scoring(size: Size, folder: Path) -> dict[str, float]:
    """Accounts per second from the files of the book and of the snapshot to the files of the limits."""

    def run() -> None:
        score(
            folder / "bundle",
            accounts_path=folder / "accounts.parquet",
            positions_path=folder / "positions.parquet",
            out=folder / "scores",
            snapshot_folder=folder / "bundle" / "snapshot",
        )

    seconds = fastest(size.repeat, run)
    assert len(pd.read_parquet(ScoringRun.find(folder / "scores").limits)) == size.accounts
    return {"score_accounts_per_s": size.accounts / seconds}


def measure_loading(size: Size, folder: Path) -> dict[str, float]:
    """CPU seconds of loading the bundle and of the first prediction, in a process of its own."""

    def run() -> tuple[float, ...]:
        command = [sys.executable, "-W", "ignore", "-c", LOAD, str(folder / "bundle")]
        return tuple(map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))

    run()  # compiles, and fills the caches
    load, first = min(run() for _ in range(size.repeat))
    return {"load_cpu_s": load, "first_prediction_cpu_s": first}


def measure_import(size: Size, folder: Path) -> dict[str, float]:
    """CPU seconds of importing what loading needs, in a process of its own, the start of Python included."""
    command = [sys.executable, "-W", "ignore", "-c", IMPORT]
    return {"import_cpu_s": min(_cpu(lambda: subprocess.run(command, check=True)) for _ in range(size.repeat))}


def _cpu(work: Callable[[], object]) -> float:
    """CPU seconds of the processes that `work` starts."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
