"""Section: Murphy diagrams."""

from __future__ import annotations

from typing import Final

import pandas as pd

from levercap.evidence.columns import CANDIDATE, FORECASTS, REFERENCE, Dominance
from levercap.report.figures.reliability import MurphyPanel, murphy_curves
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import loss_label, percent, probability
from levercap.report.page.html import Column, Section, bullets, figure, paragraph, table

__all__ = ["NAMES", "murphy_section"]

INTRO: Final = (
    "FZ0 is one score of many that a right forecast minimises. Each of them is a mixture of elementary scores, one for "
    f"every threshold: what someone loses who acts when the forecast is above it. If the curve stays below that of "
    f"{REFERENCE} at all thresholds, the forecast is better by every such score, whoever chooses it."
)
NAMES: Final = dict(zip(FORECASTS, ("value at risk", "expected shortfall"), strict=True))
VERDICTS: Final = {
    Dominance.DOMINATES: f"better than {REFERENCE} at some thresholds and worse at none",
    Dominance.DOMINATED: f"worse than {REFERENCE} at some thresholds and better at none",
    Dominance.CROSSES: "better at some thresholds and worse at others: which is better depends on the score",
    Dominance.UNDECIDED: "the curves are not distinguishable",
}


def murphy_section(evaluation: Evaluation | None) -> Section | None:
    """Curves of both models and their difference for each forecast and side; None without them."""
    frame = None if evaluation is None else evaluation.table("murphy", CANDIDATE)
    if frame is None:
        return None
    body, lines = paragraph(INTRO), []
    groups: dict[str, list[MurphyPanel]] = {}
    for (forecast, side, kind, _), rows in frame.groupby(["forecast", "side", "kind", "level"], sort=False):
        part = rows.sort_values("threshold")
        title = loss_label(str(side), str(kind), float(part["level"].iloc[0]))
        groups.setdefault(str(forecast), []).append(MurphyPanel(title, part.reset_index(drop=True)))
        lines.append((NAMES[str(forecast)], title, part.iloc[0], part))
    for forecast, panels in sorted(groups.items(), key=lambda item: FORECASTS.index(item[0])):
        what = NAMES[forecast]
        alt = f"Murphy diagrams of {what}: elementary scores by threshold and their difference to {REFERENCE}"
        caption = (
            f"{what[0].upper()}{what[1:]}. Above: elementary scores. Below: their difference with a 95 % interval."
        )
        body += figure(murphy_curves(panels, REFERENCE, CANDIDATE), alt, caption)
    body += bullets([f"{what.capitalize()}, {title}: {_verdict(first)}." for what, title, first, _ in lines])
    return Section("murphy", "Murphy diagrams", body + _table(lines))


def _verdict(first: pd.Series) -> str:
    return VERDICTS[Dominance(str(first["verdict"]))]


def _table(lines: list[tuple[str, str, pd.Series, pd.DataFrame]]) -> str:
    columns = [
        Column("forecast", [f"{what}, {title}" for what, title, _, _ in lines], numeric=False),
        Column("verdict", [str(first["verdict"]) for _, _, first, _ in lines], numeric=False),
        Column("p, nowhere worse", [_p(first, "p_never_worse") for _, _, first, _ in lines]),
        Column("p, nowhere better", [_p(first, "p_never_better") for _, _, first, _ in lines]),
        Column("thresholds with the lower score", [percent(float((p["difference"] < 0).mean()), 0) for *_, p in lines]),
    ]
    return table(columns, "All thresholds judged together; a small p-value rejects what its column says")


def _p(first: pd.Series, name: str) -> str:
    return probability(float(first[name])) if pd.notna(first[name]) else "–"
