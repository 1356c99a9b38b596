"""Simulated book: accounts with the size distribution of real ones."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd

from levercap.config import BookSimulation
from levercap.core.errors import ConfigError
from levercap.core.names import FloatArray, IntArray

__all__ = ["simulate_book"]

EQUITY_QUANTILES = ((0.5, 1e3), (0.9, 4e4), (0.99, 1.6e6))
"""Equity in quote currency at these quantiles. No single lognormal meets all three: log equity is piecewise linear in
the normal score instead, with the slopes below at its ends."""
LOWER_SLOPE, UPPER_SLOPE = 2.0, 1.5
MEDIAN_LEVERAGE, LEVERAGE_SPREAD, LEVERAGE_RANGE = 2.0, 1.0, (0.05, 100.0)
MAX_POSITIONS = 8
EMPTY_SHARE = 0.03
LONG_SHARE = 0.6
SEGMENTS = ("retail", "professional", "institutional")
JURISDICTIONS = {"EU": 0.08, "UK": 0.04, "SG": 0.2, "AE": 0.18, "BR": 0.2, "TR": 0.3}
TURNOVER_DAYS = 30


def simulate_book(config: BookSimulation, bars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts and positions in the symbols still traded on the last day of `bars`, popular ones more often.

    Returns
    -------
    accounts : account_id, equity, segment, jurisdiction
    positions : account_id, symbol, notional; 1 to 8 per account, a few percent of the accounts hold none
    """
    if config.accounts < 1:
        raise ConfigError("simulated_book.accounts must be at least 1")
    symbols, weight = _popularity(bars)
    rng = np.random.default_rng(config.seed)
    n = config.accounts
    equity = _equity(rng.standard_normal(n))
    segment = _segment(rng.random(n), equity)
    jurisdiction = rng.choice([*JURISDICTIONS], n, p=[*JURISDICTIONS.values()])
    leverage = MEDIAN_LEVERAGE * np.exp(LEVERAGE_SPREAD * rng.standard_normal(n))
    gross = equity * np.clip(leverage, *LEVERAGE_RANGE)
    account, symbol, share = _positions(rng, n, np.log(weight))
    ids = np.array([f"A{i:07d}" for i in range(n)])
    accounts = pd.DataFrame({"account_id": ids, "equity": equity, "segment": segment, "jurisdiction": jurisdiction})
    positions = pd.DataFrame(
        {"account_id": ids[account], "symbol": symbols[symbol], "notional": np.round(share * gross[account], 4)}
    )
    return accounts.astype({"account_id": "str", "segment": "str", "jurisdiction": "str"}), positions.astype(
        {"account_id": "str", "symbol": "str"}
    )


def _popularity(bars: pd.DataFrame) -> tuple[np.ndarray, FloatArray]:
    """Symbols still traded on the last day, and the root of their turnover, at least a thousandth of the largest."""
    end, name = bars["timestamp"].max(), bars["symbol"].astype("str")
    alive = name.isin(name[bars["timestamp"] > end - pd.Timedelta(days=1)])
    recent = alive & (bars["timestamp"] > end - pd.Timedelta(days=TURNOVER_DAYS))
    turnover = (bars["close"] * bars["volume"])[recent].groupby(name[recent]).mean().sort_index()
    weight = np.sqrt(turnover.to_numpy(dtype=np.float64))
    return np.asarray(turnover.index), np.maximum(weight, max(weight.max(), 1.0) / 1e3)


def _equity(score: FloatArray) -> FloatArray:
    """Equity of standard normal scores, exact at `EQUITY_QUANTILES`, rounded to cents."""
    z = [NormalDist().inv_cdf(q) for q, _ in EQUITY_QUANTILES]
    y = [float(np.log(value)) for _, value in EQUITY_QUANTILES]
    z, y = [-8.0, *z, 8.0], [y[0] - 8.0 * LOWER_SLOPE, *y, y[-1] + (8.0 - z[-1]) * UPPER_SLOPE]
    return np.asarray(np.round(np.maximum(np.exp(np.interp(score, z, y)), 1.0), 2), dtype=np.float64)


def _segment(uniform: FloatArray, equity: FloatArray) -> np.ndarray:
    """Segments: the richer, the more likely professional or institutional."""
    size = np.clip((np.log10(equity) - 3.0) / 4.0, 0.0, 1.0)
    institutional = 0.005 + 0.5 * size**2
    professional = 0.08 + 0.45 * size
    return np.select([uniform < institutional, uniform < institutional + professional], SEGMENTS[:0:-1], SEGMENTS[0])


def _positions(
    rng: np.random.Generator, accounts: int, log_weight: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Account, symbol and signed share of gross notional of every position; no symbol twice in an account.

    Drawing the largest of ``log weight + Gumbel noise`` is drawing without replacement in proportion to the weights.
    """
    most = min(MAX_POSITIONS, len(log_weight))
    count = np.minimum(rng.geometric(0.28, accounts), most)
    count[rng.random(accounts) < EMPTY_SHARE] = 0
    drawn = np.argsort(-(log_weight + rng.gumbel(size=(accounts, len(log_weight)))), axis=1)[:, :most]
    size = rng.standard_exponential((accounts, most)) + 1e-3
    side = np.where(rng.random((accounts, most)) < LONG_SHARE, 1.0, -1.0)
    held = np.arange(most) < count[:, None]
    total = np.where(held, size, 0.0).sum(axis=1, keepdims=True)
    share = side * np.divide(size, total, out=np.zeros_like(size), where=total > 0)
    account, place = np.nonzero(held)
    return account, drawn[account, place].astype(np.int64), share[account, place]
