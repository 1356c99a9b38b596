"""Section: forecast scores beside the baseline, and where they are no better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.evidence.columns import CANDIDATE, REFERENCE
from levercap.report.figures.charts import intervals
from levercap.report.inputs import Evaluation, not_shown
from levercap.report.page.formatting import count, loss_label, number, percent, signed
from levercap.report.page.html import Card, Column, Section, bullets, figure, note, paragraph, table

__all__ = ["IS_REFERENCE", "ScoreFacts", "board_of", "score_card", "scores_section"]

IS_REFERENCE = "the forecaster is the baseline itself"
"""Stated where no score differs, as after training on a history too short for more."""


@dataclass(frozen=True)
class ScoreFacts:
    """Counts over all comparisons with the baseline, and whether no difference at all makes the two the same."""

    rows: int
    better: int
    clearly_better: int
    clearly_worse: int
    is_reference: bool


def board_of(evaluation: Evaluation | None) -> pd.DataFrame | None:
    """Leaderboard rows of the evaluated forecasts that have a score; None without any.

    A board that does not name `CANDIDATE` is kept whole but for the reference.
    """
    board = None if evaluation is None else evaluation.table("leaderboard")
    if board is None:
        return None
    own = board["model"] == CANDIDATE
    board = board[(own if own.any() else board["model"] != REFERENCE) & board["d_fz0"].notna()]
    return None if board.empty else board.reset_index(drop=True)


def scores_section(board: pd.DataFrame | None, evaluation: Evaluation | None) -> Section:
    """Table and interval plot of the differences to the baseline."""
    title = f"Forecast scores beside the baseline {REFERENCE}"
    if board is None or evaluation is None:
        return Section("scores", title, note(f"The forecasts were not scored: {not_shown(evaluation, 'leaderboard')}."))
    intro = (
        f"{REFERENCE} needs no fitting: a long-memory volatility estimate with filtered historical simulation. The "
        "score FZ0 judges value at risk and expected shortfall together; a lower one is better, so a difference below "
        f"zero means better than {REFERENCE}. Days are the independent unit: the intervals (95 %) come from resampling "
        "blocks of 20 days with all instruments of a day kept together."
    )
    labels = _labels(board)
    low, high = board["ci_low"].to_numpy(float), board["ci_high"].to_numpy(float)
    drawn = intervals(
        labels, board["d_fz0"].to_numpy(float), low, high, f"FZ0 difference to {REFERENCE} (left is better)"
    )
    caption = (
        f"Losses at the end of the {evaluation.horizon} and at the worst moment on the path, for long and short "
        "positions."
    )
    alt = f"Differences of FZ0 to {REFERENCE} with 95 % intervals, one line per side, kind of loss and level"
    body = paragraph(intro) + figure(drawn, alt, caption) + _table(board, labels) + bullets(_verdict(board, labels))
    return Section("scores", title, body)


def score_card(board: pd.DataFrame | None, evaluation: Evaluation | None) -> Card:
    """Headline figure: in how many comparisons the forecasts beat the baseline."""
    label = f"Comparisons won against {REFERENCE}"
    if board is None:
        return Card(label, "not run", not_shown(evaluation, "leaderboard"))
    facts = facts_of(board)
    if facts.is_reference:
        return Card(label, "none", IS_REFERENCE)
    meaning = f"{facts.clearly_better} by more than noise; {facts.clearly_worse} lost by more than noise"
    return Card(label, f"{facts.better} of {facts.rows}", meaning)


def facts_of(board: pd.DataFrame) -> ScoreFacts:
    """Counts of better and worse rows."""
    return ScoreFacts(
        rows=len(board),
        better=int((board["d_fz0"] < 0).sum()),
        clearly_better=int((board["ci_high"] < 0).sum()),
        clearly_worse=int((board["ci_low"] > 0).sum()),
        is_reference=bool((board["d_fz0"] == 0).all()),
    )


def _labels(board: pd.DataFrame) -> list[str]:
    several = board["model"].nunique() > 1
    return [
        (f"{row['model']}: " if several else "") + loss_label(row["side"], row["kind"], row["level"])
        for _, row in board.iterrows()
    ]


def _table(board: pd.DataFrame, labels: list[str]) -> str:
    def cells(name: str, form: Callable[[float], str]) -> list[str]:
        return [form(value) for value in board[name].astype(float)]

    spans = [
        f"[{signed(low, 3)}, {signed(high, 3)}]" for low, high in zip(board["ci_low"], board["ci_high"], strict=True)
    ]
    columns = [
        Column("loss and level", labels, numeric=False),
        Column("FZ0", cells("fz0", _three)),
        Column(f"FZ0 of {REFERENCE}", cells("fz0_reference", _three)),
        Column("difference", cells("d_fz0", _difference)),
        Column("95 % interval", spans),
        Column("without top 10 days", cells("d_fz0_without_top10_days", _difference)),
        Column("coins better", cells("symbols_better", _share)),
        Column("hit rate", cells("hit_rate", percent)),
        Column(f"hit rate of {REFERENCE}", cells("hit_rate_reference", percent)),
        Column("pinball ratio", cells("pinball_ratio", _three)),
        Column("days", cells("days", _whole)),
    ]
    return table(columns)


def _three(value: float) -> str:
    return number(value, 3)


def _difference(value: float) -> str:
    return signed(value, 3)


def _share(value: float) -> str:
    return percent(value, 0)


def _whole(value: float) -> str:
    return number(value, 0)


def _verdict(board: pd.DataFrame, labels: list[str]) -> list[str]:
    """Sentences on where the forecasts win, where that is within noise, and where they lose."""
    if facts_of(board).is_reference:
        return [f"{IS_REFERENCE[0].upper()}{IS_REFERENCE[1:]}: every score is that of {REFERENCE}."]
    names = np.array(labels, dtype=object)
    better, sure = (board["d_fz0"] < 0).to_numpy(), (board["ci_high"] < 0).to_numpy()
    lines = [
        f"Better than {REFERENCE} in {better.sum()} of {len(board)} comparisons, in {sure.sum()} of them beyond noise."
    ]
    if (better & ~sure).any():
        lines.append("Better, but within noise: " + "; ".join(names[better & ~sure]) + ".")
    if (~better).any():
        lines.append(f"Does not beat {REFERENCE}: " + "; ".join(names[~better]) + ".")
    else:
        lines.append(f"There is no comparison in which the forecasts score worse than {REFERENCE} on average.")
    few_days = better & (board["d_fz0_without_top10_days"] >= 0).to_numpy()
    if few_days.any():
        lines.append("Owes its lead to the ten most influential days: " + "; ".join(names[few_days]) + ".")
    dropped = board[["unusable", "missing"]].sum().sum()
    if dropped:
        lines.append(f"Left out of the comparison because a forecast was unusable or absent: {count(dropped)} rows.")
    return lines
