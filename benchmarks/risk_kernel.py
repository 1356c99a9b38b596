"""Accounts per second of the risk kernel, beside the same computation in NumPy, which also checks it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sizes import Size, fastest

from levercap.config import PolicyConfig
from levercap.core.horizon import DAY
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.portfolio import Portfolio
from levercap.core.scenario import ScenarioSet
from levercap.risk import adverse_paths, risk_numbers

__all__ = ["measure_kernel", "random_scenarios"]

HOURS = 24
CHUNK = 32


def measure_kernel(size: Size) -> dict[str, float]:
    """Accounts per second in NumPy, and of the kernel on one thread and on all."""
    rng, policy = np.random.default_rng(7), PolicyConfig()
    scenarios = random_scenarios(size.symbols, size.scenarios, rng)
    factor = rng.uniform(1, 3, size.symbols)
    paths = adverse_paths(scenarios, factor)
    portfolio = random_portfolio(scenarios.instruments, size.accounts, rng)

    few = min(size.accounts_of_numpy, size.accounts)
    kernel = risk_numbers(portfolio, paths, policy)
    for name, values in numpy_twin(portfolio, scenarios, factor, policy, few).items():
        np.testing.assert_allclose(getattr(kernel, name)[:few], values, rtol=1e-4, atol=1e-6, err_msg=name)

    slow = fastest(1, lambda: numpy_twin(portfolio, scenarios, factor, policy, few))
    alone = fastest(size.repeat, lambda: risk_numbers(portfolio, paths, policy, threads=1))
    together = fastest(size.repeat, lambda: risk_numbers(portfolio, paths, policy))
    return {
        "kernel_numpy_accounts_per_s": few / slow,
        "kernel_one_thread_accounts_per_s": size.accounts / alone,
        "kernel_accounts_per_s": size.accounts / together,
    }


def random_scenarios(symbols: int, count: int, rng: np.random.Generator) -> ScenarioSet:
    """Random walks with a common factor and heavy tails, unequal weights."""
    steps = 0.6 * rng.standard_t(3, (1, count, HOURS)) + rng.standard_t(3, (symbols, count, HOURS))
    path = np.cumsum(0.004 * steps, axis=2)
    weights = rng.uniform(0.1, 2.0, count)
    return ScenarioSet(
        instruments=perpetuals(tuple(f"S{k:02d}USDT" for k in range(symbols))),
        weights=weights / weights.sum(),
        low=(path - 0.003).astype(np.float32),
        high=(path + 0.003).astype(np.float32),
        end=np.ascontiguousarray(path[:, :, -1]).astype(np.float32),
        starts=np.zeros(count, "datetime64[us]"),
        horizon=DAY,
    )


def random_portfolio(instruments: tuple[Instrument, ...], accounts: int, rng: np.random.Generator) -> Portfolio:
    """One to six positions per account, 3.5 on average."""
    held = rng.integers(1, min(7, len(instruments) + 1), accounts)
    keys = rng.random((accounts, len(instruments))).argsort(axis=1)
    code = np.concatenate([np.sort(row[:n]) for row, n in zip(keys, held, strict=True)])
    offsets = np.concatenate([[0], np.cumsum(held)])
    return Portfolio(instruments, np.full(accounts, 1000.0), offsets, code, rng.normal(size=len(code)) * 1000)


def numpy_twin(
    portfolio: Portfolio, scenarios: ScenarioSet, factor: np.ndarray, policy: PolicyConfig, accounts: int
) -> Mapping[str, np.ndarray]:
    """Risk numbers by name, (accounts,) each: one matrix product, one maximum and one sort per chunk of accounts."""
    symbols, count, hours = scenarios.low.shape
    moves = np.concatenate([-scenarios.low, scenarios.high]).reshape(2 * symbols, count * hours)
    rows = np.repeat(np.arange(len(portfolio)), np.diff(portfolio.offsets))
    kept = rows < accounts
    rows, code, share = rows[kept], portfolio.instrument[kept], portfolio.share[kept].astype(np.float32)
    dense = np.zeros((2, accounts, 2 * symbols), dtype=np.float32)
    column = code + symbols * (share < 0)
    dense[0, rows, column] = np.abs(share)
    dense[1, rows, column] = np.abs(share) * factor[code].astype(np.float32)
    signed = dense[0, :, symbols:] - dense[0, :, :symbols]
    parts = []
    for first in range(0, accounts, CHUNK):
        part = slice(first, first + CHUNK)
        path, stressed = (
            np.maximum((side[part] @ moves).reshape(-1, count, hours).max(axis=2), 0.0).astype(np.float64)
            for side in dense
        )
        end = (signed[part] @ scenarios.end).astype(np.float64)
        parts.append(twin_numbers(end, path, stressed, scenarios.weights, policy))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def twin_numbers(
    end: np.ndarray, path: np.ndarray, stressed: np.ndarray, weights: np.ndarray, policy: PolicyConfig
) -> dict[str, np.ndarray]:
    """Every field of `RiskNumbers` from (accounts, scenarios) losses of accounts without a margin."""
    tail, budget, cost = policy.liquidation_probability, policy.insolvency_budget, policy.closing_cost
    e, p, s = (sort_descending(losses, weights) for losses in (end, path, stressed))
    return {
        "var_99": var(*e, 0.01),
        "es_975": shortfall(*e, 0.025),
        "path_var_99": var(*p, 0.01),
        "path_es_975": shortfall(*p, 0.025),
        "liquidation_loss": var(*p, tail),
        "insolvency_margin": margin(*p, budget, cost),
        "stressed_liquidation_loss": var(*s, tail),
        "stressed_path_es_975": shortfall(*s, 0.025),
        "liquidation_probability": np.zeros(len(path)),
        "shock_probability": np.where(path >= policy.shock_barrier, weights, 0.0).sum(axis=1),
    }


def sort_descending(losses: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses, largest first, and their weights; (accounts, scenarios) each."""
    order = np.argsort(-losses, axis=1)
    return np.take_along_axis(losses, order, axis=1), weights[order]


def var(losses: np.ndarray, weights: np.ndarray, tail: float) -> np.ndarray:
    """(accounts,) value at risk."""
    first = (weights.cumsum(axis=1) > tail + 1e-12).argmax(axis=1)
    return losses[np.arange(len(losses)), first]


def shortfall(losses: np.ndarray, weights: np.ndarray, tail: float) -> np.ndarray:
    """(accounts,) expected shortfall."""
    counted = np.clip(tail - (weights.cumsum(axis=1) - weights), 0.0, weights)
    return (counted * losses).sum(axis=1) / tail


def margin(losses: np.ndarray, weights: np.ndarray, budget: float, cost: float) -> np.ndarray:
    """(accounts,) insolvency margin."""
    charged = losses + cost
    solution = ((weights * charged).cumsum(axis=1) - budget) / weights.cumsum(axis=1)
    following = np.concatenate([charged[:, 1:], np.full((len(charged), 1), -np.inf)], axis=1)
    first = (solution >= following).argmax(axis=1)
    return np.maximum(solution[np.arange(len(solution)), first], 0.0)
