"""Part of the section on shocks: what the evaluation measured of their probabilities beyond calibration."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.report.figures.reliability import Calibrated, Ranking
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import count, number, percent
from levercap.report.page.html import Column, bullets, heading, paragraph, table

__all__ = ["panels_of", "proven_skill", "rankings", "skill_part"]

INTRO: Final = (
    "The volatility forecast alone already says when shocks are likely, and the scenarios imply a probability of their "
    "own. What the shock model adds to them is its skill: the share saved of the log loss of the implied probability. "
    "The area under the curve (AUC) is the chance that a day with a shock was ranked above one without; beside it "
    "stands that of the logit of the scale, that is of volatility alone. Calibration cannot be seen in it."
)


def rankings(evaluation: Evaluation | None) -> tuple[Ranking, ...]:
    """AUC of every shock and of volatility alone; empty when the evaluation holds none."""
    frame = _lines(evaluation)
    if frame is None or frame["auc"].isna().all():
        return ()
    return tuple(
        Ranking(
            _name(line), str(line["side"]), float(line["auc"]), float(line["auc_scale"]),
            float(line["auc_implied"]) if "auc_implied" in line and pd.notna(line["auc_implied"]) else float("nan"),
        )
        for _, line in frame.iterrows()
    )  # fmt: skip


def panels_of(evaluation: Evaluation | None) -> dict[float, dict[str, Calibrated]]:
    """Bins of the reliability diagrams by barrier and side, as they were written; empty when there are none."""
    frame = None if evaluation is None else evaluation.evidence("reliability")
    if frame is None:
        return {}
    found: dict[float, dict[str, Calibrated]] = {}
    for barrier, side in frame[["barrier", "side"]].drop_duplicates().sort_values(["barrier", "side"]).to_numpy():
        part = frame[(frame["barrier"] == barrier) & (frame["side"] == side)]
        if (part["observed"] > 0).any():
            found.setdefault(float(barrier), {})[str(side)] = Calibrated(
                part.sort_values("predicted", ignore_index=True)
            )
    return found


def skill_part(evaluation: Evaluation | None) -> str:
    """Table of skill, slope and AUC, and what it says; empty when the evaluation holds none."""
    frame = _lines(evaluation)
    if frame is None:
        return ""
    columns = [
        Column("barrier, side", [_name(line) for _, line in frame.iterrows()], numeric=False),
        Column("events", [count(v) for v in frame["events"]]),
        Column("skill over implied", [percent(v) for v in _numbers(frame, "skill")]),
        Column("95 %, 20-day blocks", _spans(frame, "skill_low", "skill_high")),
        Column("95 %, 60-day blocks", _spans(frame, "skill_low_60", "skill_high_60")),
        Column("slope", [number(v) for v in _numbers(frame, "slope")]),
        Column("AUC", [number(v, 3) for v in _numbers(frame, "auc")]),
        Column("AUC of implied", [number(v, 3) for v in _numbers(frame, "auc_implied")]),
        Column("AUC of logit of the scale", [number(v, 3) for v in _numbers(frame, "auc_scale")]),
    ]
    return heading("Skill and ranking") + paragraph(INTRO) + table(columns) + bullets(_said(frame))


def proven_skill(frame: pd.DataFrame) -> pd.Series:
    """Whether the interval of the skill lies above zero, with blocks of 20 days and, where stated, of 60."""
    sure = frame["skill_low"] > 0
    return sure & (frame["skill_low_60"] > 0) if "skill_low_60" in frame else sure


def _said(frame: pd.DataFrame) -> list[str]:
    lines = []
    known = frame[frame["skill"].notna()]
    if len(known):
        sure = known[proven_skill(known)]
        lines.append(
            f"Skill over the implied probability is positive in {int((known['skill'] > 0).sum())} of {len(known)} "
            f"cases, beyond noise in {len(sure)}."
        )
    else:
        lines.append("Skill is not known: the forecasts do not hold the probabilities that the scenarios imply.")
    slopes = frame[frame["slope"].notna()]
    inside = int(slopes["slope"].between(0.9, 1.1).sum())
    lines.append(f"The calibration slope lies within 0.9 to 1.1 in {inside} of {len(slopes)} cases.")
    ranked = frame[frame["auc"].notna() & frame["auc_scale"].notna()]
    ahead = int((ranked["auc"] > ranked["auc_scale"]).sum())
    lines.append(f"It tells shocks from calm better than volatility alone in {ahead} of {len(ranked)} cases.")
    return lines


def _lines(evaluation: Evaluation | None) -> pd.DataFrame | None:
    frame = None if evaluation is None else evaluation.evidence("shocks")
    return None if frame is None else frame.sort_values(["barrier", "side"], ignore_index=True)


def _name(line: pd.Series) -> str:
    return f"{percent(float(line['barrier']), 0)}, {line['side']}"


def _numbers(frame: pd.DataFrame, name: str) -> list[float]:
    return [float(v) for v in frame[name]] if name in frame else [float("nan")] * len(frame)


def _spans(frame: pd.DataFrame, low: str, high: str) -> list[str]:
    pairs = zip(_numbers(frame, low), _numbers(frame, high), strict=True)
    return [f"[{percent(a)}, {percent(b)}]" if np.isfinite(a) and np.isfinite(b) else "–" for a, b in pairs]
