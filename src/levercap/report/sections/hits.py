"""Section: value-at-risk hits over time, against the nominal rate and the traffic light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.evaluation import (
    REFERENCE,
    Coverage,
    Row,
    daily_mean,
    light_thresholds,
    match,
    pooled_coverage,
    traffic_light,
)
from levercap.report.figures.charts import HitSeries, hits_over_time
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import level_name, loss_label, percent
from levercap.report.page.html import Card, Column, Section, figure, note, paragraph, table
from levercap.report.sections.rows import MODEL, pick

__all__ = ["HitRow", "hit_card", "hit_rows", "hits_section"]

YEAR = 365


@dataclass(frozen=True, eq=False)
class HitRow:
    """Hits of one side, kind and level.

    Attributes
    ----------
    side, kind, level : of the forecast
    coverage : hit rate over the whole period
    light : traffic light of all instruments together, last 365 days
    lights : number of instruments that are green, yellow and red, each over its own last 365 days
    share : daily share of instruments hit
    """

    side: str
    kind: str
    level: float
    coverage: Coverage
    light: str
    lights: tuple[int, int, int]
    share: pd.Series


def hit_rows(evaluation: Evaluation | None) -> tuple[HitRow, ...]:
    """Hits of every side, kind and level that was forecast; empty when there is nothing to judge."""
    if evaluation is None or evaluation.tails is None or evaluation.outcomes is None:
        return ()
    return tuple(_hit_row(row) for row in match({MODEL: evaluation.tails}, evaluation.outcomes) if len(row.loss))


def hits_section(rows: tuple[HitRow, ...], evaluation: Evaluation | None = None) -> Section:
    """Timelines at the highest level, end and path, and the table of all.

    Where `evaluation` holds the hits of the baseline, its rolling rate is drawn beside.
    """
    title = "Value-at-risk hits over time"
    if not rows:
        text = "Hits were not counted: no evaluation with tails and outcomes was given."
        return Section("hits", title, note(text))
    level = max(row.level for row in rows)
    intro = (
        "A hit is a loss above the value at risk that was forecast for it. Too many hits mean that the forecasts are "
        "too low; far too few mean that they are needlessly high. Coins fall together, so hits come in clusters: "
        "intervals and zones below count how many independent trials the data are really worth."
    )
    parts = [paragraph(intro)]
    for kind in ("end", "path"):
        chosen = [row for row in rows if row.kind == kind and row.level == level]
        if chosen:
            drawn = hits_over_time([_series(row, _of_reference(evaluation, row)) for row in chosen])
            where = "at the end of the horizon" if kind == "end" else "at the worst moment of the horizon"
            what = f"VaR {level_name(level)} {where}"
            alt = f"Daily share of coins with a hit and rolling hit rate against nominal: {what}"
            caption = (
                f"{what}. Above: share of coins hit each day. Below: rolling hit rate in front of the zones of the "
                "traffic light (yellow from 95 %, red from 99.99 % of the binomial distribution of the hit count)."
            )
            parts.append(figure(drawn, alt, caption))
    return Section("hits", title, "".join(parts) + _table(rows))


def hit_card(rows: tuple[HitRow, ...]) -> Card:
    """Headline figure: hit rate of the end-of-horizon value at risk at the highest level."""
    if not rows:
        return Card("Losses beyond VaR", "not run", "no evaluation was given")
    level = max(row.level for row in rows)
    chosen = [r for r in rows if r.level == level and r.kind == "end"] or [r for r in rows if r.level == level]
    rate = float(np.mean([r.coverage.hit_rate for r in chosen]))
    fits = all(r.coverage.low <= 1 - level <= r.coverage.high for r in chosen)
    verdict = "agrees with the data" if fits else "the difference is more than noise"
    return Card(f"Losses beyond VaR {level_name(level)}", percent(rate), f"expected {percent(1 - level)}; {verdict}")


def _hit_row(row: Row) -> HitRow:
    first = ~pd.DataFrame({"symbol": row.symbol, "day": row.day}).duplicated().to_numpy()
    hits, day, symbol = row.hits(MODEL)[first], row.day[first], row.symbol[first]
    recent = day > day.max() - pd.Timedelta(days=YEAR)
    last = pooled_coverage(hits[recent], day[recent], row.level)
    trials = max(1, round(last.effective_rows))
    light = traffic_light(min(trials, round(last.hit_rate * trials)), trials, row.level)
    return HitRow(
        side=row.side,
        kind=row.kind,
        level=row.level,
        coverage=pooled_coverage(hits, day, row.level),
        light=light.value,
        lights=_lights(hits, symbol, row.level),
        share=daily_mean(hits, day),
    )


def _lights(
    hits: np.ndarray[tuple[int], np.dtype[np.bool_]], symbol: np.ndarray[tuple[int], np.dtype[np.object_]], level: float
) -> tuple[int, int, int]:
    last = (
        pd.Series(hits)
        .groupby(symbol)
        .agg(lambda h: traffic_light(int(h.tail(YEAR).sum()), len(h.tail(YEAR)), level).value)
    )
    return int((last == "green").sum()), int((last == "yellow").sum()), int((last == "red").sum())


def _of_reference(evaluation: Evaluation | None, row: HitRow) -> pd.Series | None:
    """Daily share of instruments that the baseline's value at risk let through."""
    frame = None if evaluation is None else evaluation.evidence("hits", REFERENCE)
    if frame is None:
        return None
    part = pick(frame, (row.side, row.kind, row.level))
    return part.set_index("day")["share"].sort_index() if len(part) else None


def _series(row: HitRow, reference: pd.Series | None = None) -> HitSeries:
    days = len(row.share)
    window = YEAR if days >= 2 * YEAR else max(1, min(90, days // 2))
    trials = max(1, round(row.coverage.effective_rows / row.coverage.days * window))
    yellow, red = light_thresholds(trials, row.level)
    return HitSeries(
        title=f"{row.side} positions",
        share=row.share,
        rolling=row.share.rolling(window).mean(),
        window=window,
        nominal=1.0 - row.level,
        yellow=yellow / trials,
        red=red / trials,
        reference=None if reference is None else reference.rolling(window).mean(),
    )


def _table(rows: tuple[HitRow, ...]) -> str:
    columns = [
        Column("loss and level", [loss_label(r.side, r.kind, r.level) for r in rows], numeric=False),
        Column("nominal", [percent(1 - r.level) for r in rows]),
        Column("hit rate", [percent(r.coverage.hit_rate) for r in rows]),
        Column("95 % interval", [f"[{percent(r.coverage.low)}, {percent(r.coverage.high)}]" for r in rows]),
        Column("light, last year", [r.light for r in rows], numeric=False),
        Column("coins green", [str(r.lights[0]) for r in rows]),
        Column("yellow", [str(r.lights[1]) for r in rows]),
        Column("red", [str(r.lights[2]) for r in rows]),
    ]
    return table(columns, "Hit rates with intervals clustered by day, and traffic lights of at most the last 365 days")
