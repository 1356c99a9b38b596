"""Part of the section on shocks: skill and ranking of their probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from levercap.report.figures.reliability import Ranking
from levercap.report.page.formatting import count, number, percent
from levercap.report.page.html import Column, bullets, heading, paragraph, table

__all__ = ["GOOD_SLOPES", "rankings", "significant_skill", "skill_part"]

GOOD_SLOPES: Final = (0.9, 1.1)

INTRO: Final = (
    "The volatility forecast alone already says when shocks are likely, and the scenarios imply a probability of their "
    "own. What the shock model adds to them is its skill: the share saved of the log loss of the implied probability. "
    "The area under the curve (AUC) is the chance that a day with a shock was ranked above one without; beside it "
    "stands that of the logit of the scale, that is of volatility alone. Calibration cannot be seen in it."
)


def rankings(lines: pd.DataFrame) -> tuple[Ranking, ...]:
    """AUC of every shock, of its implied probability and of volatility alone; empty where none is known."""
    if lines["auc"].isna().all():
        return ()
    return tuple(
        Ranking(_name(r), str(r["side"]), float(r["auc"]), float(r["auc_scale"]), float(r["auc_implied"]))
        for _, r in lines.iterrows()
    )


def skill_part(lines: pd.DataFrame) -> str:
    """Table of skill, slope and AUC, and what it says."""
    columns = [
        Column("barrier, side", [_name(line) for _, line in lines.iterrows()], numeric=False),
        Column("events", [count(v) for v in lines["events"]]),
        Column("skill over implied", [percent(v) for v in lines["skill"]]),
        Column("95 %, 20-day blocks", _spans(lines["skill_low"], lines["skill_high"])),
        Column("95 %, 60-day blocks", _spans(lines["skill_low_60"], lines["skill_high_60"])),
        Column("slope", [number(v) for v in lines["slope"]]),
        Column("AUC", [number(v, 3) for v in lines["auc"]]),
        Column("AUC of implied", [number(v, 3) for v in lines["auc_implied"]]),
        Column("AUC of logit of the scale", [number(v, 3) for v in lines["auc_scale"]]),
    ]
    return heading("Skill and ranking") + paragraph(INTRO) + table(columns) + bullets(_sentences(lines))


def significant_skill(lines: pd.DataFrame) -> pd.Series:
    """Whether the interval of the skill lies above zero, with blocks of 20 days and of 60."""
    return (lines["skill_low"] > 0) & (lines["skill_low_60"] > 0)


def _sentences(lines: pd.DataFrame) -> list[str]:
    text = []
    known = lines[lines["skill"].notna()]
    if len(known):
        sure = known[significant_skill(known)]
        text.append(
            f"Skill over the implied probability is positive in {int((known['skill'] > 0).sum())} of {len(known)} "
            f"cases, beyond noise in {len(sure)}."
        )
    else:
        text.append("Skill is not known: the forecasts do not hold the probabilities that the scenarios imply.")
    slopes = lines[lines["slope"].notna()]
    low, high = GOOD_SLOPES
    inside = int(slopes["slope"].between(low, high).sum())
    text.append(f"The calibration slope lies within {low} to {high} in {inside} of {len(slopes)} cases.")
    ranked = lines[lines["auc"].notna() & lines["auc_scale"].notna()]
    ahead = int((ranked["auc"] > ranked["auc_scale"]).sum())
    text.append(f"It discriminates shocks better than volatility alone in {ahead} of {len(ranked)} cases.")
    return text


def _name(line: pd.Series) -> str:
    return f"{percent(float(line['barrier']), 0)}, {line['side']}"


def _spans(low: Iterable[float], high: Iterable[float]) -> list[str]:
    pairs = zip(low, high, strict=True)
    return [f"[{percent(a)}, {percent(b)}]" if np.isfinite(a) and np.isfinite(b) else "–" for a, b in pairs]
