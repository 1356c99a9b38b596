"""Simulated market: every table of a market folder, drawn from one seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.config import MarketSimulation
from levercap.core.errors import ConfigError
from levercap.core.names import BoolArray, FloatArray
from levercap.simulation.prices import Prices, SymbolParameters, draw_symbol_parameters, simulate_prices
from levercap.simulation.processes import autoregressive, decayed_sum, significant
from levercap.simulation.states import MarketState, market_state, seasonality
from levercap.simulation.venue import simulate_tiers

__all__ = ["simulate_market"]

HOURS_PER_YEAR = 8766.0
OUTAGE_HOURS = (5, 12, 33)


def simulate_market(config: MarketSimulation) -> dict[str, pd.DataFrame]:
    """Bars, funding, open interest, implied volatility and leverage tiers of an invented venue.

    The market has what models find hard: volatility on several time scales, heavy tails, crashes that hit many
    symbols after a build-up of leverage, contagion, regimes, a coin that collapses and is delisted, a late listing,
    venue outages and a long hole. Symbols are named by size, ``SIM01USDT`` being the leader. The same configuration
    gives the same tables.

    Returns
    -------
    tables by name with the columns of ``docs/reference/schemas.md``
    """
    if config.symbols < 1 or config.days < 30:
        raise ConfigError("simulated_market: symbols must be at least 1 and days at least 30")
    start = pd.Timestamp(config.start, tz="UTC").as_unit("us")
    hours = 24 * config.days
    timestamps = pd.date_range(start, periods=hours, freq="h", unit="us")
    names = np.array([f"SIM{i + 1:02d}USDT" for i in range(config.symbols)])
    rng = np.random.default_rng(config.seed)
    delisting = (config.symbols - 2, int(0.6 * hours)) if config.symbols >= 5 else None
    state = market_state(rng, hours)
    if delisting is not None:
        _spread_collapse(state, delisting[1])
    symbol_parameters = draw_symbol_parameters(rng, config.symbols)
    season = seasonality((timestamps.day_of_week * 24 + timestamps.hour).to_numpy(dtype=np.float64))
    prices = simulate_prices(rng, state, symbol_parameters, season, delisting)
    traded = _traded(rng, hours, config.symbols, delisting)
    fields = {name: getattr(prices, name) for name in ("open", "high", "low", "close", "volume")}
    return {
        "bars": _rows(timestamps, names, fields, traded),
        **_derivatives(rng, timestamps, names, state, symbol_parameters, prices, traded),
        "leverage_tiers": simulate_tiers(rng, timestamps, names, symbol_parameters.turnover, traded),
    }


def _spread_collapse(state: MarketState, first: int) -> None:
    """Crashes of the whole market while a large coin collapses."""
    for hour, size in ((20, -0.03), (44, -0.06), (61, -0.05), (90, -0.07), (118, -0.03)):
        if first + hour < len(state.jump):
            state.jump[first + hour] = size


def _traded(rng: np.random.Generator, hours: int, symbols: int, delisting: tuple[int, int] | None) -> BoolArray:
    """Which bars exist: (hours, symbols). Outages hit all symbols; lone hours are lost at random."""
    traded = rng.random((hours, symbols)) > 0.0002
    traded[[0, -1]] = True
    for length in OUTAGE_HOURS:
        begin = int(rng.integers(hours // 10, hours - hours // 10))
        traded[begin : begin + length] = False
    if symbols >= 5 and delisting is not None:
        column, first = delisting
        traded[min(first + 168 + 480, hours) :, column] = False
        traded[: int(0.45 * hours), symbols - 3] = False
        gone = int(0.7 * hours)
        traded[gone : gone + min(45 * 24, hours // 10), symbols - 4] = False
    return traded


def _derivatives(
    rng: np.random.Generator,
    timestamps: pd.DatetimeIndex,
    names: np.ndarray,
    state: MarketState,
    symbol_parameters: SymbolParameters,
    prices: Prices,
    traded: BoolArray,
) -> dict[str, pd.DataFrame]:
    """Funding, open interest and implied volatility, stamped at the instant they are known: the end of the hour."""
    known = timestamps + pd.Timedelta(hours=1)
    shape = prices.close.shape
    momentum = np.log(prices.close) - np.log(prices.open)
    trend = decayed_sum(momentum, 72.0) * (1.0 - 0.5 ** (1.0 / 72.0)) / prices.lasting_volatility
    heat = state.build_up[:, None] - 1.0
    funding = 0.0001 + 0.00025 * heat + 0.0004 * trend + 0.00005 * rng.standard_normal(shape)
    eighth = (known.hour.to_numpy() % 8 == 0)[:, None]

    wave = autoregressive(rng.standard_normal(shape), 20 * 24.0, rng.standard_normal(shape[1]))
    log_interest = (
        np.log(8.0 * symbol_parameters.turnover) + 0.7 * heat + 0.25 * wave + 0.02 * rng.standard_normal(shape)
    )
    interest = significant(np.exp(log_interest - _slow_log_price(prices.close)), 6)
    listed = np.arange(shape[1]) < max(1, 2 * shape[1] // 3)

    leader = slice(0, 1)
    surprise = autoregressive(rng.standard_normal((shape[0], 1)), 48.0)
    implied = 1.1 * np.sqrt(HOURS_PER_YEAR) * prices.lasting_volatility[:, leader] * np.exp(0.05 * surprise)
    return {
        "funding": _rows(
            known, names, {"funding_rate": np.round(np.clip(funding, -0.0075, 0.0075), 8)}, traded & eighth
        ),
        "open_interest": _rows(known, names, {"open_interest": interest}, traded & listed),
        "implied_vol": _rows(known, names[leader], {"implied_vol": significant(implied, 4)}, traded[:, leader]),
    }


def _slow_log_price(close: FloatArray) -> FloatArray:
    """Thirty-day exponentially weighted log price: contracts open are sized at the prices they were opened at."""
    half_life = 30 * 24.0
    log_price = np.log(close)
    decay = 0.5 ** (1.0 / half_life)
    start = log_price[0]
    return np.asarray(start + (1.0 - decay) * decayed_sum(log_price - start, half_life), dtype=np.float64)


def _rows(stamps: pd.DatetimeIndex, names: np.ndarray, fields: dict[str, FloatArray], there: BoolArray) -> pd.DataFrame:
    """Long table of (hours, symbols) arrays where `there`, sorted by symbol and time."""
    column, row = np.nonzero(there.T)
    values = {name: array[row, column] for name, array in fields.items()}
    return pd.DataFrame({"timestamp": stamps[row], "symbol": pd.Series(names[column], dtype="str"), **values})
