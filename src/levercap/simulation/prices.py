"""Simulated prices: stochastic volatility on several time scales, jumps, contagion, and bars whose extremes
are those of the path within the hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray
from levercap.simulation.processes import autoregressive, decayed_sum, heavy_tailed, significant
from levercap.simulation.states import MarketState

__all__ = ["Prices", "SymbolParameters", "draw_symbol_parameters", "simulate_prices"]

HOURLY_VOLATILITY = 0.0050
"""Of the market factor in the normal regime."""
COLLAPSE = np.log(1.5e6)
"""Log loss of the coin that collapses, spread over a week."""
DIGITS = 6


@dataclass(frozen=True, eq=False)
class SymbolParameters:
    """Size, volatility and market beta of each symbol, each array (symbols,).

    Attributes
    ----------
    beta : exposure to the market factor
    own : volatility of its own part, relative to the market factor's
    price : first price, quote currency
    turnover : normal turnover, quote currency per hour
    """

    beta: FloatArray
    own: FloatArray
    price: FloatArray
    turnover: FloatArray


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars without holes, each (hours, symbols), and the volatility they were drawn from.

    `volatility` is per hour and in force during the hour; `jump` is the log jump within the hour.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    volatility: FloatArray
    lasting_volatility: FloatArray
    jump: FloatArray


def draw_symbol_parameters(rng: np.random.Generator, symbols: int) -> SymbolParameters:
    """Parameters in falling order of size: the first is the leader, of low volatility."""
    rank = np.arange(symbols)
    beta = np.where(rank == 0, 1.0, 1.1 + 0.35 * rng.random(symbols))
    own = np.where(rank == 0, 0.35, 0.6 + 0.05 * rank + 0.4 * rng.random(symbols))
    price = np.exp(10.3 - 1.0 * rank + 0.5 * rng.standard_normal(symbols))
    turnover = 2.5e8 * np.exp(0.2 * rng.standard_normal(symbols) - 1.2 * np.log1p(rank))
    return SymbolParameters(beta, own, np.maximum(price, 0.02), turnover)


def simulate_prices(
    rng: np.random.Generator,
    state: MarketState,
    symbol_parameters: SymbolParameters,
    season: FloatArray,
    delisting: tuple[int, int] | None,
) -> Prices:
    """Bars of all symbols; `season` is log volatility by hour, `delisting` the column and first hour of a collapse."""
    hours, symbols = len(state.jump), len(symbol_parameters.beta)
    own_jump = _own_jumps(rng, hours, symbols)
    jump = state.jump[:, None] * symbol_parameters.beta * (0.6 + 0.8 * rng.random((hours, symbols))) + own_jump
    lasting, market, market_shock = _market_volatility(rng, state, season)
    own, own_shock = _own_volatility(rng, market, own_jump, symbol_parameters.own)
    collapse = _collapse(rng, hours, symbols, delisting)
    own = own * np.exp(1.6 * (collapse != 0.0))
    volatility = np.hypot(symbol_parameters.beta * market[:, None], own)

    moves = symbol_parameters.beta * (market * market_shock)[:, None] + own * own_shock
    moves += jump - jump.mean(axis=0) + collapse  # no drift: prices neither explode nor vanish over years
    path = np.log(symbol_parameters.price) + np.cumsum(moves, axis=0)
    before = np.vstack([np.log(symbol_parameters.price), path[:-1]])
    low, high = _extremes(rng, before, path, volatility, jump)
    volume = _volume(rng, symbol_parameters, volatility, moves, season, path)
    open_, high, low, close = (significant(np.exp(x), DIGITS) for x in (before, high, low, path))
    lasting_volatility = np.hypot(symbol_parameters.beta * lasting[:, None], np.exp(np.log(own).mean(axis=0)))
    return Prices(
        open_, np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close)), close, volume,
        volatility, lasting_volatility, jump,
    )  # fmt: skip


def _market_volatility(
    rng: np.random.Generator, state: MarketState, season: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lasting and full volatility of the market factor per hour, and its unit shocks.

    Log volatility is the sum of a slow, a medium and a fast component, the regime, the season and the aftermath of
    jumps; a fall of the market raises the faster components of the hours after it (leverage effect).
    """
    hours = len(season)
    shock = heavy_tailed(rng, (hours,), 6.0)
    noise, start = rng.standard_normal((3, hours)), rng.standard_normal(3)
    slow = autoregressive(noise[0], 60 * 24.0, start[0])
    fall = np.append(0.0, -np.clip(shock[:-1], -4.0, 4.0))
    medium = autoregressive(0.3 * fall + 0.95 * noise[1], 5 * 24.0, start[1])
    fast = autoregressive(0.5 * fall + 0.87 * noise[2], 9.0, start[2])
    hit = np.abs(state.jump) / 0.04
    aftermath = np.minimum(0.30 * decayed_sum(hit, 8.0) + 0.16 * decayed_sum(hit, 96.0), 1.4)
    lasting = np.log(HOURLY_VOLATILITY) + state.regime + 0.28 * slow + 0.26 * medium + 0.5 * aftermath
    full = lasting + 0.22 * fast + 0.5 * aftermath + season
    return np.exp(lasting), np.exp(full), shock


def _own_volatility(
    rng: np.random.Generator, market: FloatArray, own_jump: FloatArray, relative: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Volatility per hour of each symbol's own part, and its unit shocks; a jump of one raises that of others."""
    shape = own_jump.shape
    shock = heavy_tailed(rng, shape, 4.5)
    fall = np.vstack([np.zeros(shape[1]), -np.clip(shock[:-1], -4.0, 4.0)])
    slow = autoregressive(rng.standard_normal(shape), 45 * 24.0, rng.standard_normal(shape[1]))
    medium = autoregressive(rng.standard_normal(shape), 3 * 24.0, rng.standard_normal(shape[1]))
    fast = autoregressive(0.3 * fall + 0.95 * rng.standard_normal(shape), 8.0, rng.standard_normal(shape[1]))
    hit = np.abs(own_jump) / 0.06
    others = (hit.sum(axis=1, keepdims=True) - hit) / shape[1]
    disturbed = hit + 1.5 * others
    aftermath = np.minimum(0.35 * decayed_sum(disturbed, 6.0) + 0.2 * decayed_sum(disturbed, 72.0), 1.5)
    base = np.log(HOURLY_VOLATILITY * relative) + 0.6 * np.log(market / HOURLY_VOLATILITY)[:, None]
    return np.exp(base + 0.3 * slow + 0.28 * medium + 0.25 * fast + aftermath), shock


def _own_jumps(rng: np.random.Generator, hours: int, symbols: int) -> FloatArray:
    """Log jumps of single symbols, about six a year each and more for the small ones, up and down alike."""
    chance = 6.0 / 8766.0 * (0.4 + np.arange(symbols) / max(symbols - 1, 1))
    happens = rng.random((hours, symbols)) < chance
    size = 0.03 + 0.035 * rng.standard_exponential((hours, symbols))
    sign = np.where(rng.random((hours, symbols)) < 0.55, -1.0, 1.0)
    return np.where(happens, sign * np.minimum(size, 0.4), 0.0)


def _collapse(rng: np.random.Generator, hours: int, symbols: int, delisting: tuple[int, int] | None) -> FloatArray:
    """Extra log returns of the coin that collapses: a week of uneven falls; zero for the others."""
    out = np.zeros((hours, symbols))
    if delisting is not None:
        column, first = delisting
        week = min(168, hours - first)
        fall = rng.gamma(0.4, 1.0, week) * np.hanning(week + 2)[1:-1]
        out[first : first + week, column] = -COLLAPSE * fall / fall.sum()
    return out


def _extremes(
    rng: np.random.Generator, before: FloatArray, after: FloatArray, volatility: FloatArray, jump: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Log lows and highs within the hour.

    Notes
    -----
    The maximum of a Brownian bridge from a to b with variance s^2 is ``(a + b + sqrt((b - a)^2 - 2 s^2 ln U)) / 2``
    with U uniform (Karatzas and Shreve, Brownian Motion and Stochastic Calculus, 2.8). A jump overshoots and comes
    partly back.
    """
    shape = before.shape
    up, down = 1.0 - rng.random(shape), 1.0 - rng.random(shape)
    square, middle = (after - before) ** 2, 0.5 * (before + after)
    high = middle + 0.5 * np.sqrt(square - 2.0 * volatility**2 * np.log(up))
    low = middle - 0.5 * np.sqrt(square - 2.0 * volatility**2 * np.log(down))
    overshoot = 0.9 * rng.random(shape) ** 2 * np.abs(jump)
    return low - np.where(jump < 0, overshoot, 0.0), high + np.where(jump > 0, overshoot, 0.0)


def _volume(
    rng: np.random.Generator,
    symbol_parameters: SymbolParameters,
    volatility: FloatArray,
    moves: FloatArray,
    season: FloatArray,
    path: FloatArray,
) -> FloatArray:
    """Traded volume per hour in base units, rising with volatility and with the move of the hour."""
    activity = autoregressive(rng.standard_normal(moves.shape), 20.0, rng.standard_normal(moves.shape[1]))
    unusual = np.log(volatility / np.exp(np.log(volatility).mean(axis=0)))
    push = np.minimum(np.abs(moves) / volatility, 5.0)
    noise = rng.standard_normal(moves.shape)
    log_turnover = (
        np.log(symbol_parameters.turnover)
        + 0.7 * unusual
        + 0.3 * push
        + 0.3 * activity
        + 0.2 * noise
        + 0.5 * season[:, None]
    )
    return significant(np.exp(log_turnover - path), DIGITS)
