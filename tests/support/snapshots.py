"""Random markets and books: a snapshot, and accounts and positions on it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from levercap.config import Config, PolicyConfig
from levercap.core.horizon import DAY
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import Snapshot
from levercap.limits.predictor import Predictor

AS_OF = pd.Timestamp("2025-03-01 08:00", tz="UTC").as_unit("us")
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
STALE = "OLD"
EDGES = np.array([0.0, 5e4, 2.5e5, 1e6, 5e6, 2e7])


def make_scenarios(rng: np.random.Generator, symbols=SYMBOLS, count=90, scale=0.006) -> ScenarioSet:
    common = rng.standard_t(3, (1, count, 24))
    path = np.cumsum((0.7 * common + rng.standard_t(3, (len(symbols), count, 24))) * scale, axis=2)
    spread = np.abs(rng.normal(0, scale, (2, *path.shape)))
    weights = rng.uniform(0.1, 1.0, count)
    return ScenarioSet(
        instruments=perpetuals(tuple(symbols)),
        weights=weights / weights.sum(),
        low=(path - spread[0]).astype(np.float32),
        high=(path + spread[1]).astype(np.float32),
        end=np.ascontiguousarray(path[:, :, -1]).astype(np.float32),
        starts=np.zeros(count, "datetime64[us]"),
        horizon=DAY,
    )


def make_tiers(symbols=SYMBOLS) -> pd.DataFrame:
    frames = []
    for k, symbol in enumerate(symbols):
        frames.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "tier": np.arange(1, 6),
                    "notional_floor": EDGES[:-1] / (k + 1),
                    "notional_cap": EDGES[1:] / (k + 1),
                    "max_leverage": np.array([75.0, 25.0, 10.0, 4.0, 1.0]),
                    "maintenance_margin_rate": np.array([0.006, 0.02, 0.05, 0.125, 0.5]),
                    "maintenance_amount": np.nan,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def make_snapshot(rng: np.random.Generator, scale=0.006, tiers: pd.DataFrame | None = None) -> Snapshot:
    """Seven fresh symbols and a stale one; the stressed volatility lies above and below today's."""
    fresh = len(SYMBOLS)
    symbols = pd.DataFrame(
        {
            "symbol": [*SYMBOLS, STALE],
            "state": ["fresh"] * fresh + ["stale"],
            "volatility": [*rng.uniform(0.02, 0.1, fresh), np.nan],
            "stressed_volatility": [*rng.uniform(0.02, 0.2, fresh), np.nan],  # the factor decides, below
            "shock_probability_long": [0.01] * fresh + [np.nan],
            "shock_probability_short": [0.01] * fresh + [np.nan],
            "turnover": [*(1e9 / np.arange(1, fresh + 1)), np.nan],
        }
    )
    scenarios = make_scenarios(rng, scale=scale)
    factor = rng.uniform(0.5, 3.0, fresh)
    symbols["stressed_volatility"] = symbols["volatility"] * np.append(factor, np.nan)
    return Snapshot(
        as_of=AS_OF,
        horizon=DAY,
        symbols=symbols,
        tails=pd.DataFrame(),
        scenarios=scenarios,
        stressed_factor=factor,
        tiers=tiers,
        bundle_id="bundle",
        config_hash="config",
        data_hash="data",
    )


def make_book(rng: np.random.Generator, accounts=2000, unknown_symbols=True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts of all kinds, equity from 10 to 10 million, 0 to 5 positions, some in stale or unknown symbols."""
    ids = np.array([f"A{i:05d}" for i in range(accounts)])
    frame = pd.DataFrame(
        {
            "account_id": ids,
            "equity": 10 ** rng.uniform(1, 7, accounts),
            "segment": rng.choice(["retail", "professional", "institutional", "whale"], accounts),
            "jurisdiction": rng.choice(["EU", "CH", None], accounts),
        }
    )
    held = rng.integers(0, 6, accounts)
    owner = np.repeat(np.arange(accounts), held)
    names = np.array([*SYMBOLS, STALE, "NEVER"] if unknown_symbols else list(SYMBOLS))
    odds = np.array([1.0] * len(SYMBOLS) + [0.1] * (len(names) - len(SYMBOLS)))
    leverage = np.exp(rng.normal(0, 1.2, len(owner)))
    positions = pd.DataFrame(
        {
            "account_id": ids[owner],
            "symbol": rng.choice(names, len(owner), p=odds / odds.sum()),
            "notional": frame["equity"].to_numpy()[owner] * leverage * rng.choice([-1.0, 1.0], len(owner)),
        }
    )
    return frame, positions


def with_scenarios(snapshot: Snapshot, scenarios: ScenarioSet, factor: np.ndarray) -> Snapshot:
    return dataclasses.replace(snapshot, scenarios=scenarios, stressed_factor=factor)


def without_symbol(snapshot: Snapshot, symbol: str) -> Snapshot:
    """The snapshot with the scenarios of one symbol lost."""
    s = snapshot.scenarios
    keep = [k for k, instrument in enumerate(s.instruments) if instrument.name != symbol]
    scenarios = dataclasses.replace(
        s, instruments=tuple(s.instruments[k] for k in keep), low=s.low[keep], high=s.high[keep], end=s.end[keep]
    )
    return with_scenarios(snapshot, scenarios, snapshot.stressed_factor[keep])


def with_out(snapshot: Snapshot, hours: float, *out: str, state: str = "frozen") -> Snapshot:
    """The snapshot with some symbols out for some hours, their numbers those of the last good one."""
    symbols = snapshot.symbols.copy()
    if "hours_out" not in symbols:
        symbols["hours_out"] = np.where(symbols["state"].isin(["fresh", "young"]), 0.0, np.inf)
    hit = symbols["symbol"].isin(out)
    symbols.loc[hit, "state"] = state
    symbols.loc[hit, "hours_out"] = hours
    return dataclasses.replace(snapshot, symbols=symbols)


def with_tails(snapshot: Snapshot) -> Snapshot:
    """The snapshot with tails of every symbol that is scored from data, as files need them."""
    symbols = snapshot.symbols.astype({"symbol": "str", "state": "str"})
    scored = symbols.loc[symbols["state"].isin(["fresh", "young"]), "symbol"]
    keys = [(s, side, level) for s in scored for side in ("long", "short") for level in (0.975, 0.99)]
    tails = pd.DataFrame(keys, columns=["symbol", "side", "level"]).astype({"symbol": "str", "side": "str"})
    tails = tails.assign(as_of=snapshot.as_of, horizon_hours=24, var=0.1, es=0.15, path_var=0.12, path_es=0.2)
    tiers = None if snapshot.tiers is None else snapshot.tiers.assign(maintenance_amount=0.0)
    return dataclasses.replace(snapshot, symbols=symbols, tails=tails, tiers=tiers)


def at(snapshot: Snapshot, hours: float) -> Snapshot:
    """The snapshot so many hours later."""
    return dataclasses.replace(snapshot, as_of=snapshot.as_of + pd.Timedelta(hours=hours))


def config_with(**policy: object) -> Config:
    return Config(policy=PolicyConfig(**policy))


def limits_of(snapshot: Snapshot, book, config: Config | None = None) -> pd.DataFrame:
    return Predictor(snapshot, config or Config()).predict(*book)
