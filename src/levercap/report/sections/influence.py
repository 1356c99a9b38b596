"""Section: score differences without influential days and without each event."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.evidence.columns import ALL_EVENTS, CANDIDATE, NO_EVENT, REFERENCE
from levercap.report.figures.charts import leads
from levercap.report.figures.forest import forest, forest_panel
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import count, loss_label, signed
from levercap.report.page.html import Column, Section, bullets, figure, heading, paragraph, table
from levercap.report.sections.rows import Key, head, kinds_of, lines_of, listed, pick, tint

__all__ = ["influence_section", "insignificant_without"]

INTRO: Final = (
    f"Losses are heavy-tailed, so a lead over {REFERENCE} may come from a handful of days. Below, the ten days that "
    "move the difference most in either direction are left out; then, as the worst case for the claim, the ten days "
    "that help it most. The last column counts how many such helpful days must go before the lead is gone."
)
EVENTS: Final = (
    "Each known event is left out in turn, then all of them. If a line moves to zero, the lead was made in that event."
)
NOT_ONE_EVENT: Final = {NO_EVENT: "nothing left out", ALL_EVENTS: "all events left out"}
SHOWN_DAYS: Final = 10


def influence_section(evaluation: Evaluation | None) -> Section | None:
    """With and without the most influential days, and with each event left out; None where there is neither."""
    if evaluation is None:
        return None
    few, days, events = (evaluation.table(name, CANDIDATE) for name in ("influence", "influential_days", "events"))
    if few is None and days is None and events is None:
        return None
    body = ""
    if few is not None:
        body += paragraph(INTRO) + _few(few)
    if days is not None:
        body += _days(days)
    if events is not None:
        body += heading("Each event left out") + paragraph(EVENTS) + _events(events)
    return Section("influence", "Without its best days and without each event", body)


def _few(frame: pd.DataFrame) -> str:
    frame = frame.sort_values(["side", "kind", "level"], ignore_index=True)
    keys = kinds_of(frame)
    names = ("d_fz0", "without_top10", "without_helpful10")
    whole, without, worst = (frame[name].to_numpy(dtype=float, na_value=np.nan) for name in names)
    drawn = leads(
        [loss_label(*key) for key in keys], whole, without, worst, f"FZ0 difference to {REFERENCE} (left is better)"
    )
    alt = f"Difference of FZ0 to {REFERENCE} with all days, without the ten most influential, and in the worst case"
    columns = [
        Column("loss and level", [loss_label(*key) for key in keys], numeric=False),
        Column("days", [count(v) for v in frame["days"]]),
        Column("all days", [signed(v, 3) for v in whole]),
        Column("without the ten\nmost influential", [signed(v, 3) for v in without]),
        Column("without the ten\nmost helpful", [signed(v, 3) for v in worst]),
        Column("days to overturn", ["never" if pd.isna(v) else count(v) for v in frame["days_to_overturn"]]),
    ]
    lead = whole < 0
    lost = [key for key, a, b in zip(keys, lead, without >= 0, strict=True) if a and b]
    fragile = [key for key, a, b in zip(keys, lead, worst >= 0, strict=True) if a and b]
    sentences = [
        f"Of {int(lead.sum())} leads, {int((lead & (without < 0)).sum())} stay without the ten most influential days, "
        f"and {int((lead & (worst < 0)).sum())} even without the ten days that help most."
    ]
    if lost:
        sentences.append(f"Gone without the ten most influential days: {listed(keys=lost)}.")
    if fragile:
        sentences.append(f"Gone in the worst case: {listed(fragile)}.")
    return figure(drawn, alt) + table(columns) + bullets(sentences)


def _days(frame: pd.DataFrame) -> str:
    """The days that are among the ten in most kinds of forecast."""
    grouped = frame.assign(size=frame["contribution"].abs()).groupby("day")
    days = grouped.agg(rows=("rank", "size"), mean=("difference", "mean"), size=("size", "sum")).reset_index()
    days = days.sort_values(["rows", "size", "day"], ascending=[False, False, True]).head(SHOWN_DAYS)
    full = float(days["mean"].abs().max())
    columns = [
        Column("day", [f"{day:%Y-%m-%d}" for day in days["day"]], numeric=False),
        Column("kinds of loss in which it is one of the ten", [str(n) for n in days["rows"]]),
        Column(
            "mean difference of the day",
            [signed(v, 2) for v in days["mean"]],
            styles=[tint(v, full) for v in days["mean"]],
        ),
    ]
    helped = int((frame["contribution"] < 0).sum())
    sentences = (
        f"Of the {len(frame)} influential days of all kinds of loss, {helped} help the model and {len(frame) - helped} "
        "hurt it."
    )
    return heading("The days that move the scores most") + paragraph(sentences) + table(columns)


def _events(frame: pd.DataFrame) -> str:
    keys, events = kinds_of(frame), [str(event) for event in frame["event"].unique()]
    lines = [NOT_ONE_EVENT.get(event, event) for event in events]

    def column(key: tuple[str, str, float], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return lines_of(pick(frame, key), "event", events, name)

    panels = [forest_panel(frame, key, "event", events, ("without", "low", "high")) for key in keys]
    drawn = forest(panels, lines, f"FZ0 difference to {REFERENCE} on all other days (left is better)", bold=lines[0])
    alt = f"Differences of FZ0 to {REFERENCE} with each event left out, one panel per side, kind of loss and level"
    first = frame.drop_duplicates("event").set_index("event")
    spans = [_span(first.loc[event, "start"], first.loc[event, "end"]) for event in events]
    inside = frame["difference"].astype(float).abs()
    full = float(inside.max()) if inside.notna().any() else 0.0
    columns = [
        Column("event", events, numeric=False),
        Column("dates", spans, numeric=False),
        *(
            Column(
                head(key),
                [signed(v, 2) for v in column(key, "difference")],
                styles=[tint(float(v), full) for v in column(key, "difference")],
            )
            for key in keys
        ),
    ]
    keep = [i for i, event in enumerate(events) if event != NO_EVENT]
    columns = [
        Column(c.title, [c.cells[i] for i in keep], c.numeric, [c.styles[i] for i in keep] if c.styles else ())
        for c in columns
    ]
    within = "Mean difference within each event: blue where the forecasts helped in it, red where they hurt"
    return (
        figure(drawn, alt, "95 % intervals from blocks of 20 days.")
        + table(columns, within, dense=True)
        + bullets(_sentences(frame))
    )


def _sentences(frame: pd.DataFrame) -> list[str]:
    lead = {key: bool((pick(frame, key)["without"].iloc[0]) < 0) for key in kinds_of(frame)}
    single = frame[~frame["event"].isin(NOT_ONE_EVENT)]
    turned = [
        (key, str(event))
        for key, ahead in lead.items()
        for event in pick(single, key).query("without >= 0")["event"]
        if ahead
    ]
    noise = insignificant_without(frame)
    last = frame[frame["event"] == ALL_EVENTS]
    kept = sum(1 for key, ahead in lead.items() if ahead and (pick(last, key)["without"] < 0).all())
    lines = [f"Without all events together {kept} of {sum(lead.values())} leads stay."]
    if turned:
        lines.insert(
            0, "A lead that one event made: " + "; ".join(f"{loss_label(*k)} without {e}" for k, e in turned) + "."
        )
    else:
        lines.insert(0, "No lead is lost by leaving out any one event.")
    if noise:
        lines.append(
            "Still ahead, but within noise, " + "; ".join(f"without {e}: {listed(k)}" for e, k in noise.items()) + "."
        )
    return lines


def insignificant_without(frame: pd.DataFrame) -> dict[str, list[Key]]:
    """Event -> kinds of loss whose lead is beyond noise, but not without that event."""
    whole = frame[frame["event"] == NO_EVENT]
    significant = [key for key in kinds_of(whole) if (pick(whole, key)["high"] < 0).all()]
    found: dict[str, list[Key]] = {}
    for event in frame["event"].unique():
        part = frame[frame["event"] == event]
        lost = [
            key for key in significant if ((line := pick(part, key))["high"] >= 0).any() and (line["without"] < 0).all()
        ]
        if lost and event != NO_EVENT:
            found[str(event)] = lost
    return found


def _span(start: object, end: object) -> str:
    if pd.isna(start) or pd.isna(end):  # type: ignore[call-overload]
        return ""
    first, last = pd.Timestamp(start), pd.Timestamp(end)  # type: ignore[arg-type]
    return f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} to {last:%m-%d}"
