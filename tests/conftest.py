"""What many tests need and is slow to make: one small simulated market, its book and a bundle trained on it."""

import dataclasses
from types import SimpleNamespace

import pytest

from support.mlflow_store import boosted, empty_store, logged, store, tracking
from support.properties import register_profiles
from support.student_losses import build_world, noise, world

__all__ = ["boosted", "build_world", "empty_store", "logged", "noise", "store", "tracking", "world"]

register_profiles()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folders `market` and `bundle`, files `accounts` and `positions`, the `config`; never write into them."""
    from levercap.config import BookSimulation, Config, ForecastConfig, MarketSimulation, ScenarioConfig
    from levercap.market import load_market, write_market
    from levercap.simulation import simulate_book, simulate_market
    from levercap.workflows.train import train

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


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """A market of 500 days and a fitted `levercap` bundle of its first 424; never write into its folder.

    Attributes: `market`, `config`, `until` (end of training, 2023-03-01), `inputs` (of the training, whole market),
    `data` (their dataset), `past` (their histories by forecast method), `bundle`, `folder` (of the bundle), `accounts`
    and `positions` (frames).
    """
    import pandas as pd

    from levercap.config import BookSimulation, Config, ForecastConfig, MarketSimulation, ScenarioConfig
    from levercap.market.load import market_from_tables
    from levercap.model.dataset import build_dataset
    from levercap.model.fit import training_inputs
    from levercap.simulation import simulate_book, simulate_market
    from levercap.workflows.train import train

    config = dataclasses.replace(
        Config(), scenarios=ScenarioConfig(count=150), forecast=ForecastConfig(boosting_rounds=15)
    )
    tables = simulate_market(MarketSimulation(symbols=8, days=500, seed=11))
    market = market_from_tables(tables, config.market)
    until = pd.Timestamp("2023-03-01", tz="UTC").as_unit("us")
    inputs = training_inputs(market.panel, build_dataset(market.panel), config)
    folder = tmp_path_factory.mktemp("fitted") / "bundle"
    bundle = train(market, until, config, folder)
    assert bundle.forecaster.method == "levercap"
    accounts, positions = simulate_book(BookSimulation(accounts=60), tables["bars"])
    return SimpleNamespace(
        market=market,
        config=config,
        until=until,
        inputs=inputs,
        data=inputs.data,
        past=inputs.histories,
        bundle=bundle,
        folder=folder,
        accounts=accounts,
        positions=positions,
    )
