"""Section: calibration of the shock probabilities."""

from __future__ import annotations

from typing import Final

import pandas as pd

from levercap.report.figures.reliability import Calibrated, calibration
from levercap.report.inputs import Evaluation, not_shown
from levercap.report.page.formatting import count, number, percent
from levercap.report.page.html import Card, Column, Section, figure, note, paragraph, table
from levercap.report.sections.shock_skill import rankings, skill_part

__all__ = ["shock_card", "shock_lines", "shocks_section"]

HEADLINE_BARRIER: Final = 0.10
"""Adverse move that the card of the headline is about."""

INTRO: Final = (
    "A shock is a move against the position of at least the barrier at some moment within the horizon. Forecasts are "
    "sorted into groups of equal size; on the dashed line, what was called 5 % happened in 5 % of cases. Above the "
    "line shocks were more frequent than forecast."
)
CAPTION: Final = (
    "Points: groups of forecasts, with 95 % intervals clustered by day. Axes of the diagrams are logarithmic."
)
BAND: Final = (
    " Shaded: the consistency band, where nine in ten curves of perfectly calibrated forecasts would lie at any one "
    "probability."
)
READING: Final = (
    "Brier score and its parts are in units of 10⁻⁴: miscalibration is what recalibrating would save, discrimination "
    "what ranking risky days above calm ones saves. Skill is the share saved of the score of always forecasting the "
    "base rate, known in hindsight. A slope of 1 and an intercept of 0 are perfect; a slope below 1 means that the "
    "probabilities are too extreme. In the figure, points on the lower edge are groups without a single shock."
)


def shock_lines(evaluation: Evaluation | None) -> pd.DataFrame | None:
    """One line per barrier and side, in that order; None where there are none."""
    lines = None if evaluation is None else evaluation.table("shocks")
    return None if lines is None else lines.sort_values(["barrier", "side"], ignore_index=True)


def shocks_section(evaluation: Evaluation | None) -> Section:
    """Reliability diagrams beside the ranking, and the tables of both."""
    title = "Calibration of shock probabilities"
    lines = shock_lines(evaluation)
    if lines is None or evaluation is None:
        return Section("shocks", title, note(f"Calibration was not examined: {not_shown(evaluation, 'shocks')}."))
    panels = _panels(evaluation)
    alt = "Observed frequency of shocks against their predicted probability, and area under the curve"
    named = {f"move of {percent(barrier, 0)}": sides for barrier, sides in panels.items()}
    banded = any(one.band is not None for sides in panels.values() for one in sides.values())
    drawn = figure(calibration(named, rankings(lines)), alt, CAPTION + (BAND if banded else "")) if panels else ""
    absent = "".join(_nothing_happened(part) for _, part in lines.groupby("barrier") if not part["events"].any())
    return Section(
        "shocks", title, paragraph(INTRO) + drawn + absent + _table(lines) + paragraph(READING) + skill_part(lines)
    )


def shock_card(evaluation: Evaluation | None) -> Card:
    """Headline figure: how often shocks of the headline barrier came, beside how often they were predicted."""
    lines = shock_lines(evaluation)
    if lines is None:
        return Card("Shocks that happened", "not run", not_shown(evaluation, "shocks"))
    chosen = lines[lines["barrier"] == HEADLINE_BARRIER]
    chosen = chosen if len(chosen) else lines
    observed, predicted = ((chosen[name] * chosen["rows"]).sum() / chosen["rows"].sum() for name in _RATES)
    label = f"Shocks of {percent(float(chosen['barrier'].iloc[0]), 0)} that happened"
    meaning = f"predicted {percent(float(predicted))}; {count(chosen['events'].sum())} events"
    return Card(label, percent(float(observed)), meaning)


_RATES: Final = ("base_rate", "predicted")


def _panels(evaluation: Evaluation) -> dict[float, dict[str, Calibrated]]:
    """Bins and consistency band by barrier and side, of those that happened."""
    bins, bands = evaluation.table("reliability"), evaluation.table("reliability_band")
    found: dict[float, dict[str, Calibrated]] = {}
    if bins is None:
        return found
    for _, part in bins.groupby(["barrier", "side"]):
        barrier, side = float(part["barrier"].iloc[0]), str(part["side"].iloc[0])
        if (part["observed"] > 0).any():
            band = None if bands is None else bands[(bands["barrier"] == barrier) & (bands["side"] == side)]
            drawn = None if band is None or band.empty else band.sort_values("probability", ignore_index=True)
            ordered = part.sort_values("predicted", ignore_index=True)
            found.setdefault(barrier, {})[side] = Calibrated(ordered, drawn)
    return found


def _nothing_happened(part: pd.DataFrame) -> str:
    """A remark in place of the panel of a barrier that nothing reached."""
    predicted = float((part["predicted"] * part["rows"]).sum())
    return note(
        f"No move of {percent(float(part['barrier'].iloc[0]), 0)} happened in {count(part['rows'].sum())} forecasts, "
        f"which predicted {number(predicted)} of them: there is no frequency to draw."
    )


def _table(lines: pd.DataFrame) -> str:
    def scaled(name: str) -> list[str]:
        return [number(1e4 * float(value), 1) for value in lines[name]]

    columns = [
        Column("barrier, side", [f"{percent(r['barrier'], 0)}, {r['side']}" for _, r in lines.iterrows()], False),
        Column("forecasts", [count(n) for n in lines["rows"]]),
        Column("events", [count(n) for n in lines["events"]]),
        Column("predicted", [percent(v) for v in lines["predicted"]]),
        Column("observed", [percent(v) for v in lines["base_rate"]]),
        Column("Brier", scaled("brier")),
        Column("miscalibration", scaled("brier_miscalibration")),
        Column("discrimination", scaled("brier_discrimination")),
        Column("skill", [percent(v, 1) for v in lines["brier_skill"]]),
        Column("slope", [number(v) for v in lines["slope"]]),
        Column("intercept", [number(v) for v in lines["intercept"]]),
    ]
    return table(columns)
