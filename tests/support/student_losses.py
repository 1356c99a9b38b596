"""A world whose truth is known: losses are multivariate t with a published scale, so tails have a closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

DEGREES = 5


def t_var(level: float) -> float:
    return float(student.ppf(level, DEGREES))


def t_es(level: float) -> float:
    q = student.ppf(level, DEGREES)
    return float(student.pdf(q, DEGREES) / (1 - level) * (DEGREES + q**2) / (DEGREES - 1))


@dataclass(frozen=True)
class World:
    outcomes: pd.DataFrame
    volatility: np.ndarray  # (days, symbols)

    def tails(self, scale: np.ndarray | float = 1.0, levels: tuple[float, ...] = (0.975, 0.99)) -> pd.DataFrame:
        """The true tails, times `scale` of shape (days, symbols): 1 is the best forecast there is."""
        volatility = (self.volatility * scale).ravel()
        frames = []
        for side in ("long", "short"):
            for level in levels:
                folded = (1 + level) / 2
                frames.append(
                    self.outcomes[["as_of", "symbol"]].assign(
                        horizon_hours=24,
                        side=side,
                        level=level,
                        var=volatility * t_var(level),
                        es=volatility * t_es(level),
                        path_var=volatility * t_var(folded),
                        path_es=volatility * t_es(folded),
                    )
                )
        return pd.concat(frames, ignore_index=True)


def make_world(days: int = 250, symbols: int = 6, seed: int = 0, correlation: float = 0.5) -> World:
    rng = np.random.default_rng(seed)
    level = np.zeros((days, symbols))
    for day in range(1, days):
        level[day] = 0.95 * level[day - 1] + 0.15 * rng.normal(size=symbols)
    volatility = 0.03 * np.exp(level)

    def draw() -> np.ndarray:
        common = rng.normal(size=(days, 1))
        own = rng.normal(size=(days, symbols))
        mixing = np.sqrt(DEGREES / rng.chisquare(DEGREES, size=(days, 1)))
        return volatility * mixing * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)

    returns, path_long, path_short = draw(), np.abs(draw()), np.abs(draw())
    origins = pd.date_range("2023-01-01", periods=days, freq="D", tz="UTC", unit="us")
    outcomes = pd.DataFrame(
        {
            "as_of": origins.repeat(symbols),
            "symbol": [f"S{i:02d}USDT" for i in range(symbols)] * days,
            "realised_volatility": (volatility * np.sqrt(DEGREES / (DEGREES - 2))).ravel(),
            "long": -returns.ravel(),
            "short": returns.ravel(),
            "path_long": path_long.ravel(),
            "path_short": path_short.ravel(),
        }
    )
    return World(outcomes, volatility)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def noise(world: World) -> np.ndarray:
    """A scale error that makes the true forecast worse without biasing it much."""
    return np.exp(np.random.default_rng(9).normal(0.0, 0.35, world.volatility.shape))


@pytest.fixture(scope="session")
def build_world():
    return make_world
