"""What one scoring run did, in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.core.errors import Finding
from levercap.core.names import Status
from levercap.storage.tables import as_numbers, as_text

__all__ = ["QUANTILES", "above_limit", "summarise"]

QUANTILES: Final = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
"""Quantiles of the limits that are stated per segment."""


FINDING_FIELDS: Final = ("code", "severity", "where", "message", "count", "examples", "hint")
"""What the summary states of a finding."""


def summarise(limits: pd.DataFrame, accounts: pd.DataFrame, findings: Sequence[Finding]) -> dict[str, Any]:
    """What a risk officer reads first: counts, quantiles of limits by segment, accounts over their limit, totals.

    Parameters
    ----------
    limits : the limits frame
    accounts : the book's accounts; those missing here, seen in positions only, have no segment and no equity
    findings : what was noticed in the inputs

    Notes
    -----
    Rejected accounts have a limit of zero: those that hold anything are over it, and all they hold is to reduce, as far
    as it is a number.
    """
    columns = {name: as_text(accounts[name]).to_pandas().astype("str") for name in ("account_id", "segment")}
    facts = pd.DataFrame(columns | {"equity": as_numbers(accounts["equity"])[0]})
    facts = facts.drop_duplicates("account_id").set_index("account_id")
    of = limits["account_id"]
    segment = of.map(facts["segment"]).fillna("none").replace("", "none")
    equity = of.map(facts["equity"])
    over = above_limit(limits)
    scored = limits[limits["status"] != "rejected"]
    headroom = limits["headroom"]
    reasons = limits["reasons"].fillna("").str.split(";").explode()
    return {
        "accounts": len(limits),
        "status": _counts(limits["status"]),
        "action": _counts(limits["action"]),
        "binding": _counts(limits["binding"]),
        "reasons": _counts(reasons[reasons != ""]),
        "max_leverage": _quantiles(scored["max_leverage"], segment.loc[scored.index]),
        "over_limit": int(over.sum()),
        "over_limit_share": _number(float(over.mean())),
        "totals": {
            "equity": _total(equity[scored.index]),
            "gross_notional": _total((limits["effective_leverage"] * equity)[scored.index]),
            "to_reduce": _total(headroom[headroom < 0].abs()),
            "to_grow": _total(headroom[headroom > 0]),
        },
        "findings": [_finding(finding) for finding in findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    values = {name: getattr(finding, name) for name in FINDING_FIELDS}
    return {**values, "examples": list(finding.examples)}


def above_limit(limits: pd.DataFrame) -> pd.Series:
    """Which accounts stand above their limit; a rejected one does where it holds anything, known or not."""
    rejected = limits["status"] == Status.REJECTED.value
    return (limits["effective_leverage"] > limits["max_leverage"]) | (rejected & (limits["headroom"] != 0))


def _quantiles(limit: pd.Series, segment: pd.Series) -> dict[str, dict[str, float | int | None]]:
    """Quantiles of the limits of each segment, and how many accounts it has."""
    return {
        str(name): {
            **{f"q{100 * q:02.0f}": _number(float(group.quantile(q))) for q in QUANTILES},
            "accounts": len(group),
        }
        for name, group in limit.groupby(segment)
    }


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().sort_index().items()}


def _total(values: pd.Series) -> float | None:
    """Sum of what is a number; None where it overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _number(float(np.nansum(values.to_numpy(dtype=np.float64))))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
