"""Accounts per second of `predict`, frames in and frames out.

    python benchmarks/bench_predict.py

Everything is random and of the size that matters: 30 symbols, 1,000 scenarios of 24 hours, 100,000 accounts with about
five positions each. The first call compiles and is not measured; of three measured calls the fastest counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from levercap.config import Config
from levercap.core.horizon import DAY
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import Snapshot
from levercap.limits.predictor import Predictor

SYMBOLS, SCENARIOS, HOURS, ACCOUNTS, POSITIONS = 30, 1000, 24, 100_000, 500_000


def snapshot(rng: np.random.Generator) -> Snapshot:
    """Random market: heavy-tailed hourly steps with a common part."""
    names = tuple(f"S{i:02d}USDT" for i in range(SYMBOLS))
    common = rng.standard_t(4, (1, SCENARIOS, HOURS))
    steps = 0.004 * (common + rng.standard_t(4, (SYMBOLS, SCENARIOS, HOURS)))
    path = steps.cumsum(axis=2)
    low, high = (path + sign * 0.003 for sign in (-1.0, 1.0))
    starts = pd.date_range("2022-01-01", periods=SCENARIOS, unit="us").to_numpy()
    weights = np.full(SCENARIOS, 1.0 / SCENARIOS)
    low, high, end = (x.astype(np.float32) for x in (low, high, path[:, :, -1]))
    scenarios = ScenarioSet(perpetuals(names), weights, low, high, end, starts, DAY)
    symbols = pd.DataFrame({"symbol": names, "state": "fresh", "volatility": 0.04, "stressed_volatility": 0.08})
    symbols = symbols.assign(shock_probability_long=0.01, shock_probability_short=0.01, turnover=1e8)
    as_of = pd.Timestamp("2025-01-01", tz="UTC").as_unit("us")
    return Snapshot(as_of, DAY, symbols, pd.DataFrame(), scenarios, np.full(SYMBOLS, 2.0), None, "bench", "", "")


def book(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random accounts and positions."""
    ids = np.array([f"A{i:07d}" for i in range(ACCOUNTS)])
    accounts = pd.DataFrame({"account_id": ids, "equity": rng.lognormal(7.0, 2.0, ACCOUNTS), "segment": "retail"})
    holder, symbol = rng.integers(ACCOUNTS, size=POSITIONS), rng.integers(SYMBOLS, size=POSITIONS)
    names = np.array([f"S{i:02d}USDT" for i in range(SYMBOLS)])
    notional = rng.normal(0.0, 1000.0, POSITIONS)
    return accounts, pd.DataFrame({"account_id": ids[holder], "symbol": names[symbol], "notional": notional})


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three calls, after one that is not measured."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> None:
    """Print accounts per second of the whole prediction."""
    rng = np.random.default_rng(7)
    predictor, (accounts, positions) = Predictor(snapshot(rng), Config()), book(rng)
    seconds = fastest(lambda: predictor.predict(accounts, positions))
    print(f"predict: {ACCOUNTS:,} accounts, {POSITIONS:,} positions, {SCENARIOS:,} scenarios x {HOURS} hours")
    print(f"{seconds:.2f} s, {ACCOUNTS / seconds:,.0f} accounts/s")


if __name__ == "__main__":
    main()
