"""Section: where the forecasts do not beat the baseline, gathered from all tables in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from levercap.evidence.columns import ALL_EVENTS, CANDIDATE, NO_EVENT, REFERENCE, Dominance, Verdict
from levercap.report.inputs import AGAIN, Evaluation
from levercap.report.page.formatting import loss_label, number, percent, probability, signed
from levercap.report.page.html import Section, bullets, heading, paragraph
from levercap.report.sections.influence import insignificant_without
from levercap.report.sections.models import TESTED
from levercap.report.sections.murphy import NAMES
from levercap.report.sections.rows import Key, kinds_of, listed, model_name, pick
from levercap.report.sections.shock_skill import GOOD_SLOPES, significant_skill

__all__ = ["weaknesses_section"]

DOMINANCE: Final[dict[str, str]] = {
    Dominance.CROSSES: "depends on the score chosen",
    Dominance.DOMINATED: "is worse by every score",
    Dominance.UNDECIDED: "is not distinguishable",
}

INTRO: Final = (
    f"Everything in the tables of this evaluation that shows {CANDIDATE} no better than {REFERENCE}, or not "
    "significantly so, in one place, and last what was not examined."
)


def weaknesses_section(
    evaluation: Evaluation | None, board: pd.DataFrame | None, absent: Sequence[str] = ()
) -> Section | None:
    """Sentences on every comparison that is lost or not significant; None when nothing was compared.

    `absent` names the parts of the evidence that the evaluation does not hold.
    """
    if evaluation is None or board is None:
        return None
    if (board["d_fz0"] == 0).all():
        return None
    parts = {
        "Overall": _overall(board, evaluation),
        "In time": [*_years(evaluation), *_few_days(evaluation), *_events(evaluation)],
        "Coin by coin": _coins(evaluation),
        "By other scores": _murphy(evaluation),
        "Shocks": _shocks(evaluation),
        f"Backtests that reject {CANDIDATE} but not {REFERENCE}": _tests(evaluation),
    }
    body = paragraph(INTRO)
    for title, lines in parts.items():
        if lines:
            body += heading(title) + bullets(lines)
    unknown = _unknown(evaluation, absent)
    if unknown:
        body += heading("Not examined") + bullets(unknown)
    return Section("weaknesses", f"Where it does not beat {REFERENCE}", body)


def _overall(board: pd.DataFrame, evaluation: Evaluation) -> list[str]:
    lines = []
    for _, line in board.sort_values(["side", "kind", "level"]).iterrows():
        key = (str(line["side"]), str(line["kind"]), float(line["level"]))
        text = f"{loss_label(*key)}: difference {signed(float(line['d_fz0']), 3)}"
        text += f" [{signed(float(line['ci_low']), 3)}, {signed(float(line['ci_high']), 3)}]"
        if float(line["d_fz0"]) >= 0:
            lines.append(f"{text}. It does not beat {REFERENCE}.")
        elif line[list(TESTED)].notna().all() and line["verdict"] != Verdict.BETTER:
            p = ", ".join(probability(float(line[name])) for name in TESTED)
            lines.append(f"{text}. Better on average, not significant: adjusted p-values {p}.")
        elif float(line["ci_high"]) >= 0:
            lines.append(f"{text}. Better on average, but within noise.")
    if not lines:
        lines.append(f"Over the whole period there is no kind of loss in which it does not beat {REFERENCE}.")
    rivals = evaluation.table("leaderboard")
    if rivals is not None:
        lines += _rivals(rivals)
    return lines


def _rivals(board: pd.DataFrame) -> list[str]:
    """Where another model has the lower score."""
    lines = []
    for key in kinds_of(board):
        part = pick(board, key)
        own = part.loc[part["model"] == CANDIDATE, "d_fz0"]
        if own.empty or pd.isna(own.iloc[0]):
            continue
        ahead = part[(part["model"] != CANDIDATE) & (part["model"] != REFERENCE) & (part["d_fz0"] < own.iloc[0])]
        names = "; ".join(
            f"{model_name(str(r['model']))} ({signed(float(r['d_fz0']), 3)})" for _, r in ahead.iterrows()
        )
        if names:
            lines.append(f"{loss_label(*key)}: {names} scores lower than its {signed(float(own.iloc[0]), 3)}.")
    return lines


def _years(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("by_year", CANDIDATE)
    if frame is None:
        return []
    lines = []
    for year in sorted(int(y) for y in frame.loc[frame["d_fz0"] >= 0, "year"].unique()):
        part = frame[(frame["d_fz0"] >= 0) & (frame["year"] == year)]
        sure = int((part["ci_low"] > 0).sum())
        noise = f"beyond noise in {sure}" if sure else "within noise"
        lines.append(f"In {year} no better in {listed(kinds_of(part))}; {noise}.")
    return lines or ["There is no year in which it does not beat the baseline."]


def _few_days(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("influence", CANDIDATE)
    if frame is None:
        return []
    lead = frame[frame["d_fz0"] < 0]
    lost, fragile = lead[lead["without_top10"] >= 0], lead[lead["without_helpful10"] >= 0]
    lines = []
    if len(lost):
        lines.append(f"The lead is gone without the ten most influential days in {listed(kinds_of(lost))}.")
    if len(fragile):
        lines.append(f"The lead is gone without the ten days that help it most in {listed(kinds_of(fragile))}.")
    return lines


def _events(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("events", CANDIDATE)
    if frame is None:
        return []
    named = frame[~frame["event"].isin((NO_EVENT, ALL_EVENTS))]
    kinds = len(kinds_of(frame))
    lines = [
        f"Without {event} the lead is within noise in {listed(keys)}."
        for event, keys in insignificant_without(frame).items()
    ]
    for event, part in named.groupby("event", sort=False):
        worse = part[part["difference"] > 0]
        if len(worse):
            lines.append(
                f"In the event {event} it scored worse in {len(worse)} of {kinds} kinds of loss, by "
                f"{number(float(worse['difference'].mean()), 2)} on average."
            )
    return lines


def _coins(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("by_symbol", CANDIDATE)
    if frame is None:
        return []
    kinds = len(kinds_of(frame))
    behind = frame[frame["d_fz0"] >= 0]
    lines = []
    for symbol, part in sorted(behind.groupby("symbol"), key=lambda item: (-len(item[1]), str(item[0]))):
        worst = float(part["d_fz0"].max())
        lines.append(f"{symbol}: no better in {len(part)} of {kinds} kinds of loss, at worst by {signed(worst, 3)}.")
    return lines or ["There is no coin on which it does not beat the baseline."]


def _murphy(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("murphy", CANDIDATE)
    if frame is None:
        return []
    first = frame.drop_duplicates(["forecast", "side", "kind", "level"])
    return [
        f"{NAMES[str(line['forecast'])].capitalize()}, "
        f"{loss_label(str(line['side']), str(line['kind']), float(line['level']))}: {DOMINANCE[str(line['verdict'])]}."
        for _, line in first.iterrows()
        if str(line["verdict"]) in DOMINANCE
    ]


def _shocks(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("shocks")
    if frame is None:
        return []
    unsure = frame[frame["skill"].notna() & ~significant_skill(frame)]
    off = frame[frame["slope"].notna() & ~frame["slope"].between(*GOOD_SLOPES)]
    ranked = frame[frame["auc"].notna() & ~(frame["auc"] > frame["auc_scale"])]
    found = {
        "Skill over the probability that the scenarios imply is not beyond noise": [
            f"{percent(r['skill'])} [{percent(r['skill_low'])}, {percent(r['skill_high'])}]"
            for _, r in unsure.iterrows()
        ],
        "Calibration slope outside {} to {}".format(*GOOD_SLOPES): [number(r["slope"]) for _, r in off.iterrows()],
        "Discriminates shocks no better than volatility alone (AUC)": [
            f"{number(r['auc'], 3)} against {number(r['auc_scale'], 3)}" for _, r in ranked.iterrows()
        ],
    }
    lines = []
    for (what, figures), part in zip(found.items(), (unsure, off, ranked), strict=True):
        cases = [
            f"moves of {percent(r['barrier'], 0)}, {r['side']} ({text})"
            for (_, r), text in zip(part.iterrows(), figures, strict=True)
        ]
        if cases:
            lines.append(f"{what}: {'; '.join(cases)}.")
    return lines


def _tests(evaluation: Evaluation) -> list[str]:
    frame = evaluation.table("backtests")
    if frame is None or REFERENCE not in set(frame["model"]):
        return []
    fails = frame[frame["verdict"] == Verdict.FAIL]
    failed = {
        model: {(*_key(line), str(line["test"])) for _, line in fails[fails["model"] == model].iterrows()}
        for model in (CANDIDATE, REFERENCE)
    }
    only = failed[CANDIDATE] - failed[REFERENCE]
    tests = [str(name) for name in frame["test"].unique()]
    lines = [
        f"{test}: {listed(sorted((side, kind, level) for side, kind, level, t in only if t == test))}."
        for test in tests
        if any(t == test for *_, t in only)
    ]
    both, reverse = failed[CANDIDATE] & failed[REFERENCE], len(failed[REFERENCE] - failed[CANDIDATE])
    counts = [(test, sum(1 for *_, t in both if t == test)) for test in tests]
    named = ", ".join(f"{test} ({n})" for test, n in counts if n)
    lines.append(
        f"Tests that reject both: {named or 'none'}. Tests that reject {REFERENCE} but not {CANDIDATE}: {reverse}."
    )
    return lines if only else ["None.", *lines]


def _unknown(evaluation: Evaluation, absent: Sequence[str]) -> list[str]:
    notes = evaluation.summary.get("notes") or []
    skipped = evaluation.summary.get("skipped") or {}
    lines = [f"The evaluation holds no tables, or empty ones, for: {'; '.join(absent)}."] if absent else []
    lines += [f"Tables {', '.join(evaluation.outdated)}: {AGAIN}."] if evaluation.outdated else []
    lines += [f"{model_name(str(model))} was left out: {why}." for model, why in sorted(skipped.items())]
    return lines + [str(note) for note in notes]


def _key(line: pd.Series) -> Key:
    return str(line["side"]), str(line["kind"]), float(line["level"])
