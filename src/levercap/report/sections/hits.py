"""Section: value-at-risk hits over time, against the nominal rate and the traffic light."""

from __future__ import annotations

from typing import Final

import pandas as pd

from levercap.evidence.columns import CANDIDATE, KINDS, REFERENCE, Light
from levercap.report.figures.charts import HitSeries, hits_over_time
from levercap.report.inputs import Evaluation, not_shown
from levercap.report.page.formatting import count, level_name, loss_label, percent
from levercap.report.page.html import Card, Column, Section, figure, note, paragraph, table
from levercap.report.sections.rows import Key, kinds_of, pick

__all__ = ["LOSSES_AT", "coverage_and_lights", "hit_card", "hits_section"]

NEEDED: Final = ("coverage", "traffic_lights", "hits")

LOSSES_AT: Final = dict(zip(KINDS, ("at the end of the horizon", "at the worst moment of the horizon"), strict=True))
"""When a loss of each kind is measured."""

INTRO: Final = (
    "A hit is a loss above the value at risk that was forecast for it. Too many hits mean that the forecasts are "
    "too low; far too few mean that they are needlessly high. Coins fall together, so hits come in clusters: "
    "intervals and zones below count how many independent trials the data are really worth."
)


def coverage_and_lights(evaluation: Evaluation | None) -> pd.DataFrame | None:
    """One line per side, kind and level of our own model: coverage beside the traffic light; None without either."""
    if evaluation is None:
        return None
    coverage, lights = (evaluation.table(name, CANDIDATE) for name in ("coverage", "traffic_lights"))
    if coverage is None or lights is None:
        return None
    lights = lights.drop(columns=["days", "hit_rate", "effective_rows"])
    rows = coverage.merge(lights, on=["model", "side", "kind", "level"])
    return rows.assign(off=(rows["low"] > 1.0 - rows["level"]) | (rows["high"] < 1.0 - rows["level"]))


def hits_section(evaluation: Evaluation | None) -> Section:
    """Timelines at the highest level, end and path, and the table of all."""
    title = "Value-at-risk hits over time"
    rows = coverage_and_lights(evaluation)
    hits = None if evaluation is None else evaluation.table("hits")
    if rows is None or hits is None:
        return Section("hits", title, note(f"Hits were not counted: {not_shown(evaluation, *NEEDED)}."))
    level = float(rows["level"].max())
    parts = [paragraph(INTRO)]
    for kind in KINDS:
        chosen = [key for key in kinds_of(rows) if key[1] == kind and key[2] == level]
        if chosen:
            drawn = hits_over_time([_series(pick(rows, key).iloc[0], hits, key) for key in chosen])
            what = f"VaR {level_name(level)} {LOSSES_AT[kind]}"
            alt = f"Daily share of coins with a hit and rolling hit rate against nominal: {what}"
            caption = (
                f"{what}. Above: share of coins hit each day. Below: rolling hit rate in front of the zones of the "
                "traffic light (yellow from 95 %, red from 99.99 % of the binomial distribution of the hit count)."
            )
            parts.append(figure(drawn, alt, caption))
    return Section("hits", title, "".join(parts) + _table(rows))


def hit_card(evaluation: Evaluation | None) -> Card:
    """Headline figure: hit rate of the end-of-horizon value at risk at the highest level."""
    rows = coverage_and_lights(evaluation)
    if rows is None:
        return Card("Losses beyond VaR", "not run", not_shown(evaluation, *NEEDED[:2]))
    level = float(rows["level"].max())
    highest = rows[rows["level"] == level]
    end = highest[highest["kind"] == KINDS[0]]
    chosen = end if len(end) else highest
    verdict = "the difference is more than noise" if chosen["off"].any() else "agrees with the data"
    rate = percent(float(chosen["hit_rate"].mean()))
    return Card(f"Losses beyond VaR {level_name(level)}", rate, f"expected {percent(1 - level)}; {verdict}")


def _series(row: pd.Series, hits: pd.DataFrame, key: Key) -> HitSeries:
    """Hits of one row over time, those of the reference beside where they are known."""
    days = {model: part.set_index("day").sort_index() for model, part in pick(hits, key).groupby("model", sort=False)}
    own, theirs = days[CANDIDATE], days.get(REFERENCE)
    return HitSeries(
        title=f"{key[0]} positions",
        share=own["share"],
        rolling=own["rolling"],
        window=int(row["window"]),
        nominal=1.0 - key[2],
        yellow=float(row["yellow_from"]),
        red=float(row["red_from"]),
        reference=None if theirs is None else theirs["rolling"],
    )


def _table(rows: pd.DataFrame) -> str:
    spans = [f"[{percent(low)}, {percent(high)}]" for low, high in zip(rows["low"], rows["high"], strict=True)]
    columns = [
        Column("loss and level", [loss_label(*key) for key in _keys(rows)], numeric=False),
        Column("nominal", [percent(1.0 - level) for level in rows["level"]]),
        Column("hit rate", [percent(rate) for rate in rows["hit_rate"]]),
        Column("95 % interval", spans),
        Column("light, last year", [str(light) for light in rows["light"]], numeric=False),
        *(
            Column(f"coins {zone}" if zone == Light.GREEN else str(zone), [count(n) for n in rows[f"coins_{zone}"]])
            for zone in Light
        ),
    ]
    return table(columns, "Hit rates with intervals clustered by day, and traffic lights of at most the last 365 days")


def _keys(rows: pd.DataFrame) -> list[Key]:
    return [(str(r["side"]), str(r["kind"]), float(r["level"])) for _, r in rows.iterrows()]
