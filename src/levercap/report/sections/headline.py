"""Section: headline figures and a sentence on each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import Status
from levercap.evidence.columns import CANDIDATE, REFERENCE, Light, Verdict
from levercap.report.inputs import AGAIN, Evaluation, Scores
from levercap.report.page.formatting import count, loss_label, multiple, number, percent, words
from levercap.report.page.html import Section, bullets, cards, note
from levercap.report.sections.hits import coverage_and_lights, hit_card
from levercap.report.sections.limit_distribution import limit_cards
from levercap.report.sections.models import tested
from levercap.report.sections.rows import kinds_of, pick
from levercap.report.sections.scores import IS_REFERENCE, facts_of, score_card
from levercap.report.sections.shocks import shock_card, shock_lines

__all__ = ["headline_section"]


def headline_section(board: pd.DataFrame | None, scores: Scores | None, evaluation: Evaluation | None) -> Section:
    """Five figures and a sentence on each."""
    five = (score_card(board, evaluation), hit_card(evaluation), shock_card(evaluation), *limit_cards(scores))
    sentences = [
        *_on_scores(board),
        *_on_tests(evaluation),
        *_on_hits(coverage_and_lights(evaluation)),
        *_on_shocks(shock_lines(evaluation)),
        *_on_limits(scores),
    ]
    return Section("headline", "In short", _on_version(evaluation) + cards(five) + bullets(sentences))


def _on_version(evaluation: Evaluation | None) -> str:
    """A remark where tables are those of an earlier version."""
    if evaluation is None or not evaluation.outdated:
        return ""
    return note(f"Tables {', '.join(evaluation.outdated)} of the evaluation: {AGAIN}.")


def _on_scores(board: pd.DataFrame | None) -> list[str]:
    if board is None:
        return ["The forecasts were not compared with the baseline."]
    facts = facts_of(board)
    if facts.is_reference:
        return [f"There is nothing to compare with {REFERENCE}: {IS_REFERENCE}."]
    if facts.clearly_worse:
        verdict = f"they score worse by more than noise in {facts.clearly_worse}: do not rely on them there"
    elif facts.better == facts.rows:
        verdict = "they score worse in none"
    else:
        verdict = f"they score worse in {facts.rows - facts.better}, within noise"
    return [
        f"The forecasts score better than the fit-free baseline {REFERENCE} in {facts.better} of {facts.rows} "
        f"comparisons, in {facts.clearly_better} of them by more than noise; {verdict}."
    ]


def _on_tests(evaluation: Evaluation | None) -> list[str]:
    """What the leaderboard's verdicts and the backtests come to; nothing where they are not there."""
    lines, board = [], tested(evaluation)
    own = None if board is None else board[board["model"] == CANDIDATE]
    if own is not None and len(own):
        better = int((own["verdict"] == Verdict.BETTER).sum())
        lines.append(f"After adjustment for several comparisons {better} of {len(own)} leads are beyond noise.")
    tests = None if evaluation is None else evaluation.table("backtests", CANDIDATE)
    if tests is not None:
        absolute = tests[tests["verdict"].isin((Verdict.PASS, Verdict.FAIL))]
        failed = absolute[absolute["verdict"] == Verdict.FAIL]
        named = ", ".join(f"{test} ({len(part)})" for test, part in failed.groupby("test", sort=False))
        text = f"Of {len(absolute)} backtests {len(failed)} reject"
        lines.append(f"{text}: {named}." if named else f"{text}.")
    return lines


def _on_hits(rows: pd.DataFrame | None) -> list[str]:
    if rows is None:
        return ["Value at risk was not checked against what happened."]
    off = rows[rows["off"]]
    names = "; ".join(
        f"{loss_label(*key)} ({percent(rate)} instead of {percent(1 - key[2])})"
        for key in kinds_of(off)
        for rate in pick(off, key)["hit_rate"]
    )
    lights = {zone: int((rows["light"] == zone).sum()) for zone in Light}
    state = f"The light of the last year is green in {lights[Light.GREEN]} of {len(rows)} rows"
    state += f", yellow in {lights[Light.YELLOW]} and red in {lights[Light.RED]}."
    if off.empty:
        return [f"Losses exceed value at risk about as often as they should in all {len(rows)} rows. {state}"]
    return [f"Hit rates differ from nominal by more than noise in {len(off)} of {len(rows)} rows: {names}. {state}"]


def _on_shocks(lines: pd.DataFrame | None) -> list[str]:
    if lines is None:
        return ["Shock probabilities were not checked against what happened."]
    ratios = []
    for barrier, sides in lines.groupby("barrier"):
        events, expected = int(sides["events"].sum()), float((sides["predicted"] * sides["rows"]).sum())
        if events:
            ratios.append(f"{number(expected / events)} at {percent(float(str(barrier)), 0)}")
    if not ratios:
        return ["No shock happened in the period, so the shock probabilities cannot be judged."]
    return [f"For every shock that happened the forecasts predicted (1 is right): {', '.join(ratios)}."]


def _on_limits(scores: Scores | None) -> list[str]:
    if scores is None:
        return ["No accounts were scored."]
    limits = scores.limits
    kept = limits[limits["status"] != Status.REJECTED.value]
    lines = [*_on_fallback(kept, scores)]
    if len(kept):
        binding = kept["binding"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        lines.append(
            f"Limits lie between {multiple(float(np.nanquantile(kept['max_leverage'], 0.05)), 1)} and "
            f"{multiple(float(np.nanquantile(kept['max_leverage'], 0.95)), 1)} for nine accounts in ten; most often "
            f"set by: {words(binding.index[0])} ({percent(binding.iloc[0] / len(kept), 0)} of accounts)."
        )
    if "previous_max_leverage" in kept and kept["previous_max_leverage"].notna().any():
        cut = int((kept["max_leverage"] < kept["previous_max_leverage"]).sum())
        lines.append(f"{count(cut)} {'limit was' if cut == 1 else 'limits were'} cut against the previous ones.")
    return lines


def _on_fallback(kept: pd.DataFrame, scores: Scores) -> list[str]:
    """A statement where not one limit rests on complete data, and why when the market had stopped."""
    if kept.empty or not kept["status"].isin([Status.HELD.value, Status.FALLBACK.value]).all():
        return []
    held = int((kept["status"] == Status.HELD.value).sum())
    if held:
        return [f"No account could be scored on complete data: {count(held)} earlier limits are held for a time."]
    findings = scores.summary.get("findings") or []
    if any(finding.get("code") == "market_stale" for finding in findings):
        return [
            "The market data were stale: no coin had a fresh bar, so every account got the fallback instead of a limit "
            "from forecasts."
        ]
    return ["No account could be scored on complete data: every one got the fallback."]
