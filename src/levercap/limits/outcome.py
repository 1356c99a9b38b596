"""Outcome of a scoring run: published, or held back by the breaker, and what is told about it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from levercap.book import Book
from levercap.config import BreakerConfig
from levercap.core.errors import Finding, Severity
from levercap.limits.batch import batch_change, batch_figures
from levercap.limits.previous_run import PreviousRun
from levercap.policy import BatchFigures, Trip, trips

__all__ = ["Outcome", "judge"]


@dataclass(frozen=True)
class Outcome:
    """Whether a scoring run is published.

    Attributes
    ----------
    figures : figures of the run
    tripped : the bounds it is beyond
    publish_anyway : reason for publishing nevertheless; empty where none was given
    """

    figures: BatchFigures
    tripped: tuple[Trip, ...]
    publish_anyway: str

    @property
    def held(self) -> bool:
        """Whether the run is held back."""
        return bool(self.tripped) and not self.publish_anyway

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per bound, fatal where the run is held back, and one that it was published on purpose."""
        severity = Severity.FATAL if self.held else Severity.WARNING
        found = [
            Finding(
                "breaker_tripped", severity, f"breaker: {trip.setting or 'positions'}", trip.message, hint=_hint(trip)
            )
            for trip in self.tripped
        ]
        if self.publish_anyway:
            text = f"published on purpose: {self.publish_anyway}"
            found.append(Finding("published_anyway", Severity.WARNING, "breaker", text, max(len(self.tripped), 1)))
        return tuple(found)

    def summary(self) -> dict[str, Any]:
        """What the summary of the run states, with the figures that the next run is compared with."""
        return {
            "outcome": "held" if self.held else "published",
            "tripped": [{**_finite(trip), "to_publish": _hint(trip)} for trip in self.tripped],
            "published_anyway": self.publish_anyway or None,
            "book": _finite(self.figures),
        }


def judge(
    book: Book,
    limits: pd.DataFrame,
    previous: PreviousRun,
    symbols: pd.DataFrame,
    config: BreakerConfig,
    publish_anyway: str | None = None,
) -> Outcome:
    """Outcome of a run: its figures, and those of the previous run where there is one, against the bounds of `config`.

    Parameters
    ----------
    book, limits : what was scored, and the limits frame
    previous : the run before; without limits the book alone is judged
    symbols : of the snapshot
    publish_anyway : reason for publishing whatever is found
    """
    figures = batch_figures(book, limits)
    change = None
    if previous.limits is not None:
        change = batch_change(limits, figures, previous.limits, previous.figures, symbols)
    return Outcome(figures, trips(figures, change, config), (publish_anyway or "").strip())


def _finite(values: Trip | BatchFigures) -> dict[str, Any]:
    """Fields as JSON holds them: a number that is not finite is None."""
    fields = dataclasses.asdict(values)
    return {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in fields.items()}


def _hint(trip: Trip) -> str:
    write = 'mend the input, or publish on purpose: --publish-anyway "REASON"'
    return f"{write}; the bound is breaker.{trip.setting}" if trip.setting else write
