"""The text of `levercap explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from levercap.cli.result import cell, pairs, percent, table
from levercap.core.horizon import DAY
from levercap.policy import all_constraints, binding_constraint

__all__ = ["explanation_text"]

NUMBERS = {
    "var_99": "VaR 99 %, end",
    "es_975": "ES 97.5 %, end",
    "path_var_99": "VaR 99 %, worst moment",
    "path_es_975": "ES 97.5 %, worst moment",
    "liquidation_probability": "P(liquidated), now",
    "shock_probability": "P(shock)",
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
    if answer["out"]:
        lines = [[s["symbol"], s["state"], s["hours_out"]] for s in answer["out"]]
        yield "not scored from data\n" + table(["symbol", "state", "hours since the last good one"], lines)
    if answer["hold"]:
        yield "the limit is held\n" + pairs({name.replace("_", " "): x for name, x in answer["hold"].items()})
    if answer["caps"]:
        yield _caps(answer["caps"], row["binding"])
    yield _change(answer)
    if any(row.get(name) is not None for name in NUMBERS):
        numbers = {_title(name, answer): percent(row.get(name)) for name in NUMBERS}
        yield f"{DAY}; VaR and ES are shares of gross notional\n" + pairs(numbers)
    if answer["positions"]:
        held = sorted(answer["positions"], key=lambda p: -(p["path_es_part"] or 0.0))
        lines = [
            [p["symbol"], p["notional"], *(percent(p[name]) for name in ("share", "volatility", "path_es_part"))]
            for p in held
        ]
        yield table(["symbol", "notional", "share", f"volatility, {DAY}", "part of ES, worst moment"], lines)
    if answer["scenarios"]:
        lines = [
            [f"{s['start']:%Y-%m-%d %H:%M}", s["hour"], percent(s["path_loss"]), s["worst_position"]]
            for s in answer["scenarios"]
        ]
        yield "worst scenarios: the market moves of\n" + table(["from", "worst hour", "loss", "most from"], lines)


def _caps(caps: Sequence[Mapping[str, Any]], binding: str) -> str:
    """Table of the caps; the binding one names the budget inside it."""
    known = {c.name: c.meaning for c in all_constraints()}
    lines = [
        ["->", binding, c["max_leverage"], known.get(c["cap"], "")]
        if c["binding"]
        else ["", c["cap"], c["max_leverage"], known.get(c["cap"], "")]
        for c in caps
    ]
    return table(["", "cap", "max_leverage", "what it is"], lines)


def _title(name: str, answer: Mapping[str, Any]) -> str:
    """Name of a risk number; the shock with the barrier that was configured, as far as the run states it."""
    barrier = answer.get("shock_barrier") if name == "shock_probability" else None
    return NUMBERS[name] if barrier is None else f"P(shock of {percent(barrier)})"


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
        without, at = binding_constraint(row["binding"]), cell(relief["max_leverage"])
        lines.append(f"without {without} the next cap is {relief['cap']}, at {at}")
    headroom = row.get("headroom")
    if headroom is not None and headroom < 0:
        lines.append(f"the account is above its limit: {cell(-headroom)} less notional brings it back")
    sides = [row.get(f"headroom_{side}") for side in ("long", "short")]
    if None in sides:
        lines.append("less of the position with the largest part of the ES, or more equity, gives more room")
    else:
        long, short = map(cell, sides)
        lines.append(f"a first position, in any one of the largest symbols, may be {long} long or {short} short")
    return "what would change it\n" + "\n".join(f"  {line}" for line in lines)
