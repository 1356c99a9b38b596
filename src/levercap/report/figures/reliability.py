"""Reliability diagrams with consistency bands, ranking of shock probabilities, and Murphy diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from levercap.report.figures.charts import PER_CENT
from levercap.report.figures.drawing import BLUE, GREY, ORANGE, drawing, svg
from levercap.report.page.formatting import minus

__all__ = ["Calibrated", "MurphyPanel", "Ranking", "calibration", "murphy_curves"]

INK = "#1d2733"
SIDES = {"long": (BLUE, "o"), "short": (ORANGE, "s")}


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Reliability of one side: `bins` has predicted, observed, low, high; `band` has probability, low, high."""

    bins: pd.DataFrame
    band: pd.DataFrame | None = None


@dataclass(frozen=True)
class Ranking:
    """Area under the curve of one shock: by its probability and by the volatility forecast alone; NaN if not known."""

    name: str
    side: str
    model: float
    scale: float
    implied: float = float("nan")


@dataclass(frozen=True, eq=False)
class MurphyPanel:
    """One Murphy diagram: `curve` has threshold, score, reference, difference, low, high."""

    title: str
    curve: pd.DataFrame = field(repr=False)


def calibration(panels: Mapping[str, Mapping[str, Calibrated]], ranking: Sequence[Ranking]) -> bytes:
    """Reliability diagrams, one panel per barrier, and in the last panel how well shocks are discriminated."""
    wanted = len(panels) + bool(ranking)
    rows = -(-wanted // 2)
    with drawing():
        figure = Figure(figsize=(8.6, 0.5 + 3.9 * rows))
        grid = figure.subplots(rows, 2, squeeze=False)
        for axes, (title, sides) in zip(grid.flat, panels.items(), strict=False):
            _reliability(axes, title, sides)
        if ranking:
            _ranking(grid.flat[len(panels)], ranking)
        for axes in grid.flat[wanted:]:
            axes.set_visible(False)
        handles: dict[str, Artist] = {}
        for axes in grid.flat[: len(panels)]:
            drawn, names = axes.get_legend_handles_labels()
            handles |= dict(zip(names, drawn, strict=True))
        names = sorted(handles, key=lambda name: (name.startswith("right"), name))
        figure.legend([handles[name] for name in names], names, loc="outside upper right", ncols=5)
        return svg(figure)


def murphy_curves(panels: Sequence[MurphyPanel], reference: str, model: str) -> bytes:
    """Elementary scores of both models and, below, their difference with its interval; one column per panel."""
    with drawing():
        figure = Figure(figsize=(8.6, 4.6))
        grid = figure.subplots(2, len(panels), squeeze=False, sharex="col", sharey="row", height_ratios=(1.2, 1.0))
        for column, panel in enumerate(panels):
            x = 100.0 * panel.curve["threshold"].to_numpy(float)
            above, below = grid[0, column], grid[1, column]
            unit = 1e4
            above.plot(x, unit * panel.curve["reference"].to_numpy(float), color=ORANGE, linewidth=1.5, label=reference)
            above.plot(x, unit * panel.curve["score"].to_numpy(float), color=BLUE, linewidth=1.5, label=model)
            above.set_title(panel.title)
            low, high = (unit * panel.curve[name].to_numpy(float) for name in ("low", "high"))
            below.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95 % interval")
            below.plot(x, unit * panel.curve["difference"].to_numpy(float), color=BLUE, linewidth=1.5)
            below.axhline(0.0, color=INK, linewidth=1.0)
            below.yaxis.set_major_formatter(FuncFormatter(lambda y, _: minus(f"{round(y, 9):g}")))
            below.set_xlabel("threshold: loss as a share of the price (logarithmic)")
            below.set_xscale("log")
            below.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            below.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}\u202f%"))
            below.xaxis.set_minor_formatter(NullFormatter())
        grid[0, 0].set_ylim(bottom=0.0)
        grid[0, 0].set_ylabel("score (10⁻⁴)")
        grid[1, 0].set_ylabel("difference (10⁻⁴)\nbelow zero is better")
        handles, names = grid[0, 0].get_legend_handles_labels()
        more = grid[1, 0].get_legend_handles_labels()
        figure.legend(handles + more[0], names + more[1], loc="outside upper right", ncols=3)
        return svg(figure)


def _reliability(axes: Axes, title: str, sides: Mapping[str, Calibrated]) -> None:
    values = np.concatenate([one.bins[["predicted", "observed"]].to_numpy(float).ravel() for one in sides.values()])
    positive = values[values > 0]
    floor = max(float(positive.min()) / 1.8, 1e-5) if len(positive) else 1e-4
    ceiling = min(
        1.0, 1.6 * max(float(one.bins[["predicted", "high"]].to_numpy(float).max()) for one in sides.values())
    )
    axes.plot([floor, ceiling], [floor, ceiling], color=INK, linewidth=1.0, linestyle="--", label="perfect")
    for side, one in sides.items():
        colour, marker = SIDES.get(side, (GREY, "^"))
        if one.band is not None:
            x, low, high = (
                np.maximum(one.band[name].to_numpy(float), floor) for name in ("probability", "low", "high")
            )
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, label=f"right forecasts, {side}")
        x, y, low, high = (
            np.maximum(one.bins[n].to_numpy(float), floor) for n in ("predicted", "observed", "low", "high")
        )
        error = np.maximum([y - low, high - y], 0.0)
        axes.errorbar(x, y, yerr=error, fmt=marker, color=colour, markersize=4, linewidth=1.0, capsize=2, label=side)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(floor, ceiling)
    axes.set_ylim(floor, ceiling)
    axes.set_title(title)
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("observed frequency")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if ceiling < 100 * floor else (1.0,), numticks=12))
        axis.set_major_formatter(PER_CENT)
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)


def _ranking(axes: Axes, ranking: Sequence[Ranking]) -> None:
    place = np.arange(len(ranking))[::-1]
    values = np.array([[one.scale, one.implied, one.model] for one in ranking])
    with np.errstate(invalid="ignore"):
        axes.hlines(
            place, np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1), color="#c3cad1", linewidth=1.2
        )
    marks = (
        ("logit of the scale", "D", GREY),
        ("implied by the scenarios", "|", ORANGE),
        ("shock probability", "o", BLUE),
    )
    for (name, marker, colour), column in zip(marks, values.T, strict=True):
        if not np.isnan(column).all():
            size = 11 if marker == "|" else 6
            axes.plot(column, place, marker, color=colour, markersize=size, markeredgewidth=2.0, label=name)
    axes.set_yticks(place, [one.name for one in ranking])
    axes.set_ylim(-0.7, len(ranking) + 0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_title("discrimination of shocks")
    axes.set_xlabel("area under the curve (1 is perfect, 0.5 is chance)")
    axes.legend(loc="upper left", fontsize=8, ncols=1)
