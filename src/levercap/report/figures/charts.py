"""Charts of the report: each takes a small table and returns an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from levercap.core.names import FloatArray
from levercap.evidence.columns import REFERENCE
from levercap.report.figures.drawing import BLUE, COLOURS, GREY, ORANGE, RED, ZONES, drawing, svg
from levercap.report.page.formatting import NARROW, minus, number

__all__ = ["HitSeries", "binding_bars", "hits_over_time", "intervals", "leads", "limit_histogram"]


PER_CENT = FuncFormatter(lambda share, _: f"{round(100 * share, 6):g}{NARROW}%")


@dataclass(frozen=True, eq=False)
class HitSeries:
    """Hits of one side over time: daily share of instruments hit, its rolling mean, and where the light changes.

    Attributes
    ----------
    title : what was forecast
    share : daily share, indexed by day
    rolling : mean over the last `window` days, NaN until there are that many
    window : days
    nominal : rate that a right forecast has
    yellow, red : rates from which the light changes
    reference : rolling mean of the baseline; None where it is not known
    """

    title: str
    share: pd.Series
    rolling: pd.Series
    window: int
    nominal: float
    yellow: float
    red: float
    reference: pd.Series | None = None


def intervals(labels: Sequence[str], value: FloatArray, low: FloatArray, high: FloatArray, title: str) -> bytes:
    """Differences with their intervals, one line each, coloured by significance; below zero is better."""
    with drawing():
        figure = Figure(figsize=(8.6, 0.9 + 0.34 * len(labels)))
        axes = figure.subplots()
        place = np.arange(len(labels))[::-1]
        groups = {
            "better by more than noise": (BLUE, high < 0),
            "not significant": (GREY, (low <= 0) & (high >= 0)),
            "worse by more than noise": (RED, low > 0),
        }
        for name, (colour, inside) in groups.items():
            if inside.any():
                error = np.maximum([value[inside] - low[inside], high[inside] - value[inside]], 0.0)
                axes.errorbar(
                    value[inside], place[inside], xerr=error, fmt="o", color=colour, markersize=5, linewidth=1.8,
                    capsize=3, label=name,
                )  # fmt: skip
        axes.axvline(0.0, color="#1d2733", linewidth=1.0)
        axes.set_yticks(place, labels)
        axes.set_ylim(-0.7, len(labels) - 0.3)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: minus(f"{x:g}")))
        axes.set_xlabel(title)
        figure.legend(loc="outside upper right", ncols=3)
        return svg(figure)


def hits_over_time(series: Sequence[HitSeries]) -> bytes:
    """Two panels per series: the daily share of instruments hit, and its rolling mean in front of the traffic light."""
    with drawing():
        figure = Figure(figsize=(8.6, 4.6))
        grid = figure.subplots(2, len(series), squeeze=False, height_ratios=(1.0, 1.5), sharex="col", sharey="row")
        top = max(1.15 * _highest(one) for one in series)
        tallest = min(1.0, 1.1 * max(0.1, *(float(one.share.max()) for one in series)))
        for column, one in enumerate(series):
            _daily(grid[0, column], one, tallest)
            _rolling(grid[1, column], one, top)
        grid[0, 0].set_ylabel("coins hit, per day")
        grid[1, 0].set_ylabel(f"hit rate, last {series[0].window} days")
        handles, names = grid[1, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        return svg(figure)


def limit_histogram(limits: Mapping[str, FloatArray]) -> bytes:
    """Share of each segment's accounts by limit, logarithmic axis; limits of zero stand at the left end."""
    every = np.concatenate(list(limits.values()))
    positive = every[every > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (0.1, 1.0)
    edges = np.geomspace(low / 1.05, high * 1.05, 41)
    with drawing():
        figure = Figure(figsize=(8.6, 3.4))
        axes = figure.subplots()
        for (name, values), colour in zip(limits.items(), _cycle(len(limits)), strict=True):
            share = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / max(len(values), 1)
            label = f"{name} ({len(values):,}, median {number(float(np.median(values)), 1)}×)"
            axes.stairs(share, edges, color=colour, linewidth=1.6, label=label)
            axes.stairs(share, edges, color=colour, alpha=0.08, fill=True)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0.0)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(PER_CENT)
        axes.set_xlabel("largest leverage allowed (logarithmic)")
        axes.set_ylabel("share of the segment")
        figure.legend(loc="outside upper right", ncols=min(len(limits), 3))
        return svg(figure)


def binding_bars(counts: Mapping[str, int]) -> bytes:
    """How many accounts each constraint limits, most frequent on top."""
    names, values = list(counts), np.array(list(counts.values()), dtype=np.float64)
    with drawing():
        figure = Figure(figsize=(8.6, 0.7 + 0.33 * len(names)))
        axes = figure.subplots()
        place = np.arange(len(names))[::-1]
        axes.barh(place, values, color=BLUE, height=0.62)
        for y, value in zip(place, values, strict=True):
            axes.annotate(
                f"{int(value):,}  ({100 * value / values.sum():.1f}{NARROW}%)", (value, y), (4, 0),
                textcoords="offset points", va="center",
            )  # fmt: skip
        axes.set_yticks(place, names)
        axes.set_xlim(0, values.max() * 1.22)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("accounts")
        return svg(figure)


def leads(labels: Sequence[str], whole: FloatArray, without: FloatArray, worst: FloatArray, title: str) -> bytes:
    """A difference with all days, without the most influential and without the most helpful days, one line each."""
    with drawing():
        figure = Figure(figsize=(8.6, 0.9 + 0.32 * len(labels)))
        axes = figure.subplots()
        place = np.arange(len(labels))[::-1]
        points = {
            "all days": (whole, "o", BLUE),
            "without the ten most influential": (without, "D", GREY),
            "without the ten most helpful": (worst, "|", RED),
        }
        every = np.stack([whole, without, worst])
        axes.hlines(place, np.fmin.reduce(every), np.fmax.reduce(every), color="#c3cad1", linewidth=1.2)
        for name, (values, marker, colour) in points.items():
            width = 2.2 if marker == "|" else 1.0
            size = 11 if marker == "|" else 6
            axes.plot(values, place, marker, color=colour, markersize=size, markeredgewidth=width, label=name)
        axes.axvline(0.0, color="#1d2733", linewidth=1.0)
        axes.set_yticks(place, labels)
        axes.set_ylim(-0.7, len(labels) - 0.3)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: minus(f"{round(x, 9):g}")))
        axes.set_xlabel(title)
        figure.legend(loc="outside upper right", ncols=3)
        return svg(figure)


def _highest(one: HitSeries) -> float:
    every = [one.nominal, one.red, *one.rolling, *(() if one.reference is None else one.reference)]
    return float(np.nanmax(every))


def _daily(axes: Axes, one: HitSeries, top: float) -> None:
    hit = one.share[one.share > 0]
    axes.vlines(hit.index.to_numpy(), 0.0, hit.to_numpy(), color=GREY, linewidth=0.8)
    axes.set_title(one.title)
    axes.set_ylim(0.0, top)
    axes.set_xlim(one.share.index[0], one.share.index[-1] + pd.Timedelta(days=1))
    axes.yaxis.set_major_formatter(PER_CENT)


def _rolling(axes: Axes, one: HitSeries, top: float) -> None:
    axes.axhspan(0.0, one.yellow, color=ZONES["green"], label="green zone")
    axes.axhspan(one.yellow, one.red, color=ZONES["yellow"], label="yellow zone")
    axes.axhspan(one.red, top, color=ZONES["red"], label="red zone")
    axes.axhline(one.nominal, color="#1d2733", linestyle="--", linewidth=1.0, label="nominal")
    if one.reference is not None:
        axes.plot(
            one.reference.index.to_numpy(), one.reference.to_numpy(), color=ORANGE, linewidth=1.0, label=REFERENCE
        )
    axes.plot(one.rolling.index.to_numpy(), one.rolling.to_numpy(), color=BLUE, linewidth=1.6, label="observed")
    axes.grid(visible=False)
    axes.set_ylim(0.0, top)
    axes.yaxis.set_major_formatter(PER_CENT)
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]


def _cycle(size: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(size)]
