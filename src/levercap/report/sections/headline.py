"""Section: the five figures that matter, and what they say in plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.core.names import Status
from levercap.evaluation import REFERENCE
from levercap.report.inputs import Evaluation, Scores
from levercap.report.page.formatting import count, loss_label, multiple, number, percent, words
from levercap.report.page.html import Section, bullets, cards
from levercap.report.sections.hits import HitRow, hit_card
from levercap.report.sections.limit_distribution import limit_cards
from levercap.report.sections.models import stars, tested
from levercap.report.sections.rows import MODEL
from levercap.report.sections.scores import IS_REFERENCE, facts_of, score_card
from levercap.report.sections.shocks import Shock, shock_card

__all__ = ["headline_section"]


def headline_section(
    board: pd.DataFrame | None,
    hits: tuple[HitRow, ...],
    found: tuple[Shock, ...],
    scores: Scores | None,
    evaluation: Evaluation | None = None,
) -> Section:
    """Five figures and a sentence on each."""
    five = (score_card(board), hit_card(hits), shock_card(found), *limit_cards(scores))
    sentences = [*_on_scores(board), *_on_proof(evaluation), *_on_hits(hits), *_on_shocks(found), *_on_limits(scores)]
    return Section("headline", "In short", cards(five) + bullets(sentences))


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


def _on_proof(evaluation: Evaluation | None) -> list[str]:
    """What the leaderboard's adjusted p-values and the backtests come to; nothing where they are not there."""
    lines, board = [], tested(evaluation)
    own = None if board is None else board[board["model"] == MODEL]
    if own is not None and len(own):
        proven = int(own.apply(stars, axis=1).str.startswith("*").sum())
        lines.append(f"After adjustment for several comparisons {proven} of {len(own)} leads are beyond noise.")
    tests = None if evaluation is None else evaluation.evidence("backtests", MODEL)
    if tests is not None:
        absolute = tests[tests["verdict"].isin(("pass", "fail"))]
        failed = absolute[absolute["verdict"] == "fail"]
        named = ", ".join(f"{test} ({len(part)})" for test, part in failed.groupby("test", sort=False))
        text = f"Of {len(absolute)} backtests {len(failed)} reject"
        lines.append(f"{text}: {named}." if named else f"{text}.")
    return lines


def _on_hits(rows: tuple[HitRow, ...]) -> list[str]:
    if not rows:
        return ["Value at risk was not checked against what happened."]
    off = [r for r in rows if not r.coverage.low <= 1 - r.level <= r.coverage.high]
    names = "; ".join(
        f"{loss_label(r.side, r.kind, r.level)} ({percent(r.coverage.hit_rate)} instead of {percent(1 - r.level)})"
        for r in off
    )
    lights = [r.light for r in rows]
    state = f"The light of the last year is green in {lights.count('green')} of {len(rows)} rows"
    state += f", yellow in {lights.count('yellow')} and red in {lights.count('red')}."
    if not off:
        return [f"Losses exceed value at risk about as often as they should in all {len(rows)} rows. {state}"]
    return [f"Hit rates differ from nominal by more than noise in {len(off)} of {len(rows)} rows: {names}. {state}"]


def _on_shocks(found: tuple[Shock, ...]) -> list[str]:
    if not found:
        return ["Shock probabilities were not checked against what happened."]
    ratios = []
    for barrier in sorted({s.barrier for s in found}):
        sides = [s for s in found if s.barrier == barrier]
        events = sum(s.events for s in sides)
        if events:
            expected = sum(s.predicted * s.rows for s in sides)
            ratios.append(f"{number(expected / events)} at {percent(barrier, 0)}")
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
    """A plain word where not one limit rests on complete data, and why when the market had stopped."""
    if kept.empty or (kept["status"] != Status.FALLBACK.value).any():
        return []
    findings = scores.summary.get("findings") or []
    if any(finding.get("code") == "market_stale" for finding in findings):
        return [
            "The market data were stale: no coin had a fresh bar, so every account got the fallback instead of a limit "
            "from forecasts."
        ]
    return ["No account could be scored on complete data: every one got the fallback."]
