"""Random scenarios and portfolios, and the risk numbers computed the slow and obvious way."""

from __future__ import annotations

from typing import Any

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.horizon import Horizon
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.portfolio import Portfolio
from levercap.core.scenario import ScenarioSet
from levercap.risk import AdversePaths, expected_shortfall, insolvency_margin, value_at_risk


def random_scenarios(rng: np.random.Generator, symbols=4, count=100, hours=24, scale=0.01) -> ScenarioSet:
    common = rng.standard_t(3, (1, count, hours))
    path = np.cumsum((0.6 * common + rng.standard_t(3, (symbols, count, hours))) * scale, axis=2)
    spread = np.abs(rng.normal(0, scale, (2, symbols, count, hours)))
    weights = rng.uniform(0.05, 1.0, count)
    return ScenarioSet(
        instruments=perpetuals(tuple(f"S{k:02d}" for k in range(symbols))),
        weights=weights / weights.sum(),
        low=(path - spread[0]).astype(np.float32),
        high=(path + spread[1]).astype(np.float32),
        end=np.ascontiguousarray(path[:, :, -1]).astype(np.float32),
        starts=np.zeros(count, "datetime64[us]"),
        horizon=Horizon(hours),
    )


def random_portfolio(
    rng: np.random.Generator, instruments: tuple[Instrument, ...], accounts: int, unknown=False
) -> Portfolio:
    """Up to eight positions each, some accounts empty; with `unknown` also instruments coded -1."""
    codes, notionals, offsets = [], [], [0]
    lowest = -1 if unknown else 0
    for _ in range(accounts):
        held = min(int(rng.integers(0, 9)), len(instruments) - lowest)
        codes += sorted(rng.choice(np.arange(lowest, len(instruments)), held, replace=False))
        notionals += list(rng.normal(size=held) * 10 ** rng.uniform(0, 6))
        offsets.append(len(codes))
    return Portfolio(
        instruments,
        10 ** rng.uniform(1, 6, accounts),
        np.array(offsets, dtype=np.int64),
        np.array(codes, dtype=np.int64),
        np.array(notionals, dtype=np.float64),
    )


def slow_losses(portfolio: Portfolio, scenarios: ScenarioSet, paths: AdversePaths, account: int, factor):
    """(path, end) losses of one account at volatilities times `factor`, float64, straight from the definition."""
    rows = slice(portfolio.offsets[account], portfolio.offsets[account + 1])
    code, share = portfolio.instrument[rows], portfolio.share[rows]
    hourly = np.zeros(scenarios.low.shape[1:])
    end = np.zeros(scenarios.low.shape[1])
    for k, u in zip(code, share, strict=True):
        if k >= 0:
            f = factor[k]
            hourly -= f * (max(u, 0) * scenarios.low[k].astype(float) + min(u, 0) * scenarios.high[k].astype(float))
            end -= f * u * scenarios.end[k].astype(float)
    missing = np.abs(share[code < 0]).sum()
    bound = paths.bound if np.all(factor == 1) else paths.stressed_bound
    path = np.maximum(0.0, hourly.max(axis=1)) + missing * bound
    return path, (np.maximum(end, 0.0) if missing > 0 else end) + missing * bound


def slow_numbers(portfolio, scenarios, paths, policy: PolicyConfig, margin) -> dict[str, Any]:
    """Every field of RiskNumbers, account by account; probabilities as functions of a slack in the threshold."""
    w = scenarios.weights
    tail = 1 - policy.liquidation_probability
    rows, losses = [], []
    for i in range(len(portfolio)):
        path, end = slow_losses(portfolio, scenarios, paths, i, np.ones(len(paths.instruments)))
        heavy, _ = slow_losses(portfolio, scenarios, paths, i, paths.stressed_factor)
        losses.append(path)
        rows.append(
            {
                "var_99": value_at_risk(end, w, 0.99),
                "es_975": expected_shortfall(end, w, 0.975),
                "path_var_99": value_at_risk(path, w, 0.99),
                "path_es_975": expected_shortfall(path, w, 0.975),
                "liquidation_loss": value_at_risk(path, w, tail),
                "insolvency_margin": insolvency_margin(path + policy.closing_cost, w, policy.insolvency_budget),
                "stressed_liquidation_loss": value_at_risk(heavy, w, tail),
                "stressed_path_es_975": expected_shortfall(heavy, w, 0.975),
            }
        )
    numbers = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    table = np.array(losses)
    barrier = np.full(len(table), policy.shock_barrier)
    numbers["liquidation_probability_at_most"] = lambda slack: (table > (margin - slack)[:, None]) @ w
    numbers["shock_probability_at_most"] = lambda slack: (table >= (barrier - slack)[:, None]) @ w
    return numbers
