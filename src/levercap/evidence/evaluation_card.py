"""Model card of an evaluation: results, where the model is no better than the baseline, and limits of the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from levercap.core.horizon import Horizon
from levercap.evidence.columns import ALL_EVENTS, CANDIDATE, REFERENCE, Verdict, row_title

__all__ = ["evaluation_card"]

Tables = Mapping[str, pd.DataFrame]


def evaluation_card(summary: Mapping[str, Any], tables: Tables) -> str:
    """Model card in Markdown.

    Parameters
    ----------
    summary : as in summary.json
    tables : the evidence tables by name (`levercap.evidence.TABLES`)
    """
    parts = (
        _what(summary),
        _headline(tables["leaderboard"], summary["in_set"]),
        _not_better(summary),
        _coverage(tables["coverage"]),
        _shocks(tables["shocks"]),
        _tests(summary),
        _reach(summary, tables),
    )
    return "\n\n".join(parts) + "\n"


def _what(summary: Mapping[str, Any]) -> str:
    others = [name for name in summary["models"] if name not in (CANDIDATE, REFERENCE)]
    rivals = ", ".join(others) if others else "none in this run"
    fallbacks = summary["fallback_months"]
    months = f"{len(fallbacks)}: from {', '.join(fallbacks)}" if fallbacks else "none"
    skipped = "".join(f"\n| not run | {name}: {why} |" for name, why in summary["skipped"].items())
    return f"""# Levercap forecasts: model card

For every coin and every midnight the model says how large the loss of a long and of a short position may become within
{Horizon(summary["horizon_hours"])}: value at risk, the loss exceeded on 2.5 % or 1 % of days, and expected shortfall,
the average loss on those days; at the end of that time and at its worst moment.
It was refitted at the first of every month on what was known then, and judged on the days that followed. Where too
little was known, or the year before spoke against it, B1 took over.

| | |
|---|---|
| period | {summary["from"][:10]} .. {summary["to"][:10]}, last day left out |
| days forecast | {summary["origins"]:,} |
| symbols | {summary["symbols"]} |
| measured against | B1, a fixed average of past moves that fits nothing |
| other baselines | {rivals} |{skipped}
| months in which it stepped back to B1 | {months} |
| data hash | {summary["data_hash"]} |
| config hash | {summary["config_hash"]} |"""


def _headline(board: pd.DataFrame, in_set: int | None) -> str:
    own = board[board["model"] == CANDIDATE]
    lines = [
        (
            _row(r),
            _number(r.d_fz0, "+.4f"),
            _interval(r.ci_low, r.ci_high, "+.4f"),
            _interval(r.ci_low_60, r.ci_high_60, "+.4f"),
            _probability(max(r.p_romano_wolf_20, r.p_romano_wolf_60)),
            _number(r.d_fz0_without_top10_days, "+.4f"),
            r.verdict,
        )
        for r in _lines(own)
    ]
    names = (
        "loss",
        "score against B1",
        "95 %, 20-day blocks",
        "60-day blocks",
        "adjusted p",
        "without ten days",
        "verdict",
    )
    return f"""## How good, beside B1

The score (FZ0) falls when value at risk and expected shortfall come closer to the truth: below zero is better than B1.
The intervals treat a day as one case, since coins move together, and keep neighbouring days together. The adjusted p,
the larger of those of both block lengths, is the chance that a model no better than B1 would look so good in the best
of its rows; below 5 % the verdict is better.

{_table(names, lines)}

All models, mean over the rows:

{_ranking(board, in_set)}"""


def _ranking(board: pd.DataFrame, in_set: int | None) -> str:
    rest = board[board["model"] != REFERENCE]
    counted = rest.assign(better=rest["verdict"] == Verdict.BETTER).groupby("model", sort=False)
    order = counted.agg(d_fz0=("d_fz0", "mean"), better=("better", "sum"), rows=("better", "size"))
    lines = [(r.Index, _number(r.d_fz0, "+.4f"), f"{r.better} of {r.rows}") for r in _lines(order.sort_values("d_fz0"))]
    ranked = _table(("model", "score against B1", "rows better than B1"), lines)
    if in_set is None:
        return ranked
    best = f"The 90 % set of models that may be the best one holds levercap in {in_set} of its rows."
    return f"{ranked}\n\n{best}"


def _not_better(summary: Mapping[str, Any]) -> str:
    mine = [line for line in summary["not_better_than_b1"] if line["model"] == CANDIDATE]
    others = len(summary["not_better_than_b1"]) - len(mine)
    if mine:
        listed = "\n".join(f"- {row_title(line['side'], line['kind'], line['level'])}: {line['why']}" for line in mine)
        text = f"Levercap is NOT shown to be better than B1 in {len(mine)} of {summary['rows']} rows:\n\n{listed}"
    else:
        text = f"In all {summary['rows']} rows levercap is better than B1, after adjusting for looking at all of them."
    rest = f"\n\nThe other models are not better than B1 in {others} rows." if others else ""
    return f"## Where it does not beat B1\n\n{text}{rest}"


def _coverage(coverage: pd.DataFrame) -> str:
    own = coverage[coverage["model"] == CANDIDATE]
    lines = [
        (
            _row(r),
            f"{1 - r.level:.1%}",
            f"{r.hit_rate:.2%}",
            _interval(r.low, r.high, ".2%"),
            f"{r.coins_passing:.0%} of {r.coins}",
        )
        for r in _lines(own)
    ]
    return f"""## Are losses beyond the forecast as rare as promised?

The share of days on which the loss exceeded value at risk. More often than promised means that limits built on it are
too loose; less often, that they cost more than they must.

{_table(("loss", "promised", "happened", "95 % interval", "coins that pass by themselves"), lines)}"""


def _shocks(shocks: pd.DataFrame) -> str:
    if shocks.empty:
        return "## Probability of a sudden move\n\nNot forecast in this run."
    lines = [
        (
            f"{r.side}, {r.barrier:.0%} or more",
            f"{r.events:,}",
            f"{r.base_rate:.2%}",
            _with_interval(r.skill, r.skill_low, r.skill_high),
            _number(r.slope, ".2f"),
            f"{_number(r.auc, '.3f')} ({_number(r.auc_scale, '.3f')})",
        )
        for r in _lines(shocks)
    ]
    names = ("move against", "events", "frequency", "skill over the scenarios", "slope", "AUC (of volatility alone)")
    return f"""## Probability of a sudden move

Skill is the share of log loss saved beside what the scenarios imply by themselves. A calibration slope of 1 is right;
below 1 the probabilities are too extreme. Most of any AUC comes from knowing the volatility, whose own is in brackets.

{_table(names, lines)}"""


def _tests(summary: Mapping[str, Any]) -> str:
    counts, failed = summary["backtests"], summary["failed_backtests"]
    lines = [(row_title(f["side"], f["kind"], f["level"]), f["test"], _probability(f["p_value"])) for f in failed]
    listed = f"\n\n{_table(('loss', 'rejected by', 'p'), lines)}" if lines else ""
    tests = counts["passed"] + counts["failed"]
    return f"""## Backtests

{counts["failed"]} of {tests} tests of levercap reject it at 5 %; {counts["not_computable"]} could not be computed.
Of the tests of a right forecast one in twenty rejects by chance, and many of the tests see the same losses.{listed}"""


def _reach(summary: Mapping[str, Any], tables: Tables) -> str:
    points = [
        *_cases(summary["events"], tables["events"]),
        *_days(tables["influence"]),
        "The default settings were chosen in view of real markets from 2020 to mid-2025: over such days the figures "
        "flatter, by an unknown amount. Only days after the design was fixed are free of that.",
        "Coins that are not in the market folder, such as those delisted before it was collected, are not judged, and "
        "neither are their crashes.",
        "All figures are averages over the past: nothing here promises the next day. Limits change what traders do, "
        "and no backtest shows how.",
        *(f"Not available: {note}" for note in summary["notes"]),
    ]
    return "## How far the evidence reaches\n\n" + "\n".join(f"- {point}" for point in points)


def _cases(known: int, events: pd.DataFrame) -> list[str]:
    if not known:
        return ["The period holds none of the known market-wide events: how the model does in one is not shown here."]
    without = events[(events["model"] == CANDIDATE) & (events["event"] == ALL_EVENTS)]["without"]
    below = int((without < 0).sum())
    events_known = "1 market-wide event" if known == 1 else f"{known} market-wide events"
    return [
        f"The period holds {events_known}. That is the number of independent cases of a crash, however many coins and "
        "days there are.",
        f"With all events left out, the score is better than B1's in {below} of {len(without)} rows.",
    ]


def _days(influence: pd.DataFrame) -> list[str]:
    own = influence[(influence["model"] == CANDIDATE) & (influence["d_fz0"] < 0)]
    fewest = own["days_to_overturn"].min()
    if pd.isna(fewest):
        return []
    return [
        f"In the row with the thinnest support {int(fewest)} of {int(own['days'].max()):,} days carry the advantage: "
        "without them it is gone."
    ]


def _lines(table: pd.DataFrame) -> Any:
    return table.itertuples()


def _row(line: Any) -> str:
    return row_title(line.side, line.kind, line.level)


def _number(value: Any, form: str) -> str:
    return "n/a" if value is None or pd.isna(value) else format(float(value), form)


def _probability(value: Any) -> str:
    return "below 0.001" if value is not None and value < 0.001 else _number(value, ".3f")


def _interval(low: float, high: float, form: str) -> str:
    return f"{_number(low, form)} to {_number(high, form)}"


def _with_interval(value: float, low: float, high: float) -> str:
    return "n/a" if pd.isna(value) else f"{value:+.2%} ({_interval(low, high, '+.2%')})"


def _table(names: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    head = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in lines)])
