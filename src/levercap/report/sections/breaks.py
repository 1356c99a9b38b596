"""Section: coverage after breaks of the market."""

from __future__ import annotations

from typing import Final

import pandas as pd

from levercap.evidence.columns import ALL_BREAKS, BREAK_DAYS, CANDIDATE, BreakSource, Period
from levercap.report.figures.drawing import ORANGE, RED
from levercap.report.figures.forest import COVERED, forest, forest_panel
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import loss_label, percent, signed
from levercap.report.page.html import Column, Section, bullets, figure, heading, paragraph, table
from levercap.report.sections.rows import head, kinds_of, lines_of, model_name, models_of, pick, wash

__all__ = ["breaks_section"]

SOURCES: Final = {BreakSource.EVENT: "known events", BreakSource.VOLATILITY_JUMP: "jumps of volatility"}


def breaks_section(evaluation: Evaluation | None) -> Section | None:
    """Hit rates after breaks, all together and one by one; None where there are none."""
    frame = None if evaluation is None else evaluation.table("post_break")
    if frame is None:
        return None
    together = frame[(frame["break"] == ALL_BREAKS) & (frame["period"] == Period.AFTER)]
    single = frame[(frame["break"] != ALL_BREAKS) & (frame["period"] == Period.AFTER) & (frame["model"] == CANDIDATE)]
    body = paragraph(_intro(frame))
    if len(together):
        body += _together(together) + bullets(_sentences(frame))
    for source, part in single.groupby("source", sort=True):
        body += heading(f"After each of the {_source(source)}") + _each(part)
    return Section("breaks", "Coverage after breaks", body)


def _source(source: object) -> str:
    return SOURCES[BreakSource(str(source))]


def _intro(frame: pd.DataFrame) -> str:
    single = frame.loc[frame["break"] != ALL_BREAKS, "days"].dropna()
    days = int(single.max()) if len(single) else BREAK_DAYS
    return (
        f"A forecast fitted to calm days is wrong just after a break. These are the hit rates of the {days} days "
        "that follow one; the day of the break itself does not count, since its losses are why it is called one. "
        "Breaks are known events, and the largest jumps of market-wide volatility in half a year."
    )


def _together(frame: pd.DataFrame) -> str:
    keys, models = kinds_of(frame), models_of(frame)
    lines = [(m, s) for s in sorted(frame["source"].unique()) for m in models]
    named = [f"{model_name(m)}, {_source(s)}" for m, s in lines]
    joined = frame.assign(line=frame["model"].astype("str") + "|" + frame["source"].astype("str"))
    order = [f"{m}|{s}" for m, s in lines]
    panels = [forest_panel(joined, key, "line", order, ("hit_rate", "low", "high"), level=1.0 - key[2]) for key in keys]
    drawn = forest(panels, named, "hit rate after all breaks (line: nominal)", COVERED, share=True)
    alt = "Hit rates after breaks with 95 % intervals against the nominal rate, one panel per kind of loss"
    return figure(drawn, alt, "95 % intervals clustered by day.")


def _sentences(frame: pd.DataFrame) -> list[str]:
    after = frame[(frame["break"] == ALL_BREAKS) & (frame["period"] == Period.AFTER)]
    lines = []
    for (model, source), part in after.groupby(["model", "source"], sort=False):
        nominal = 1.0 - part["level"]
        more, fewer = int((part["low"] > nominal).sum()), int((part["high"] < nominal).sum())
        lines.append(
            f"{model_name(str(model))} after {_source(source)}: the rate agrees with nominal in "
            f"{len(part) - more - fewer} of {len(part)} kinds of loss; too many hits in {more}, too few in {fewer}."
        )
    change = frame[
        (frame["break"] == ALL_BREAKS) & (frame["period"] == Period.DIFFERENCE) & (frame["model"] == CANDIDATE)
    ]
    for source, part in change.groupby("source", sort=False):
        up = part[part["low"] > 0]
        names = "; ".join(
            f"{loss_label(*key)} ({signed(100 * float(rate), 2)} points)"
            for key in kinds_of(up)
            for rate in pick(up, key)["hit_rate"]
        )
        text = names or "none"
        lines.append(f"Hit more often after {_source(source)} than at other times, beyond noise: {text}.")
    return lines


def _each(frame: pd.DataFrame) -> str:
    keys = kinds_of(frame)
    breaks = [str(name) for name in frame["break"].unique()]
    columns = [Column("break", breaks, numeric=False)]
    for key in keys:
        rate, low, high = (lines_of(pick(frame, key), "break", breaks, name) for name in ("hit_rate", "low", "high"))
        nominal = 1.0 - key[2]
        styles = [
            wash(RED, 0.35) if a > nominal else wash(ORANGE, 0.4) if b < nominal else ""
            for a, b in zip(low, high, strict=True)
        ]
        title = f"{head(key)}\n({percent(nominal, 1)})"
        columns.append(Column(title, [percent(float(v)) for v in rate], styles=styles))
    caption = (
        f"Hit rates of {CANDIDATE}, nominal in brackets; red where the interval lies above it, orange where it lies "
        "below"
    )
    return table(columns, caption, dense=True)
