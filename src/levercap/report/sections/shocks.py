"""Section: calibration of the shock probabilities."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.evaluation import BrierParts, brier_decomposition, cox_calibration, reliability_table
from levercap.evaluation.scores.corp import reliability_band
from levercap.report.figures.reliability import Calibrated, calibration
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import count, number, percent
from levercap.report.page.html import Card, Column, Section, figure, note, paragraph, table
from levercap.report.sections.shock_skill import panels_of, rankings, skill_part

__all__ = ["Shock", "shock_card", "shocks", "shocks_section"]

DEFAULT_BARRIER: Final = 0.10
"""Adverse move that ``shock_probability_long`` and ``_short`` without a suffix refer to."""

BAND_DRAWS: Final = 200

COLUMN: Final = re.compile(r"shock_probability_(long|short)(?:_(\d{2}))?")


@dataclass(frozen=True, eq=False)
class Shock:
    """Calibration of one probability: an adverse move of at least `barrier` against one side within the horizon."""

    barrier: float
    side: str
    rows: int
    events: int
    predicted: float
    observed: float
    parts: BrierParts
    intercept: float
    slope: float
    bins: pd.DataFrame
    band: pd.DataFrame | None = None


def shocks(evaluation: Evaluation | None) -> tuple[Shock, ...]:
    """Every shock probability in the forecasts that has a known outcome, by barrier and side."""
    if evaluation is None or evaluation.forecasts is None or evaluation.outcomes is None:
        return ()
    both = evaluation.forecasts.merge(evaluation.outcomes, on=["as_of", "symbol"], suffixes=("", "_outcome"))
    found: dict[tuple[float, str], str] = {}
    for column in sorted(evaluation.forecasts.columns, key=len, reverse=True):
        match = COLUMN.fullmatch(column)
        if match is not None:
            barrier = DEFAULT_BARRIER if match[2] is None else int(match[2]) / 100
            found[barrier, match[1]] = column  # the column without a suffix comes last and is the one in use
    return tuple(shock for key in sorted(found) if (shock := _shock(both, found[key], *key)) is not None)


def shocks_section(found: tuple[Shock, ...], evaluation: Evaluation | None = None) -> Section:
    """Reliability diagrams beside the ranking, and the tables of both."""
    title = "Calibration of shock probabilities"
    panels = _panels(found, evaluation)
    if not found and not panels:
        text = "Calibration was not examined: no evaluation with forecasts and outcomes was given."
        return Section("shocks", title, note(text))
    happened = {shock.barrier for shock in found if shock.events}
    alt = "Observed frequency of shocks against their predicted probability, and area under the curve"
    named = {f"move of {percent(barrier, 0)}": sides for barrier, sides in panels.items()}
    banded = any(one.band is not None for sides in panels.values() for one in sides.values())
    caption = _CAPTION + (_BAND if banded else "")
    drawn = figure(calibration(named, rankings(evaluation)), alt, caption) if panels else ""
    absent = "".join(_nothing_happened(found, b) for b in sorted({s.barrier for s in found} - happened))
    measured = _table(found) + paragraph(_READING) if found else ""
    return Section("shocks", title, paragraph(_INTRO) + drawn + absent + measured + skill_part(evaluation))


def _panels(found: tuple[Shock, ...], evaluation: Evaluation | None) -> dict[float, dict[str, Calibrated]]:
    """Bins of each barrier and side, as written or as counted here, with the band where it could be drawn."""
    panels = panels_of(evaluation)
    for shock in found:
        if shock.events:
            written = panels.setdefault(shock.barrier, {}).get(shock.side)
            bins = shock.bins if written is None else written.bins
            panels[shock.barrier][shock.side] = Calibrated(bins, shock.band)
    return {barrier: dict(sorted(sides.items())) for barrier, sides in sorted(panels.items())}


_INTRO: Final = (
    "A shock is a move against the position of at least the barrier at some moment within the horizon. Forecasts are "
    "sorted into groups of equal size; on the dashed line, what was called 5 % happened in 5 % of cases. Above the "
    "line shocks were more frequent than forecast."
)
_CAPTION: Final = (
    "Points: groups of forecasts, with 95 % intervals that know that coins fall together. Axes of the diagrams are "
    "logarithmic."
)
_BAND: Final = (
    " Shaded: the consistency band, where nine in ten curves of perfectly calibrated forecasts would lie at any one "
    "probability."
)


def _nothing_happened(found: tuple[Shock, ...], barrier: float) -> str:
    """A remark in place of the panel of a barrier that nothing reached."""
    sides = [shock for shock in found if shock.barrier == barrier]
    predicted = sum(shock.predicted * shock.rows for shock in sides)
    return note(
        f"No move of {percent(barrier, 0)} happened in {count(sum(shock.rows for shock in sides))} forecasts, which "
        f"predicted {number(predicted)} of them: there is no frequency to draw."
    )


_READING: Final = (
    "Brier score and its parts are in units of 10⁻⁴: miscalibration is what recalibrating would save, discrimination "
    "what telling risky days from calm ones saves. Skill is the share saved of the score of always saying the base "
    "rate, known in hindsight. A slope of 1 and an intercept of 0 are perfect; a slope below 1 means that the "
    "probabilities are too extreme. In the figure, points on the lower edge are groups without a single shock."
)


def shock_card(found: tuple[Shock, ...]) -> Card:
    """Headline figure: how often shocks of the default barrier came, beside how often they were predicted."""
    chosen = [s for s in found if s.barrier == DEFAULT_BARRIER] or list(found)
    if not chosen:
        return Card("Shocks that happened", "not run", "no evaluation was given")
    rows = sum(s.rows for s in chosen)
    observed, predicted = (sum(getattr(s, name) * s.rows for s in chosen) / rows for name in ("observed", "predicted"))
    label = f"Shocks of {percent(chosen[0].barrier, 0)} that happened"
    return Card(
        label, percent(observed), f"predicted {percent(predicted)}; {count(sum(s.events for s in chosen))} events"
    )


def _shock(both: pd.DataFrame, column: str, barrier: float, side: str) -> Shock | None:
    known = both[both[column].notna() & both[f"path_{side}"].notna()]
    if known.empty:
        return None
    event = np.asarray(known[f"path_{side}"] >= barrier, dtype=np.float64)
    probability = known[column].to_numpy(dtype=np.float64)
    day = known["as_of"].dt.floor("D").to_numpy()
    intercept, slope = cox_calibration(event, probability)
    return Shock(
        barrier=barrier,
        side=side,
        rows=len(event),
        events=int(event.sum()),
        predicted=float(probability.mean()),
        observed=float(event.mean()),
        parts=brier_decomposition(event, probability),
        intercept=intercept,
        slope=slope,
        bins=reliability_table(event, probability, day=day),
        band=_band(known, event, probability),
    )


def _band(known: pd.DataFrame, event: FloatArray, probability: FloatArray) -> pd.DataFrame | None:
    """Consistency band; None where nothing happened, or where forecasts are too close to a constant for one."""
    if not event.any() or np.unique(probability).size < 2:
        return None
    origin = known["as_of"].dt.tz_localize(None).to_numpy()
    return reliability_band(event, probability, origin, known["symbol"].to_numpy(dtype=object), draws=BAND_DRAWS)


def _table(found: tuple[Shock, ...]) -> str:
    def scaled(value: float) -> str:
        return number(1e4 * value, 1)

    def skill(parts: BrierParts) -> float:
        return 1.0 - parts.brier / parts.uncertainty if parts.uncertainty > 0 else float("nan")

    columns = [
        Column("barrier, side", [f"{percent(s.barrier, 0)}, {s.side}" for s in found], numeric=False),
        Column("forecasts", [count(s.rows) for s in found]),
        Column("events", [count(s.events) for s in found]),
        Column("predicted", [percent(s.predicted) for s in found]),
        Column("observed", [percent(s.observed) for s in found]),
        Column("Brier", [scaled(s.parts.brier) for s in found]),
        Column("miscalibration", [scaled(s.parts.miscalibration) for s in found]),
        Column("discrimination", [scaled(s.parts.discrimination) for s in found]),
        Column("skill", [percent(skill(s.parts), 1) for s in found]),
        Column("slope", [number(s.slope) for s in found]),
        Column("intercept", [number(s.intercept) for s in found]),
    ]
    return table(columns)
