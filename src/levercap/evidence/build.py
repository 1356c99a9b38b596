"""Evidence tables of an evaluation, from forecasts and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from levercap.core.errors import LevercapError
from levercap.core.names import LEVELS, Side
from levercap.core.progress import Progress, silent
from levercap.evaluation import Matched, Row, match, murphy_diagram
from levercap.evidence import shock_tables, stability
from levercap.evidence.attribution_table import attributions
from levercap.evidence.backtest_table import backtest_lines
from levercap.evidence.columns import (
    CANDIDATE,
    FORECASTS,
    KINDS,
    REFERENCE,
    TABLES,
    BreakSource,
    frame,
    row_key,
    row_label,
)
from levercap.evidence.known_events import events_within, volatility_jumps
from levercap.evidence.ranking import ranking
from levercap.evidence.traffic_lights import traffic_light_line

__all__ = ["STEPS", "EvaluationInputs", "EvidenceTables", "build_tables"]

STEPS: Final = 2 + 2 * len(Side) * len(KINDS) * len(LEVELS) + 1
"""Steps that `build_tables` reports."""

MURPHY_LEVEL: Final = 0.975
MURPHY_DRAWS: Final = 500

Lines = Iterable[Mapping[str, Any]] | pd.DataFrame


@dataclass(frozen=True, eq=False)
class EvaluationInputs:
    """Forecasts of a walk-forward and the realised outcomes.

    Attributes
    ----------
    tails : model -> its tails table; B1 and levercap among them
    forecasts : the forecasts table of levercap
    outcomes : as_of, symbol, realised_volatility, losses; from before the first forecast where there is such a past,
        which the days of jumping volatility are found with
    start, stop : the period, `stop` left out
    scale : fitted scale of the last refit; None when it is not at hand
    features : feature rows that it was asked about
    """

    tails: Mapping[str, pd.DataFrame]
    forecasts: pd.DataFrame
    outcomes: pd.DataFrame
    start: pd.Timestamp
    stop: pd.Timestamp
    scale: Any = None
    features: pd.DataFrame | None = None

    def evaluated(self) -> pd.DataFrame:
        """Outcomes of the period."""
        as_of = self.outcomes["as_of"]
        return self.outcomes[(as_of >= self.start) & (as_of < self.stop)].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class EvidenceTables:
    """Evidence tables by name (`TABLES` states their columns), and notes on what could not be made and why."""

    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...]


@dataclass(eq=False)
class _Collection:
    """Lines of all tables as they come; a part that cannot be made leaves a note instead.

    Lines wait until all are there: to type a table is dear, and each comes in some sixteen parts.
    """

    parts: dict[str, list[list[Mapping[str, Any]] | pd.DataFrame]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, make: Callable[[], Lines], what: str = "") -> None:
        try:
            lines = make()
            part = lines if isinstance(lines, pd.DataFrame) else list(lines)
        except (ValueError, LevercapError) as error:
            self.notes.append(f"{name}{what}: {error}")
            return
        if len(part):
            self.parts.setdefault(name, []).append(part)

    def tables(self) -> dict[str, pd.DataFrame]:
        return {name: _joined(name, self.parts.get(name, [])) for name in TABLES}


def _joined(name: str, parts: Sequence[list[Mapping[str, Any]] | pd.DataFrame]) -> pd.DataFrame:
    """Parts of one table, each of them rows as a frame or as lines, one below the other."""
    lines = [line for part in parts if not isinstance(part, pd.DataFrame) for line in part]
    frames = [part for part in parts if isinstance(part, pd.DataFrame)]
    assert not (lines and frames), f"{name} has parts of both kinds, whose order would be lost"
    return frame(name, pd.concat(frames, ignore_index=True) if frames else lines)


def build_tables(inputs: EvaluationInputs, seed: int = 0, progress: Progress = silent) -> EvidenceTables:
    """All evidence tables. Everything random is seeded: the same inputs give the same tables."""
    outcomes = inputs.evaluated()
    matched = match(inputs.tails, outcomes)
    collection = _Collection()
    table, notes = ranking(inputs.tails, outcomes, matched, seed)
    collection.parts["leaderboard"] = [table]
    collection.notes += notes
    progress(done := 1, STEPS)
    breaks = _breaks(inputs)
    for row in matched:
        for model in (CANDIDATE, REFERENCE):
            if len(row.loss):
                _row_tables(collection, row, model, breaks, seed)
            else:
                collection.notes.append(f"{model} {_name(row)}: no forecast with a known outcome")
            progress(done := min(done + 1, STEPS - 2), STEPS)
    _others(collection, matched)
    _shocks(collection, inputs.forecasts, outcomes, seed)
    progress(STEPS - 1, STEPS)
    _murphy(collection, matched, seed)
    if inputs.scale is not None and inputs.features is not None:
        scale, features = inputs.scale, inputs.features
        collection.add("attributions", lambda: attributions(scale, features))
    progress(STEPS, STEPS)
    return EvidenceTables(collection.tables(), tuple(collection.notes))


@dataclass(frozen=True)
class _Breaks:
    events: stability.Spans
    days: Mapping[str, Mapping[str, pd.Timestamp]]


def _breaks(inputs: EvaluationInputs) -> _Breaks:
    symbols = tuple(map(str, inputs.forecasts["symbol"].unique()))
    stop = min(inputs.stop, inputs.forecasts["as_of"].max() + pd.Timedelta(hours=1))
    events = events_within(inputs.start, stop, symbols)
    jumps = volatility_jumps(inputs.outcomes, inputs.start, stop)
    inside = {name: first for name, (first, _) in events.items() if first >= inputs.start.floor("D")}
    return _Breaks(
        events, {BreakSource.EVENT: inside, BreakSource.VOLATILITY_JUMP: {f"{day:%Y-%m-%d}": day for day in jumps}}
    )


def _row_tables(collection: _Collection, row: Row, model: str, breaks: _Breaks, seed: int) -> None:
    what = f" of {model} {_name(row)}"
    collection.add("backtests", lambda: backtest_lines(row, model, seed), what)
    collection.add("coverage", lambda: [stability.coverage_line(row, model)], what)
    collection.add("traffic_lights", lambda: [traffic_light_line(row, model)], what)
    collection.add("by_symbol", lambda: stability.symbol_lines(row, model), what)
    collection.add("by_year", lambda: stability.year_lines(row, model, seed), what)
    collection.add("post_break", lambda: stability.post_break_lines(row, model, breaks.days, seed), what)
    collection.add("hits", lambda: stability.hit_lines(row, model), what)
    if model == CANDIDATE:
        collection.add("influential_days", lambda: stability.influential_day_lines(row, model), what)
        collection.add("events", lambda: stability.event_lines(row, model, breaks.events, seed), what)


def _others(collection: _Collection, matched: Matched) -> None:
    """How few days carry the difference of every model to B1."""
    for model in matched.models:
        for row in matched:
            if model != REFERENCE and len(row.loss):
                collection.add("influence", lambda m=model, r=row: [stability.influence_line(r, m)])  # type: ignore[misc]


def _shocks(collection: _Collection, forecasts: pd.DataFrame, outcomes: pd.DataFrame, seed: int) -> None:
    found = list(shock_tables.shocks_of(forecasts, outcomes))
    if not found:
        collection.notes.append("shocks: the forecasts hold no shock probability with a known outcome")
    elif any(shock.implied is None for shock in found):
        collection.notes.append("shocks: no skill, since the forecasts do not hold the implied probabilities")
    collection.add("shocks", lambda: [shock_tables.shock_lines(shock, seed) for shock in found])
    for shock in found:
        collection.add("reliability", lambda s=shock: shock_tables.reliability_lines(s))  # type: ignore[misc]
        collection.add("reliability_band", lambda s=shock: shock_tables.band_lines(s, seed))  # type: ignore[misc]


def _murphy(collection: _Collection, matched: Matched, seed: int) -> None:
    """Murphy diagrams of our own model against B1 for losses at the end of the horizon."""
    for row in matched:
        if row.kind != "end" or row.level != MURPHY_LEVEL or not len(row.loss):
            continue
        for forecast in FORECASTS:
            collection.add("murphy", lambda r=row, f=forecast: _curve(r, f, seed), f" of {_name(row)} {forecast}")  # type: ignore[misc]


def _curve(row: Row, forecast: Any, seed: int) -> pd.DataFrame:
    diagram = murphy_diagram(row, CANDIDATE, forecast=forecast, draws=MURPHY_DRAWS, seed=seed)
    return diagram.curve.assign(
        **row_key(CANDIDATE, row.side, row.kind, row.level),
        forecast=forecast,
        p_never_worse=diagram.p_never_worse,
        p_never_better=diagram.p_never_better,
        verdict=str(diagram.verdict),
    )


def _name(row: Row) -> str:
    return row_label(row.side, row.kind, row.level)
