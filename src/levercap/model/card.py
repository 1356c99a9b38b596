"""The model card that lies in every bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from levercap.config import Config
from levercap.core.horizon import Horizon
from levercap.evaluation.comparison.leaderboard import leaderboard

__all__ = ["model_card"]


def model_card(
    training: Mapping[str, Any], evidence: Mapping[str, pd.DataFrame], config: Config, horizon: Horizon
) -> str:
    """Markdown card: what it is, what it was trained on, how it did out of sample last year, what it is not for."""
    symbols = ", ".join(training["symbols"])
    return f"""# Levercap bundle

Volatility, tail and shock forecasts for {horizon}, joint scenarios, and the policy that turns them into limits.

| | |
|---|---|
| forecast method | {training["kind"]} |
| trained on | {training["start"]} .. {training["until"]} |
| symbols | {symbols} |
| symbol-days with a known outcome | {training["rows"]:,} |
| joint scenarios | {training["scenarios"]:,} |
| data hash | {training["data_hash"]} |
| config hash | {config.config_hash()} |

## Out of sample, the year before the end of training

Half-yearly refits; difference of the FZ0 score to the fit-free baseline B1 (lower is better) and hit rates.

{_scores(evidence)}

## Not for

Horizons other than {horizon}, options, and any guarantee for the next day: budgets are met on average over many days
like those the scenarios were drawn from. Limits change what traders do, which no backtest accounts for.
"""


def _scores(evidence: Mapping[str, pd.DataFrame]) -> str:
    tails, baseline = evidence["tails"], evidence["baseline_tails"]
    if tails.empty or baseline.empty:
        return "Too little history for out-of-sample forecasts."
    table = leaderboard({"levercap": tails, "B1": baseline}, evidence["outcomes"], draws=200)
    rows = table[table["model"] == "levercap"]
    lines = ["| side | kind | level | d FZ0 | 95 % interval | hit rate |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.side} | {r.kind} | {r.level:.1%} | {r.d_fz0:+.4f} | [{r.ci_low:+.4f}, {r.ci_high:+.4f}] "
        f"| {r.hit_rate:.2%} |"
        for r in rows.itertuples()
    ]
    return "\n".join(lines)
