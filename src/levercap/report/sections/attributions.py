"""Section: feature attributions of the volatility forecast."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.evidence.columns import Learner
from levercap.features.catalogue import GROUPS
from levercap.report.figures.drawing import BLUE
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import number, percent, words
from levercap.report.page.html import Column, Section, heading, paragraph, table
from levercap.report.sections.rows import wash

__all__ = ["attributions_section"]

SHOWN: Final = 15

INTRO: Final = (
    "How much of the forecast of log volatility each feature moves, on average, in the last refit: for the boosted "
    "trees the mean size of its SHAP value, for the ridge regression the size of its coefficient in standard "
    "deviations. Features that say nearly the same share their part in no fixed way, so a small part does not mean "
    "that a feature is useless."
)
LEARNERS: Final[dict[str, str]] = {Learner.BOOSTED: "boosted trees", Learner.RIDGE: "ridge regression"}


def attributions_section(evaluation: Evaluation | None) -> Section | None:
    """The features that matter most, learner by learner, and the sum of each group; None without the table."""
    frame = None if evaluation is None else evaluation.table("attributions")
    if frame is None:
        return None
    learners = [str(name) for name in frame["learner"].unique()]
    shares = frame.pivot_table(index="feature", columns="learner", values="share", aggfunc="sum", sort=False)[learners]
    order = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index
    top = shares.loc[order[:SHOWN]]
    meaning = {d.name: d.meaning for group in GROUPS.values() for d in group}
    columns = [
        Column("feature", [str(name) for name in top.index], numeric=False),
        *_bars(top, learners),
        Column("what it measures", [meaning.get(str(name), words(name)) for name in top.index], numeric=False),
    ]
    rest = len(shares) - len(top)
    caption = f"The {len(top)} features with the largest part" + (f"; {rest} others move the rest" if rest else "")
    body = paragraph(INTRO) + _sizes(frame, learners) + table(columns, caption)
    return Section(
        "attributions",
        "Feature attributions",
        body + heading("By group of features") + _groups(shares, learners),
    )


def _bars(shares: pd.DataFrame, learners: list[str]) -> list[Column]:
    """A column of bars for each learner, on one scale."""
    full = float(np.nanmax(shares.to_numpy(float))) or 1.0
    return [
        Column(
            LEARNERS.get(name, words(name)),
            [percent(float(v), 1) for v in shares[name]],
            styles=[_bar(float(v) / full) for v in shares[name]],
        )
        for name in learners
    ]


def _bar(length: float) -> str:
    """CSS of a bar from the left edge of a cell; `length` in [0, 1]."""
    if not np.isfinite(length):
        return ""
    colour = wash(BLUE, 0.35).removeprefix("background:")
    edge = f"{100 * length:.1f}%"
    return f"background:linear-gradient(to right,{colour} {edge},#f4f6f8 {edge});min-width:9rem"


def _sizes(frame: pd.DataFrame, learners: list[str]) -> str:
    total = frame.groupby("learner")["contribution"].sum()
    parts = [f"{LEARNERS.get(name, words(name))} {number(float(total[name]), 3)}" for name in learners]
    return paragraph(f"Sum of all parts, in units of log volatility: {', '.join(parts)}.")


def _groups(shares: pd.DataFrame, learners: list[str]) -> str:
    of = {d.name: name for name, group in GROUPS.items() for d in group}
    groups = shares.groupby([of.get(str(name), "Other") for name in shares.index]).sum()
    groups = groups.loc[groups.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    counts = pd.Series([of.get(str(name), "Other") for name in shares.index]).value_counts()
    columns = [
        Column("group", [str(name) for name in groups.index], numeric=False),
        Column("features", [str(int(counts[name])) for name in groups.index]),
        *_bars(groups, learners),
    ]
    return table(columns)
