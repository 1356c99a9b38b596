"""What many tests need and is slow to make: one small simulated market, its book and a bundle trained on it."""

import dataclasses
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folders `market` and `bundle`, files `accounts` and `positions`, the `config`; never write into them."""
    from levercap.config import BookSimulation, Config, ForecastConfig, MarketSimulation, ScenarioConfig
    from levercap.market import load_market, simulate_book, simulate_market, write_market
    from levercap.pipeline.train import train

    root = tmp_path_factory.mktemp("trained")
    config = dataclasses.replace(
        Config(), scenarios=ScenarioConfig(count=120), forecast=ForecastConfig(boosting_rounds=20)
    )
    tables = simulate_market(MarketSimulation(symbols=4, days=250, seed=3))
    (root / "market").mkdir()
    write_market(tables, root / "market")
    accounts, positions = simulate_book(BookSimulation(accounts=200), tables["bars"])
    accounts.to_parquet(root / "accounts.parquet")
    positions.to_parquet(root / "positions.parquet")
    train(load_market(root / "market", config.market), None, config, root / "bundle")
    return SimpleNamespace(
        market=root / "market",
        bundle=root / "bundle",
        accounts=root / "accounts.parquet",
        positions=root / "positions.parquet",
        config=config,
    )
