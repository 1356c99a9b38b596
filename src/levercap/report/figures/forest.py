"""Forest plots: estimates with their intervals, one panel per kind of forecast, the same lines in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from levercap.core.names import FloatArray
from levercap.report.figures.drawing import BLUE, GREY, ORANGE, RED, drawing, svg
from levercap.report.page.formatting import NARROW, loss_label, minus
from levercap.report.sections.rows import Key, lines_of, pick

__all__ = ["BETTER", "COVERED", "ForestPanel", "Reading", "forest", "forest_panel"]

INK: Final = "#1d2733"


@dataclass(frozen=True)
class Reading:
    """Meaning and colour of an interval below, across or above the reference line."""

    below: tuple[str, str]
    straddling: tuple[str, str]
    above: tuple[str, str]


BETTER: Final = Reading(
    ("better by more than noise", BLUE), ("not significant", GREY), ("worse by more than noise", RED)
)
"""For differences of scores, of which lower ones are better."""

COVERED: Final = Reading(("fewer hits than nominal", ORANGE), ("agrees with nominal", BLUE), ("more hits", RED))
"""For hit rates."""


@dataclass(frozen=True, eq=False)
class ForestPanel:
    """One panel; arrays are (lines,), NaN where there is no number.

    Attributes
    ----------
    title : what the panel is about
    value, low, high : estimates and the interval drawn thick
    wide_low, wide_high : a second interval, drawn thin with caps; None for none
    reference : where the line stands that the intervals are read against
    """

    title: str
    value: FloatArray
    low: FloatArray
    high: FloatArray
    wide_low: FloatArray | None = None
    wide_high: FloatArray | None = None
    reference: float = 0.0


def forest_panel(
    frame: pd.DataFrame, key: Key, name: str, lines: Sequence[object], columns: tuple[str, str, str], level: float = 0.0
) -> ForestPanel:
    """Panel of one (side, kind, level): for each of `lines` in column `name`, the value and its interval in `columns`.

    `level` is where the reference line stands.
    """
    part = pick(frame, key)
    value, low, high = (lines_of(part, name, lines, column) for column in columns)
    return ForestPanel(loss_label(*key), value, low, high, reference=level)


def forest(
    panels: Sequence[ForestPanel],
    lines: Sequence[str],
    axis: str,
    reading: Reading = BETTER,
    columns: int = 4,
    share: bool = False,
    bold: str | None = None,
) -> bytes:
    """Panels side by side with common lines and, unless they are shares, a common scale.

    Parameters
    ----------
    panels : in the order of reading
    lines : name of each line, first on top
    axis : what the numbers are
    reading : colours and their meaning
    columns : panels in one row
    share : numbers are shares, written as percentages, and each panel has its own scale
    bold : the line whose name stands out; None for none
    """
    rows = -(-len(panels) // columns)
    with drawing():
        figure = Figure(figsize=(8.6, 0.75 + rows * (0.55 + 0.22 * len(lines))))
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=not share)
        used: dict[str, Artist] = {}
        for axes, panel in zip(grid.flat, panels, strict=False):
            used |= _panel(axes, panel, reading, share)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        grid[0, 0].set_yticks(np.arange(len(lines))[::-1], lines)
        grid[0, 0].set_ylim(-0.6, len(lines) - 0.4)
        for label in (text for axes in grid[:, 0] for text in axes.get_yticklabels()):
            label.set_fontweight("bold" if label.get_text() == bold else "normal")
        figure.supxlabel(axis, fontsize=9)
        order = [name for name, _ in (reading.below, reading.straddling, reading.above) if name in used]
        figure.legend([used[n] for n in order], order, loc="outside upper right", ncols=3)
        return svg(figure)


def _panel(axes: Axes, panel: ForestPanel, reading: Reading, share: bool) -> dict[str, Artist]:
    """Draws one panel; gives back a handle of each meaning that occurs."""
    place = np.arange(len(panel.value))[::-1]
    wide = panel.wide_low is not None and panel.wide_high is not None
    lowest = np.fmin(panel.low, panel.wide_low) if wide else panel.low  # type: ignore[arg-type]
    highest = np.fmax(panel.high, panel.wide_high) if wide else panel.high  # type: ignore[arg-type]
    known = ~(np.isnan(panel.value) | np.isnan(lowest) | np.isnan(highest))
    below, above = known & (highest < panel.reference), known & (lowest > panel.reference)
    axes.axvline(panel.reference, color=INK, linewidth=1.0)
    handles: dict[str, Artist] = {}
    for (name, colour), inside in (
        (reading.below, below),
        (reading.straddling, known & ~below & ~above),
        (reading.above, above),
    ):
        if not inside.any():
            continue
        if wide:
            error = np.maximum([panel.value - lowest, highest - panel.value], 0.0)[:, inside]
            axes.errorbar(
                panel.value[inside], place[inside], xerr=error, fmt="none", ecolor=colour, elinewidth=0.8, capsize=2.0
            )
        axes.hlines(place[inside], panel.low[inside], panel.high[inside], color=colour, linewidth=2.4)
        handles[name] = axes.plot(panel.value[inside], place[inside], "o", color=colour, markersize=4.5)[0]
    axes.set_title(panel.title, fontsize=9)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True, labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent if share else _plain))
    return handles


def _plain(value: float, _: object) -> str:
    return minus(f"{round(value, 9):g}")


def _percent(value: float, _: object) -> str:
    return f"{round(100 * value, 6):g}{NARROW}%"
