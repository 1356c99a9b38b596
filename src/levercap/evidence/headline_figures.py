"""Headline figures of the evidence tables, first of all where a model is not better than B1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from levercap.evidence.build import EvidenceTables
from levercap.evidence.columns import ALL_EVENTS, CANDIDATE, COMPARISONS, NO_EVENT, REFERENCE, Verdict, row_label

__all__ = ["headline_figures", "number"]

COMPARED = (Verdict.BETTER, Verdict.NO_DIFFERENCE, Verdict.WORSE, Verdict.NOT_COMPUTABLE)


def headline_figures(evidence: EvidenceTables) -> dict[str, Any]:
    """Plain values for summary.json; a missing number is None.

    Returns
    -------
    models, figures of levercap by row (d_fz0, hit_rate, better_than_b1, significantly_better_than_b1, rows),
    not_better_than_b1 (every model and row whose verdict is not ``better``, with why), in_set, backtests
    and failed_backtests (of levercap by itself), comparisons (of levercap with B1), events, notes
    """
    board, tests = evidence.tables["leaderboard"], evidence.tables["backtests"]
    own = board[board["model"] == CANDIDATE]
    labels = [row_label(*key) for key in zip(own["side"], own["kind"], own["level"], strict=True)]
    mine = tests[tests["model"] == CANDIDATE]
    compared = mine[mine["test"].isin(COMPARISONS)]
    judged = mine[~mine["test"].isin(COMPARISONS)]
    failed = judged[judged["verdict"] == Verdict.FAIL]
    events = evidence.tables["events"]
    return {
        "models": list(dict.fromkeys(board["model"])),
        **{name: dict(zip(labels, map(number, own[name]), strict=True)) for name in ("d_fz0", "hit_rate")},
        "better_than_b1": int((own["d_fz0"] < 0).sum()),
        "significantly_better_than_b1": int((own["ci_high"] < 0).sum()),
        "rows": len(own),
        "not_better_than_b1": _not_better(board),
        "in_set": None if own["in_set"].isna().all() else int(own["in_set"].sum()),
        "backtests": {
            "passed": int((judged["verdict"] == Verdict.PASS).sum()),
            "failed": len(failed),
            "not_computable": int((judged["verdict"] == Verdict.NOT_COMPUTABLE).sum()),
        },
        "comparisons": {str(verdict): int((compared["verdict"] == verdict).sum()) for verdict in COMPARED},
        "failed_backtests": _records(failed, ["side", "kind", "level", "test", "p_value"]),
        "events": len(set(events["event"]) - {NO_EVENT, ALL_EVENTS}),
        "independent_note": "Coins move together: a day is one case, and a market-wide event is one case.",
        "notes": list(evidence.notes),
    }


def number(value: Any) -> float | None:
    """Six digits after the point; None where it is missing."""
    return None if value is None or pd.isna(value) or math.isinf(value) else round(float(value), 6)


def _not_better(board: pd.DataFrame) -> list[dict[str, Any]]:
    rest = board[(board["model"] != REFERENCE) & (board["verdict"] != Verdict.BETTER)]
    names = ["model", "side", "kind", "level", "d_fz0", "ci_low", "ci_high", "p_romano_wolf_20", "p_romano_wolf_60"]
    records = _records(rest, names)
    return [{**record, "why": _why(record, verdict)} for record, verdict in zip(records, rest["verdict"], strict=True)]


def _why(record: Mapping[str, Any], verdict: str) -> str:
    if verdict == Verdict.WORSE:
        return "worse than B1: both intervals lie above zero"
    if record["d_fz0"] is None:
        return "no score: no day in common"
    if record["d_fz0"] >= 0:
        return "not below B1 on average"
    if record["ci_high"] is not None and record["ci_high"] >= 0:
        return "below B1 on average, but the interval reaches zero"
    return "below B1, but not significant after adjusting for all rows"


def _records(table: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    return [
        {str(name): value if isinstance(value, str) else number(value) for name, value in line.items()}
        for line in table[names].to_dict("records")
    ]
