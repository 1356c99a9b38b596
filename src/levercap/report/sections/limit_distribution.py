"""Sections: distribution of limits and binding constraints, and how the limits came about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import Action, FloatArray, Status
from levercap.limits.summary import QUANTILES, above_limit
from levercap.policy import LIMIT_REASONS
from levercap.report.figures.charts import binding_bars, limit_histogram
from levercap.report.inputs import Scores
from levercap.report.page.formatting import count, money, multiple, percent, words
from levercap.report.page.html import Card, Column, Section, figure, note, paragraph, table

__all__ = ["limit_cards", "limits_section", "status_section"]

STATUS_MEANING: Final = {
    Status.SCORED.value: "limit from complete data, or complete but for a small share",
    Status.HELD.value: "data are out: the earlier limit stands for a time, then decays",
    Status.FALLBACK.value: "data incomplete: the conservative bound took the place of what was missing",
    Status.REJECTED.value: "the account's own data cannot be used; no new risk until it is corrected",
}

ACTION_MEANING: Final = {
    Action.NONE.value: "nothing to do",
    Action.WARN.value: "near the limit: notify the account",
    Action.NO_NEW_RISK.value: "above the limit: no new risk",
    Action.REDUCE_ONLY.value: "above the limit and likelier to be liquidated than the budget allows: reduce only",
    Action.REDUCE.value: "far likelier to be liquidated than the budget allows: bring down in an orderly way",
}


def limits_section(scores: Scores | None) -> Section:
    """Histogram by segment, quantiles, and which constraint sets the limit."""
    title = "Distribution of limits"
    if scores is None:
        return Section("limits", title, note("No accounts were scored: no scores were given."))
    kept = _with_limit(scores.limits)
    if kept.empty:
        return Section("limits", title, note("Every account was rejected, so there is no limit to show."))
    groups = _by_segment(kept)
    histogram = figure(
        limit_histogram(groups),
        "Histogram of the largest leverage allowed, by segment",
        "Every segment sums to 100 %. Rejected accounts have no limit of their own and are left out.",
    )
    parts = [histogram, _quantiles(groups)]
    if "binding" in kept:
        counts = kept["binding"].map(words).value_counts().sort_index().sort_values(ascending=False, kind="stable")
        drawn = binding_bars({str(name): int(n) for name, n in counts.items()})
        caption = (
            "The limit is the smallest of all caps; the constraint that gave it is called binding. The guardrail binds "
            "where the caps would allow more than the previous limit may rise to."
        )
        parts.append(
            "<h3>Binding constraints</h3>" + figure(drawn, "Number of accounts by binding constraint", caption)
        )
    return Section("limits", title, "".join(parts))


def status_section(scores: Scores | None) -> Section:
    """Statuses, actions, reasons and findings, all counted; no account is left out."""
    title = "Statuses, fallbacks and actions"
    if scores is None:
        return Section("statuses", title, note("No accounts were scored: no scores were given."))
    limits = scores.limits
    came = "1 account came in and has" if len(limits) == 1 else f"{count(len(limits))} accounts came in and all have"
    parts = [paragraph(f"{came} a row in the output.")]
    if "status" in limits:
        parts.append(_counts(limits["status"], STATUS_MEANING, "Statuses", list(STATUS_MEANING)))
    if "action" in limits:
        parts.append(_counts(limits["action"], ACTION_MEANING, "Actions", list(ACTION_MEANING)))
    if "reasons" in limits:
        codes = limits["reasons"].fillna("").astype("str").str.split(";").explode()
        codes = codes[codes != ""]
        if codes.empty:
            parts.append(paragraph("No account carries a reason code."))
        else:
            parts.append(
                _counts(codes, LIMIT_REASONS, "Reason codes (an account may carry several)", None, len(limits))
            )
    findings = scores.summary.get("findings")
    if isinstance(findings, list) and findings:
        parts.append(_findings(findings))
    return Section("statuses", title, "".join(parts))


def limit_cards(scores: Scores | None) -> tuple[Card, Card]:
    """Headline figures: accounts above their limit, and accounts without a limit from complete data."""
    names = ("Accounts above their limit", "Accounts not scored in full")
    if scores is None:
        return Card(names[0], "not run", "no scores were given"), Card(names[1], "not run", "no scores were given")
    limits = scores.limits
    above = above_limit(limits)
    reduce = float(limits.loc[limits["headroom"] < 0, "headroom"].abs().sum())
    status = limits["status"].value_counts()
    held, fallback, rejected = (int(status.get(s.value, 0)) for s in (Status.HELD, Status.FALLBACK, Status.REJECTED))
    median = multiple(float(_with_limit(limits)["max_leverage"].median()), 1)
    return (
        Card(
            names[0], count(above.sum()), f"of {count(len(limits))}; {money(reduce)} to reduce; median limit {median}"
        ),
        Card(
            names[1],
            count(held + fallback + rejected),
            f"{count(fallback)} fallback, {count(held)} held, {count(rejected)} rejected",
        ),
    )


def _with_limit(limits: pd.DataFrame) -> pd.DataFrame:
    kept = limits[limits["max_leverage"].notna()]
    return kept[kept["status"] != Status.REJECTED.value] if "status" in kept else kept


def _by_segment(limits: pd.DataFrame) -> dict[str, FloatArray]:
    """Limits per segment, largest segment first; all together where the accounts state none."""
    values = limits["max_leverage"].astype(float)
    if "segment" not in limits:
        return {"all accounts": np.asarray(values, dtype=np.float64)}
    segment = limits["segment"].astype("str").fillna("none")
    sizes = segment.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return {str(name): np.asarray(values[segment == name], dtype=np.float64) for name in sizes.index}


def _quantiles(groups: Mapping[str, FloatArray]) -> str:
    columns = [
        Column("segment", list(groups), numeric=False),
        Column("accounts", [count(len(values)) for values in groups.values()]),
    ]
    for q in QUANTILES:
        name = "median" if q == 0.5 else f"{100 * q:g} %"
        columns.append(Column(name, [multiple(float(np.quantile(values, q))) for values in groups.values()]))
    return table(columns, "Quantiles of the largest leverage allowed")


def _counts(
    values: pd.Series, meaning: Mapping[str, str], caption: str, order: list[str] | None, total: int | None = None
) -> str:
    found = values.astype("str").value_counts().sort_index()
    rest = found.sort_values(ascending=False, kind="stable").index
    names = [*(order or []), *(str(name) for name in rest if str(name) not in (order or []))]
    numbers = [int(found.get(name, 0)) for name in names]
    whole = len(values) if total is None else total
    columns = [
        Column("code", names, numeric=False),
        Column("accounts", [count(n) for n in numbers]),
        Column("share", [percent(n / whole if whole else float("nan")) for n in numbers]),
        Column("meaning", [meaning.get(name, words(name)) for name in names], numeric=False),
    ]
    return table(columns, caption)


def _findings(findings: list[Mapping[str, object]]) -> str:
    columns = [
        Column("finding", [str(f.get("code", "")) for f in findings], numeric=False),
        Column("severity", [str(f.get("severity", "")) for f in findings], numeric=False),
        Column("count", [count(float(str(f.get("count", 0)))) for f in findings]),
        Column("where", [str(f.get("where", "")) for f in findings], numeric=False),
        Column("what", [str(f.get("message", "")) for f in findings], numeric=False),
    ]
    return table(columns, "Findings in the input data")
