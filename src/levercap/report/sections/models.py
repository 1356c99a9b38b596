"""Section: every model beside the baseline, with the significance of what sets them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from levercap.evidence.columns import CANDIDATE, REFERENCE, SIZE, Verdict
from levercap.report.figures.forest import ForestPanel, forest
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import count, loss_label, number, percent, probability, signed
from levercap.report.page.html import Column, Section, bullets, figure, heading, paragraph, table
from levercap.report.sections.rows import Key, kinds_of, lines_of, model_name, pick, tint

__all__ = ["models_section", "stars", "tested"]

TESTED: Final = ("p_romano_wolf_20", "p_romano_wolf_60")
"""P-values adjusted over the comparisons of one model, blocks of 20 and of 60 days."""

TESTED_ALL: Final = ("p_romano_wolf_all_20", "p_romano_wolf_all_60")
"""The same adjusted over the comparisons of all models together."""

INTRO: Final = (
    f"All models forecast the same coins on the same days and are scored by FZ0 against {REFERENCE}; below zero is "
    f"better than {REFERENCE}. Whoever makes many comparisons wins some by chance, so the p-values are adjusted by the "
    "step-down of Romano and Wolf: an adjusted value below 5 % means that not even one false claim was likely among "
    "all claims made. It is done with blocks of 20 days and again with blocks of 60, and a star needs both."
)
STARS: Final = (
    "* better, both p-values below 5 % when adjusted over the comparisons of that model; ** also when adjusted over "
    "those of all models together, as someone must who picks a winner from this table. † worse: both intervals lie "
    "above zero. In set: the model belongs to those that cannot be distinguished from the best (model confidence set, "
    "90 %)."
)


def tested(evaluation: Evaluation | None) -> pd.DataFrame | None:
    """Leaderboard with adjusted p-values; None where there are none."""
    board = None if evaluation is None else evaluation.table("leaderboard")
    return None if board is None or board[list(TESTED)].isna().all(axis=None) else board


def stars(line: pd.Series) -> str:
    """Mark of a leaderboard line: one or two stars where it is better, a dagger where it is worse."""
    if line["verdict"] == Verdict.BETTER:
        return "**" if all(float(line[name]) < SIZE for name in TESTED_ALL) else "*"
    return "†" if line["verdict"] == Verdict.WORSE else ""


def models_section(evaluation: Evaluation | None) -> Section | None:
    """One line per model, the forest plot, and the full leaderboard; None without adjusted p-values."""
    board = tested(evaluation)
    rivals = None if board is None else board[board["model"] != REFERENCE]
    if board is None or rivals is None or rivals.empty:
        return None
    order = _order(rivals)
    drawn = forest(
        [_panel(rivals, key, order) for key in kinds_of(rivals)],
        [model_name(model) for model in order],
        f"FZ0 difference to {REFERENCE} (left is better)",
        bold=CANDIDATE,
    )
    alt = f"Differences of FZ0 to {REFERENCE} of every model with intervals, one panel per side, kind of loss and level"
    caption = (
        "Thick lines: 95 % intervals from blocks of 20 days; thin lines: from the wider of blocks of 20 and 60 days. "
        "Colour goes by the wider one."
    )
    body = paragraph(INTRO) + figure(drawn, alt, caption) + bullets(_sentences(board, order))
    body += heading("In one line per model") + _overview(rivals, order)
    body += heading("The whole leaderboard") + _table(board) + paragraph(STARS)
    return Section("models", "All models beside the baseline", body)


def _order(rivals: pd.DataFrame) -> list[str]:
    """Models by their mean difference, the best first."""
    mean = rivals.groupby("model", sort=True)["d_fz0"].mean().sort_values(kind="stable")
    return [str(name) for name in mean.index]


def _panel(rivals: pd.DataFrame, key: Key, order: Sequence[str]) -> ForestPanel:
    part = pick(rivals, key)

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return lines_of(part, "model", order, name)

    low, high = column("ci_low"), column("ci_high")
    wide = (np.fmin(low, column("ci_low_60")), np.fmax(high, column("ci_high_60")))
    return ForestPanel(loss_label(*key), column("d_fz0"), low, high, *wide)


def _sentences(board: pd.DataFrame, order: Sequence[str]) -> list[str]:
    lines = []
    for model in [CANDIDATE] if CANDIDATE in order else []:
        own = board[board["model"] == model]
        better = int((own["verdict"] == Verdict.BETTER).sum())
        lines.append(
            f"{model_name(model)} is better than {REFERENCE} in {int((own['d_fz0'] < 0).sum())} of {len(own)} "
            f"comparisons, in {better} of them after the adjustment for several comparisons (*); in "
            f"{int((own.apply(stars, axis=1) == '**').sum())} also after that for the comparisons of all models (**)."
        )
        best = sum(1 for key in kinds_of(own) if _best(pick(board, key)) == model)
        lines.append(f"It has the lowest score of all models in {best} of {len(own)} comparisons.")
    better_models = [
        model_name(model)
        for model in order
        if model != CANDIDATE and (board.loc[board["model"] == model, "verdict"] == Verdict.BETTER).any()
    ]
    others = [model for model in order if model != CANDIDATE]
    if others and better_models:
        lines.append(f"Other models that beat {REFERENCE} somewhere after the adjustment: {'; '.join(better_models)}.")
    elif others:
        lines.append(f"None of the other models beats {REFERENCE} anywhere once the adjustment is made.")
    return lines


def _best(part: pd.DataFrame) -> str | None:
    known = part[part["d_fz0"].notna()]
    return None if known.empty else str(known.sort_values("d_fz0", kind="stable")["model"].iloc[0])


def _overview(rivals: pd.DataFrame, order: Sequence[str]) -> str:
    own = [rivals[rivals["model"] == model] for model in order]
    rows = [f"{len(part)}" for part in own]
    columns = [
        Column("model", [model_name(model) for model in order], numeric=False),
        Column("mean difference", [signed(float(part["d_fz0"].mean()), 3) for part in own]),
        Column("comparisons", rows),
        Column("better", [str(int((part["d_fz0"] < 0).sum())) for part in own]),
        Column("better, adjusted", [str(int((part["verdict"] == Verdict.BETTER).sum())) for part in own]),
        Column("worse beyond noise", [str(int((part["verdict"] == Verdict.WORSE).sum())) for part in own]),
    ]
    if rivals["in_set"].notna().any():
        columns.append(Column("in the confidence set", [str(int((part["in_set"] == True).sum())) for part in own]))  # noqa: E712
    return table(columns)


def _table(board: pd.DataFrame) -> str:
    keys = kinds_of(board)
    parts = [pick(board, key).sort_values("d_fz0", kind="stable", na_position="last") for key in keys]
    frame = pd.concat(parts, ignore_index=True)
    groups = [
        f"{loss_label(*key)} ({_extent(part)})" for key, part in zip(keys, parts, strict=True) for _ in range(len(part))
    ]
    reference = (frame["model"] == REFERENCE).to_numpy()
    full = float(np.nanquantile(np.abs(frame["d_fz0"].astype(float)), 0.9)) if frame["d_fz0"].notna().any() else 0.0
    columns = [
        Column(
            "model",
            [model_name(str(model)) for model in frame["model"]],
            numeric=False,
            styles=["font-weight:600" if model == CANDIDATE else "" for model in frame["model"]],
        ),
        Column("FZ0", [number(v, 3) for v in frame["fz0"]]),
        Column(
            "difference",
            ["reference" if r else signed(v, 3) for v, r in zip(frame["d_fz0"], reference, strict=True)],
            styles=[tint(float(v), full) for v in frame["d_fz0"]],
        ),
        Column("", ["" if r else stars(line) for r, (_, line) in zip(reference, frame.iterrows(), strict=True)], False),
        Column("95 %,\n20-day blocks", _spans(frame, "ci_low", "ci_high", reference)),
        Column("95 %,\n60-day blocks", _spans(frame, "ci_low_60", "ci_high_60", reference)),
        *(
            Column(title, [_p(v) for v in frame[name]])
            for title, name in zip(("p,\n20 days", "p,\n60 days"), TESTED, strict=True)
        ),
        *(
            Column(title, [_p(v) for v in frame[name]])
            for title, name in zip(("p of all,\n20 days", "p of all,\n60 days"), TESTED_ALL, strict=True)
        ),
        Column("hit rate", [percent(v) for v in frame["hit_rate"]]),
    ]
    if frame["in_set"].notna().any():
        columns.append(Column("in set", [_in_set(v) for v in frame["in_set"]], numeric=False))
    return table(columns, groups=groups, dense=True)


def _extent(part: pd.DataFrame) -> str:
    days, symbols = part["days"].max(), part["symbols"].max()
    return f"{count(days)} days, {count(symbols)} coins" if pd.notna(days) and pd.notna(symbols) else "days not stated"


def _spans(
    frame: pd.DataFrame, low: str, high: str, reference: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[str]:
    return [
        "" if r else f"[{signed(a, 3)}, {signed(b, 3)}]"
        for a, b, r in zip(frame[low], frame[high], reference, strict=True)
    ]


def _p(value: float) -> str:
    return "" if pd.isna(value) else probability(float(value))


def _in_set(value: object) -> str:
    return "" if pd.isna(value) else ("yes" if value else "no")  # type: ignore[call-overload]
