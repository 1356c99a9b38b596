"""Promotion gate: acceptance of a challenger on the days that it and its opponent both forecast, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from levercap.core.names import LEVELS, Side
from levercap.evaluation.comparison.leaderboard import KINDS, REFERENCE, Matched, Row, daily_mean, match
from levercap.evaluation.coverage.hit_tests import Coverage, pooled_coverage
from levercap.evaluation.resampling.bootstrap import interval
from levercap.evidence.columns import row_title

__all__ = ["Decision", "GateRule", "decide"]

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True)
class GateRule:
    """What a challenger must meet.

    Attributes
    ----------
    coverage_tolerance : the hit rate may exceed ``1 - level`` by this share of it, up to what a day-clustered interval
        leaves open
    caution_tolerance : the same for falling short of it: too cautious costs capital, which FZ0 counts, and not safety
    minimum_days : fewer common days than this decide nothing, and nothing is promoted
    missing_share : largest share of forecasts that the opponent made and the challenger did not
    confidence : of the intervals of hit rates and score differences
    draws, seed : of the bootstrap
    """

    coverage_tolerance: float = 0.2
    caution_tolerance: float = 0.5
    minimum_days: int = 60
    missing_share: float = 0.01
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Decision:
    """Outcome of the gate.

    Attributes
    ----------
    promote : whether the challenger passes
    reasons : why not, one sentence each; for a promotion, what carried it
    table : one row per side, kind and level: opponent, days, rows, unusable, missing, hit_rate, hit_low, hit_high,
        band_low, band_high, covered, fz0, fz0_opponent, d_fz0, ci_low, ci_high, worse (d_fz0 above zero by more than
        noise)
    """

    promote: bool
    reasons: tuple[str, ...]
    table: pd.DataFrame = field(repr=False)


def decide(
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    baseline: pd.DataFrame,
    outcomes: pd.DataFrame,
    rule: GateRule | None = None,
    fresher: bool = False,
) -> Decision:
    """Decide on a promotion from forecasts made for the same days.

    A challenger must be usable (finite, positive, es >= var, for both sides, end and path, every level), covered
    (pooled hit rates within the band, judged by a day-clustered interval), and better: against a champion the
    difference of FZ0, averaged over all rows, must be below zero; without a champion it must not exceed the baseline's
    by more than noise. In either case no single row may be worse by more than noise.

    Parameters
    ----------
    challenger, champion, baseline : tails frames as for `match`; `champion` is None when there is none yet
    outcomes : as for `match`
    rule : thresholds; the defaults of `GateRule` when None
    fresher : whether the challenger learned from newer data: then equal forecasts on the common days, as a refit of the
        same recipe makes them, pass
    """
    rule = GateRule() if rule is None else rule
    opponent = REFERENCE if champion is None else CHAMPION
    tails: Mapping[str, pd.DataFrame] = {CHALLENGER: challenger, opponent: baseline if champion is None else champion}
    matched = match(tails, outcomes)
    rows = [row for row in matched if len(row.loss) > 0]
    table = pd.DataFrame([_line(row, opponent, rule) for row in rows])
    failures = _evidence_failures(matched, opponent, rule)
    if table.empty:
        return Decision(False, tuple(failures), table)
    failures += _coverage_failures(table)
    failures += _score_failures(table, rows, opponent, rule, fresher)
    if failures:
        return Decision(False, tuple(failures), table)
    best = (
        f"mean FZ0 difference to {opponent} {table['d_fz0'].mean():+.4f} over {len(table)} rows, none worse than noise"
    )
    return Decision(True, ("covered at every level, both sides, end and path", best), table)


def _line(row: Row, opponent: str, rule: GateRule) -> dict[str, object]:
    covered: Coverage = pooled_coverage(row.hits(CHALLENGER), row.day, row.level, confidence=rule.confidence)
    nominal = 1.0 - row.level
    band_low, band_high = nominal * (1.0 - rule.caution_tolerance), nominal * (1.0 + rule.coverage_tolerance)
    mine, theirs = row.fz0(CHALLENGER), row.fz0(opponent)
    daily = daily_mean(mine - theirs, row.day)
    low, high = interval(daily.to_numpy(), 20, rule.draws, rule.seed, rule.confidence)
    return {
        "side": row.side, "kind": row.kind, "level": row.level, "opponent": opponent,
        "days": len(daily), "rows": len(row.loss),
        "unusable": row.unusable[CHALLENGER], "missing": row.missing[CHALLENGER],
        "hit_rate": covered.hit_rate, "hit_low": covered.low, "hit_high": covered.high,
        "band_low": band_low, "band_high": band_high,
        "covered": covered.low <= band_high and covered.high >= band_low,
        "fz0": float(daily_mean(mine, row.day).mean()), "fz0_opponent": float(daily_mean(theirs, row.day).mean()),
        "d_fz0": float(daily.mean()), "ci_low": low, "ci_high": high, "worse": low > 0,
    }  # fmt: skip


def _evidence_failures(matched: Matched, opponent: str, rule: GateRule) -> list[str]:
    """What keeps the forecasts from being judged at all."""
    failures = []
    by_name = {(row.side, row.kind, row.level): row for row in matched}
    wanted = [(side.value, kind, level) for side in Side for kind in KINDS for level in LEVELS]
    for key in wanted:
        row = by_name.get(key)
        name = row_title(*key)
        if row is None or len(row.loss) == 0:
            failures.append(f"{name}: no usable forecast with a known outcome in common with {opponent}")
            continue
        days = row.day.nunique()
        if days < rule.minimum_days:
            failures.append(f"{name}: {days} common days, at least {rule.minimum_days} are needed to decide")
        if row.unusable[CHALLENGER]:
            failures.append(
                f"{name}: {row.unusable[CHALLENGER]:,} of the challenger's forecasts are not finite, not positive "
                "or have es < var"
            )
        missing = row.missing[CHALLENGER] / (row.missing[CHALLENGER] + len(row.loss))
        if missing > rule.missing_share:
            failures.append(f"{name}: the challenger lacks {missing:.1%} of the forecasts that {opponent} made")
    return failures


def _coverage_failures(table: pd.DataFrame) -> list[str]:
    return [
        f"{row_title(row['side'], row['kind'], row['level'])}: hit rate {row['hit_rate']:.2%} "
        f"[{row['hit_low']:.2%}, {row['hit_high']:.2%}] lies outside the band "
        f"{row['band_low']:.2%} to {row['band_high']:.2%}"
        for _, row in table[~table["covered"]].iterrows()
    ]


def _score_failures(table: pd.DataFrame, rows: list[Row], opponent: str, rule: GateRule, fresher: bool) -> list[str]:
    failures = [
        f"{row_title(row['side'], row['kind'], row['level'])}: FZ0 is worse than {opponent}'s by {row['d_fz0']:.4f} "
        f"[{row['ci_low']:.4f}, {row['ci_high']:.4f}]"
        for _, row in table[table["worse"]].iterrows()
    ]
    average = float(table["d_fz0"].mean())
    same = bool((table["d_fz0"] == 0).all())
    if opponent == CHAMPION and not (average < 0 or (same and fresher)):
        failures.append(f"mean FZ0 difference to the champion is {average:+.4f} over {len(table)} rows: not better")
    if opponent != CHAMPION:
        low = interval(_average_by_day(rows, opponent), 20, rule.draws, rule.seed, rule.confidence)[0]
        if low > 0:
            failures.append(f"mean FZ0 difference to {opponent} is {average:+.4f}, above zero by more than noise")
    return failures


def _average_by_day(rows: list[Row], opponent: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(days,) FZ0 difference averaged over the rows known on each day."""
    daily = [daily_mean(row.fz0(CHALLENGER) - row.fz0(opponent), row.day) for row in rows]
    return np.asarray(pd.concat(daily, axis=1).sort_index().mean(axis=1).to_numpy(dtype=np.float64))
