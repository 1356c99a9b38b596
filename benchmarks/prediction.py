"""Accounts per second of `predict`, frames in and frames out, on a random market and about five positions each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from risk_kernel import random_scenarios
from sizes import Size, fastest

from levercap.config import Config
from levercap.core.snapshot import Snapshot
from levercap.limits.predictor import Predictor

__all__ = ["measure_prediction"]

POSITIONS_PER_ACCOUNT = 5


def measure_prediction(size: Size) -> dict[str, float]:
    """Accounts per second of the whole prediction."""
    rng = np.random.default_rng(7)
    predictor, (accounts, positions) = Predictor(random_snapshot(size, rng), Config()), random_book(size, rng)
    seconds = fastest(size.repeat, lambda: predictor.predict(accounts, positions))
    return {"predict_accounts_per_s": size.accounts / seconds}


def random_snapshot(size: Size, rng: np.random.Generator) -> Snapshot:
    """A market of random scenarios."""
    scenarios = random_scenarios(size.symbols, size.scenarios, rng)
    names = [instrument.name for instrument in scenarios.instruments]
    symbols = pd.DataFrame({"symbol": names, "state": "fresh", "volatility": 0.04, "stressed_volatility": 0.08})
    symbols = symbols.assign(shock_probability_long=0.01, shock_probability_short=0.01, turnover=1e8)
    return Snapshot(
        as_of=pd.Timestamp("2025-01-01", tz="UTC").as_unit("us"),
        horizon=scenarios.horizon,
        symbols=symbols,
        tails=pd.DataFrame(),
        scenarios=scenarios,
        stressed_factor=np.full(size.symbols, 2.0),
        tiers=None,
        bundle_id="bench",
        config_hash="",
        data_hash="",
    )


def random_book(size: Size, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random accounts and positions."""
    ids = np.array([f"A{i:07d}" for i in range(size.accounts)])
    accounts = pd.DataFrame({"account_id": ids, "equity": rng.lognormal(7.0, 2.0, size.accounts), "segment": "retail"})
    count = POSITIONS_PER_ACCOUNT * size.accounts
    holder, symbol = rng.integers(size.accounts, size=count), rng.integers(size.symbols, size=count)
    names = np.array([f"S{i:02d}USDT" for i in range(size.symbols)])
    notional = rng.normal(0.0, 1000.0, count)
    return accounts, pd.DataFrame({"account_id": ids[holder], "symbol": names[symbol], "notional": notional})
