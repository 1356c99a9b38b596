"""The text of `levercap explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from levercap.cli.result import cell, pairs, percent, table

__all__ = ["explanation_text"]

MEANINGS = {
    "liquidation": "budget for the chance of liquidation within 24 hours",
    "insolvency": "budget for expected bad debt",
    "loss_threshold": "the part of equity that a bad day may take, by profile",
    "venue_tiers": "initial margin of the venue's tiers",
    "profile": "hard cap of the segment",
    "jurisdiction": "hard cap of the jurisdiction for the segment",
    "long_memory": "the three budgets with a stressed window mixed in",
    "fallback": "ceiling where data are incomplete",
}

NUMBERS = {
    "var_99": "VaR 99 %, end",
    "es_975": "ES 97.5 %, end",
    "path_var_99": "VaR 99 %, worst moment",
    "path_es_975": "ES 97.5 %, worst moment",
    "liquidation_probability": "P(liquidated), now",
    "shock_probability": "P(shock of 10 %)",
}


def explanation_text(answer: Mapping[str, Any]) -> str:
    """All parts, an empty line between them."""
    return "\n\n".join(_parts(answer))


def _parts(answer: Mapping[str, Any]) -> Iterator[str]:
    row = answer["limit"]
    names = ("account_id", "as_of", "status", "action", "max_leverage", "effective_leverage",
             "previous_max_leverage", "headroom")  # fmt: skip
    yield pairs({name.replace("_", " "): row.get(name) for name in names})
    if answer["reasons"]:
        yield pairs({reason["code"]: reason["meaning"] for reason in answer["reasons"]})
    if answer["caps"]:
        lines = [
            ["->" if c["binding"] else "", c["cap"], c["max_leverage"], MEANINGS.get(c["cap"], "")]
            for c in answer["caps"]
        ]
        yield table(["", "cap", "max_leverage", "what it is"], lines)
    yield _change(answer)
    if any(row.get(name) is not None for name in NUMBERS):
        numbers = {text: percent(row.get(name)) for name, text in NUMBERS.items()}
        yield "24 hours; VaR and ES are shares of gross notional\n" + pairs(numbers)
    if answer["positions"]:
        held = sorted(answer["positions"], key=lambda p: -(p["path_es_part"] or 0.0))
        lines = [
            [p["symbol"], p["notional"], *(percent(p[name]) for name in ("share", "volatility", "path_es_part"))]
            for p in held
        ]
        yield table(["symbol", "notional", "share", "volatility, 24 hours", "part of ES, worst moment"], lines)
    if answer["scenarios"]:
        lines = [
            [f"{s['start']:%Y-%m-%d %H:%M}", s["hour"], percent(s["path_loss"]), s["worst_position"]]
            for s in answer["scenarios"]
        ]
        yield "what hurts most: the market moves of\n" + table(["from", "worst hour", "loss", "most from"], lines)


def _change(answer: Mapping[str, Any]) -> str:
    """What would change the limit."""
    row, relief, guardrail = answer["limit"], answer["relief"], answer["guardrail"]
    lines = []
    if row["status"] == "rejected":
        return "what would change it: correct what the reasons name, then score again"
    if guardrail is not None:
        by = "" if relief is None else f", set by {relief['cap']}"
        lines.append(f"the guardrail holds the limit; the caps alone allow {cell(guardrail)}{by}")
    elif relief is not None:
        lines.append(f"without {row['binding']} the next cap is {relief['cap']}, at {cell(relief['max_leverage'])}")
    headroom = row.get("headroom")
    if headroom is not None and headroom < 0:
        lines.append(f"the account is above its limit: {cell(-headroom)} less notional brings it back")
    lines.append("less of the position with the largest part of the ES, or more equity, gives more room")
    return "what would change it\n" + "\n".join(f"  {line}" for line in lines)
