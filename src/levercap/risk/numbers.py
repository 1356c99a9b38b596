"""Risk numbers of every account from the joint scenarios."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import FloatArray
from levercap.core.portfolio import Portfolio
from levercap.core.risk_numbers import RiskNumbers
from levercap.risk.kernel import RiskColumn, account_numbers
from levercap.risk.paths import AdversePaths

__all__ = ["RiskNumbers", "risk_numbers"]

ACCOUNTS_PER_TASK = 2048


def risk_numbers(
    portfolio: Portfolio,
    paths: AdversePaths,
    policy: PolicyConfig,
    margin: FloatArray | None = None,
    threads: int | None = None,
) -> RiskNumbers:
    """Exact risk numbers of every account: the same bits alone, in any batch and on any number of threads.

    Parameters
    ----------
    portfolio : positions; instruments without a row in `paths` take the bound of `AdversePaths` in every scenario, and
        gains of the account's other positions do not offset it
    paths : scenarios laid out by `adverse_paths`
    policy : liquidation and insolvency budget, closing cost, shock barrier
    margin : (accounts,) path loss per unit of gross notional beyond which the account is liquidated,
        ``1 / effective leverage - maintenance rate``; None or inf gives a liquidation probability of zero
    threads : defaults to the processors this process may use
    """
    accounts = len(portfolio)
    out = np.empty((accounts, len(RiskColumn)))
    code = paths.codes(portfolio.instruments)[portfolio.instrument]
    limit = np.full(accounts, np.inf) if margin is None else np.ascontiguousarray(margin, dtype=np.float64)
    shared = (
        np.ascontiguousarray(portfolio.offsets, dtype=np.int64),
        np.ascontiguousarray(code, dtype=np.int64),
        np.ascontiguousarray(portfolio.notional, dtype=np.float64),
        limit,
        paths.adverse,
        paths.worst,
        paths.end,
        paths.weights,
        paths.stressed_factor,
        np.array([paths.bound, paths.stressed_bound]),
        _rule(policy),
        out,
    )
    tasks = [(first, min(first + ACCOUNTS_PER_TASK, accounts)) for first in range(0, accounts, ACCOUNTS_PER_TASK)]
    workers = min(len(tasks), threads if threads is not None else _processors())
    if workers <= 1:
        account_numbers(0, accounts, *shared)
    else:  # the kernel releases the interpreter lock; plain threads, unlike OpenMP, bear forks and concurrent callers
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda task: account_numbers(task[0], task[1], *shared), tasks))
    return RiskNumbers(**{column.name.lower(): np.ascontiguousarray(out[:, column]) for column in RiskColumn})


def _rule(policy: PolicyConfig) -> FloatArray:
    """(4,) what the kernel needs of the policy."""
    return np.array(
        [policy.liquidation_probability, policy.insolvency_budget, policy.closing_cost, policy.shock_barrier],
        dtype=np.float64,
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
