"""Accounts per second of the risk kernel, beside the same computation in NumPy, in one run.

    python benchmarks/bench_kernel.py [--accounts 100000] [--scenarios 1000] [--repeat 3]

Both compute path losses at today's and at stressed volatility, end losses, and the risk numbers. NumPy is run on fewer
accounts, and the kernel is checked against it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.horizon import DAY
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.portfolio import Portfolio
from levercap.core.scenario import ScenarioSet
from levercap.risk import (
    AdversePaths,
    adverse_paths,
    risk_numbers,
)

HOURS = 24
CHUNK = 32


def scenario_set(symbols: int, scenarios: int, rng: np.random.Generator) -> ScenarioSet:
    """Random walks with a common factor and heavy tails, unequal weights."""
    steps = 0.6 * rng.standard_t(3, (1, scenarios, HOURS)) + rng.standard_t(3, (symbols, scenarios, HOURS))
    path = np.cumsum(0.004 * steps, axis=2)
    weights = rng.uniform(0.1, 2.0, scenarios)
    return ScenarioSet(
        instruments=perpetuals(tuple(f"S{k:03d}" for k in range(symbols))),
        weights=weights / weights.sum(),
        low=(path - 0.003).astype(np.float32),
        high=(path + 0.003).astype(np.float32),
        end=np.ascontiguousarray(path[:, :, -1]).astype(np.float32),
        starts=np.zeros(scenarios, "datetime64[us]"),
        horizon=DAY,
    )


def book(instruments: tuple[Instrument, ...], accounts: int, rng: np.random.Generator) -> Portfolio:
    """One to six positions per account, 3.5 on average."""
    held = rng.integers(1, 7, accounts)
    keys = rng.random((accounts, len(instruments))).argsort(axis=1)[:, :6]
    code = np.concatenate([np.sort(row[:n]) for row, n in zip(keys, held, strict=True)])
    offsets = np.concatenate([[0], np.cumsum(held)])
    return Portfolio(instruments, np.full(accounts, 1000.0), offsets, code, rng.normal(size=len(code)) * 1000)


def numpy_twin(portfolio: Portfolio, scenarios: ScenarioSet, factor: np.ndarray, policy: PolicyConfig, accounts: int):
    """(accounts, 9) the same numbers in NumPy: one matrix product, one maximum and one sort per chunk of accounts."""
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
    out = np.empty((accounts, 9))
    for first in range(0, accounts, CHUNK):
        part = slice(first, first + CHUNK)
        path, heavy = (
            np.maximum((side[part] @ moves).reshape(-1, count, hours).max(axis=2), 0.0).astype(np.float64)
            for side in dense
        )
        end = (signed[part] @ scenarios.end).astype(np.float64)
        out[part] = twin_numbers(end, path, heavy, scenarios.weights, policy)
    return out


def twin_numbers(end: np.ndarray, path: np.ndarray, heavy: np.ndarray, weights: np.ndarray, policy: PolicyConfig):
    """(accounts, 9) risk numbers from (accounts, scenarios) losses, in the order of `RiskNumbers`."""
    p, budget, cost = policy.liquidation_probability, policy.insolvency_budget, policy.closing_cost
    e, h, s = (sort_descending(losses, weights) for losses in (end, path, heavy))
    columns = [var(*e, 0.01), shortfall(*e, 0.025), var(*h, 0.01), shortfall(*h, 0.025), var(*h, p)]
    columns += [margin(*h, budget, cost), var(*s, p), margin(*s, budget, cost), shortfall(*s, 0.025)]
    return np.column_stack(columns)


def sort_descending(losses: np.ndarray, weights: np.ndarray):
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


def fastest(repeat: int, call) -> float:
    """Smallest of several wall times, seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--symbols", type=int, default=30)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    a = parser.parse_args()
    rng, policy = np.random.default_rng(7), PolicyConfig()
    scenarios = scenario_set(a.symbols, a.scenarios, rng)
    factor = rng.uniform(1, 3, a.symbols)
    paths: AdversePaths = adverse_paths(scenarios, factor)
    portfolio = book(scenarios.instruments, a.accounts, rng)

    few = min(1024, a.accounts)
    kernel = risk_numbers(portfolio, paths, policy)  # compiles
    twin = numpy_twin(portfolio, scenarios, factor, policy, few)
    names = list(kernel.__dataclass_fields__)[:9]
    np.testing.assert_allclose(np.column_stack([getattr(kernel, n)[:few] for n in names]), twin, rtol=1e-4, atol=1e-6)

    slow = few / fastest(1, lambda: numpy_twin(portfolio, scenarios, factor, policy, few))
    rows = [("numpy", few, slow)]
    for label, threads in (("kernel, 1 thread", 1), ("kernel, all threads", None)):
        seconds = fastest(a.repeat, lambda threads=threads: risk_numbers(portfolio, paths, policy, threads=threads))
        rows.append((label, a.accounts, a.accounts / seconds))
    held = len(portfolio.instrument) / a.accounts
    print(f"{held:.1f} positions, {a.scenarios} scenarios x {HOURS} hours, today's and stressed\n")
    print(f"{'':<22}{'accounts':>10}{'accounts/s':>14}{'ratio':>9}")
    for label, count, rate in rows:
        print(f"{label:<22}{count:>10,}{rate:>14,.0f}{rate / slow:>8.0f}x")


if __name__ == "__main__":
    main()
