"""Folders as the commands write them, from a small world whose truth is known: losses are t-distributed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from levercap.evaluation import leaderboard, match
from levercap.evidence import shock_tables, stability
from levercap.evidence.columns import CANDIDATE, REFERENCE, TABLES, frame
from levercap.evidence.ranking import verdicts
from levercap.evidence.traffic_lights import traffic_light_line
from levercap.storage.atomic import SUCCESS
from levercap.storage.scoring_run import ScoringRun

DEGREES = 4
BARRIERS = {"_05": 0.05, "_10": 0.10, "_20": 0.20}
CAPS = ("liquidation", "insolvency", "loss_threshold", "venue_tiers", "profile", "jurisdiction", "long_memory")


def simulate_outcomes(days: int, symbols: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Outcomes frame and the volatility, (days * symbols,), in units of which losses are t with `DEGREES`."""
    rng = np.random.default_rng(seed)
    level = np.zeros((days, symbols))
    market = 0.0
    for day in range(1, days):
        market = 0.97 * market + 0.12 * rng.normal()
        level[day] = 0.9 * level[day - 1] + 0.1 * rng.normal(size=symbols) + 0.03 * market
    volatility = 0.022 * np.exp(level + np.linspace(-0.2, 0.5, symbols))

    def draw() -> np.ndarray:
        mixing = np.sqrt(DEGREES / rng.chisquare(DEGREES, size=(days, 1)))
        return volatility * mixing * (0.7 * rng.normal(size=(days, 1)) + 0.714 * rng.normal(size=(days, symbols)))

    returns, path_long, path_short = draw(), np.abs(draw()), np.abs(draw())
    outcomes = pd.DataFrame(
        {
            "as_of": pd.date_range("2022-01-01", periods=days, freq="D", tz="UTC", unit="us").repeat(symbols),
            "symbol": [f"C{i:02d}USDT" for i in range(symbols)] * days,
            "realised_volatility": volatility.ravel(),
            "long": -returns.ravel(),
            "short": returns.ravel(),
            "path_long": path_long.ravel(),
            "path_short": path_short.ravel(),
        }
    )
    return outcomes, volatility.ravel()


def tails_of(outcomes: pd.DataFrame, volatility: np.ndarray) -> pd.DataFrame:
    def es(level: float) -> float:
        q = student.ppf(level, DEGREES)
        return float(student.pdf(q, DEGREES) / (1 - level) * (DEGREES + q**2) / (DEGREES - 1))

    frames = [
        outcomes[["as_of", "symbol"]].assign(
            horizon_hours=24,
            side=side,
            level=level,
            var=volatility * student.ppf(level, DEGREES),
            es=volatility * es(level),
            path_var=volatility * student.ppf((1 + level) / 2, DEGREES),
            path_es=volatility * es((1 + level) / 2),
        )
        for side in ("long", "short")
        for level in (0.975, 0.99)
    ]
    return pd.concat(frames, ignore_index=True)


def forecasts_of(outcomes: pd.DataFrame, volatility: np.ndarray) -> pd.DataFrame:
    forecasts = outcomes[["as_of", "symbol"]].assign(horizon_hours=24, volatility=volatility)
    for side in ("long", "short"):
        for suffix, barrier in BARRIERS.items():
            forecasts[f"shock_probability_{side}{suffix}"] = 2 * student.sf(barrier / volatility, DEGREES)
    return forecasts


def simulate_limits(accounts: int, seed: int, previous: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    segment = rng.choice(["retail", "professional", "institutional"], accounts, p=[0.7, 0.25, 0.05])
    ceiling = pd.Series(segment).map({"retail": 25.0, "professional": 50.0, "institutional": 100.0}).to_numpy(float)
    risk = np.exp(rng.normal(-2.2, 0.6, accounts))
    caps = {f"cap_{name}": 1.0 / risk * np.exp(rng.normal(0.6, 0.5, accounts)) for name in CAPS}
    caps["cap_profile"] = ceiling
    caps["cap_jurisdiction"] = np.where(rng.random(accounts) < 0.1, 2.0, np.inf)
    status = rng.choice(["scored", "fallback", "rejected"], accounts, p=[0.96, 0.03, 0.01])
    caps["cap_fallback"] = np.where(status == "fallback", 1.0, np.inf)
    table = np.stack(list(caps.values()))
    limit = table.min(axis=0)
    names = [name.removeprefix("cap_") for name in caps]
    names[names.index("long_memory")] = "long_memory:liquidation"
    binding = np.array(names, dtype=object)[table.argmin(axis=0)]
    leverage = np.exp(rng.normal(0.7, 0.9, accounts))
    equity = np.exp(rng.normal(7.0, 2.8, accounts))
    before = np.where(rng.random(accounts) < 0.9, limit * np.exp(rng.normal(0.0, 0.15, accounts)), np.nan)
    frame = pd.DataFrame(
        {
            "account_id": [f"A{i:06d}" for i in range(accounts)],
            "as_of": pd.Timestamp("2025-06-30", tz="UTC"),
            "status": status,
            "max_leverage": limit,
            "effective_leverage": leverage,
            "previous_max_leverage": before if previous else np.nan,
            "headroom": (limit - leverage) * equity,
            "var_99": risk * 0.8,
            "es_975": risk * 0.85,
            "path_var_99": risk,
            "path_es_975": risk * 1.05,
            "liquidation_probability": np.clip(0.01 * (leverage / limit) ** 3, 0, 1),
            "shock_probability": np.clip(0.02 * risk / 0.1, 0, 1),
            "binding": binding,
            **caps,
            "action": np.where(leverage > limit, "no_new_risk", np.where(leverage > 0.9 * limit, "warn", "none")),
            "reasons": np.where(status == "fallback", "symbol_stale", np.where(leverage > limit, "above_limit", "")),
            "bundle_id": "0123456789abcdef",
            "config_hash": "fedcba9876543210",
            "data_hash": "00112233445566aa",
            "segment": segment,
            "equity": equity,
        }
    )
    rejected = frame["status"] == "rejected"
    frame.loc[rejected, "max_leverage"] = 0.0
    frame.loc[rejected, "action"] = "reduce_only"
    frame.loc[rejected, "reasons"] = "equity_not_positive"
    frame.loc[rejected, "binding"] = "rejected"
    return frame


def evidence_of(
    mine: pd.DataFrame, baseline: pd.DataFrame, outcomes: pd.DataFrame, forecasts: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The evidence tables that need no resampling of many models: scores, hits and shocks."""
    tails = {REFERENCE: baseline, CANDIDATE: mine}
    rows = [(row, model) for row in match(tails, outcomes) for model in (CANDIDATE, REFERENCE)]
    shocks = list(shock_tables.shocks_of(forecasts, outcomes))
    board = frame("leaderboard", leaderboard(tails, outcomes, draws=200))
    return {
        "leaderboard": board.assign(verdict=verdicts(board)),
        "coverage": frame("coverage", [stability.coverage_line(*row) for row in rows]),
        "traffic_lights": frame("traffic_lights", [traffic_light_line(*row) for row in rows]),
        "hits": pd.concat([frame("hits", stability.hit_lines(*row)) for row in rows], ignore_index=True),
        "shocks": frame("shocks", [shock_tables.shock_lines(shock) for shock in shocks]),
        "reliability": pd.concat([frame("reliability", shock_tables.reliability_lines(s)) for s in shocks]),
        "reliability_band": pd.concat([frame("reliability_band", shock_tables.band_lines(s)) for s in shocks]),
    }


def write_evaluation(folder: Path, days: int = 900, symbols: int = 8, seed: int = 1) -> Path:
    outcomes, volatility = simulate_outcomes(days, symbols, seed)
    rng = np.random.default_rng(seed + 1)
    mine = tails_of(outcomes, volatility * np.exp(rng.normal(0.0, 0.1, volatility.size)))
    short = (mine["side"] == "short") & (mine["level"] == 0.99)
    mine.loc[short, ["var", "es"]] *= 0.75  # too low, so that the report has something to show
    baseline = tails_of(outcomes, volatility * np.exp(rng.normal(0.0, 0.25, volatility.size)))
    folder.mkdir(parents=True)
    found = evidence_of(mine, baseline, outcomes, forecasts_of(outcomes, volatility))
    for name in TABLES:
        found.get(name, frame(name, [])).to_parquet(folder / f"{name}.parquet", index=False)
    summary = {"refits": 30, "symbols": symbols, "origins": days, "from": "2022-01-01", "to": "2024-06-18"}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def write_run(scores: Path, limits: pd.DataFrame) -> ScoringRun:
    """A complete scoring run below `scores` that holds nothing but its limits."""
    run = ScoringRun.at(scores, limits["as_of"].iloc[0])
    run.folder.mkdir(parents=True)
    limits.to_parquet(run.limits, index=False)
    (run.folder / SUCCESS).touch()
    return run


def write_scores(folder: Path, accounts: int = 3000, previous: bool = True) -> Path:
    run = write_run(folder, simulate_limits(accounts, 3, previous))
    finding = {"code": "equity_not_positive", "severity": "warning", "where": "accounts: equity", "count": 30}
    provenance = {"as_of": "2025-06-30T00:00:00+00:00", "bundle_id": "0123456789abcdef", "levercap": "0.1.0"}
    summary = {
        "findings": [finding | {"message": "accounts with zero or negative equity"}],
        "provenance": provenance,
    }
    run.summary.write_text(json.dumps(summary))
    return folder


def write_bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    manifest = {
        "format": "levercap-bundle",
        "format_version": 1,
        "id": "0123456789abcdef",
        "as_of": "2025-06-30T00:00:00+00:00",
        "symbols": [f"C{i:02d}USDT" for i in range(8)],
        "config_hash": "fedcba9876543210",
        "data_hash": "00112233445566aa",
        "packages": {"python": "3.11.2", "levercap": "0.1.0", "numpy": "2.4.6"},
        "files": {"scale/ridge.json": "ab" * 32, "scale/boosting.txt": "cd" * 32},
    }
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder
