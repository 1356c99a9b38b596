"""Section: backtests, what each one asks, which kinds of loss pass, and what a rejection means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from levercap.evidence.columns import CANDIDATE, COMPARISONS, REFERENCE, Verdict
from levercap.report.figures.drawing import GREY, RED
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import NARROW, count, loss_label, percent, probability
from levercap.report.page.html import Column, Section, bullets, heading, paragraph, table
from levercap.report.sections.rows import Key, head, kinds_of, model_name, models_of, pick, wash

__all__ = ["BAD", "WORDS", "TestWords", "backtests_section"]

GREEN: Final = "#3f8f5f"
SHORT: Final[dict[str, str]] = {Verdict.NO_DIFFERENCE: "same", Verdict.NOT_COMPUTABLE: "–"}
GOOD: Final = (Verdict.PASS, Verdict.BETTER)
BAD: Final = (Verdict.FAIL, Verdict.WORSE)


@dataclass(frozen=True)
class TestWords:
    """Text on a backtest: what it asks, and what it means when it rejects."""

    __test__ = False

    asks: str
    rejected: str


WORDS: Final = {
    "pooled coverage": TestWords(
        "Do losses exceed the value at risk as often as they should, over all coins and days?",
        "The value at risk is too low or too high on average.",
    ),
    "coins passing Kupiec": TestWords(
        "Does each coin by itself have the right number of hits? At least 85 % of the coins must.",
        "The average hides coins whose value at risk is off.",
    ),
    "panel dynamic quantile": TestWords(
        "Can hits be foreseen from earlier hits or from the size of the forecast?",
        "Hits come in runs or at certain levels of risk: the forecast is late or uneven, even if right on average.",
    ),
    "panel durations": TestWords(
        "Are the days between the hits of a coin those of independent days, at any distance?",
        "Hits come in runs, or too regularly: the forecast adapts too slowly to changes of risk.",
    ),
    "Acerbi-Szekely Z2": TestWords(
        "Are losses beyond the value at risk, number and size together, as large as the expected shortfall says?",
        "Tail losses were larger than forecast, by number, by size or by both.",
    ),
    "Acerbi-Szekely minimally biased": TestWords(
        "The same, in a form that hardly depends on whether the value at risk is right.",
        "The expected shortfall was too low.",
    ),
    "McNeil-Frey": TestWords(
        "Once a loss exceeds the value at risk, is its mean size the expected shortfall?",
        "The losses beyond the value at risk were larger than forecast.",
    ),
    "Nolde-Ziegel": TestWords(
        "Are value at risk and expected shortfall together at least as careful as they claim?",
        "At least one of the two understates the risk.",
    ),
    "ES regression intercept": TestWords(
        "Is the loss explained by the expected shortfall without a shift?",
        "The expected shortfall is too small by a constant.",
    ),
    "e-process VaR": TestWords(
        "Does the e-process of bets against the value at risk stay below its alarm on every day?",
        "At some moment the forecast should have been stopped; the day of the first alarm is stated.",
    ),
    "e-process ES": TestWords(
        "The same for bets against the expected shortfall.",
        "At some moment the expected shortfall should no longer have been used.",
    ),
    "three zones": TestWords(
        f"Is the model better (green), worse (red) or neither (yellow) than {REFERENCE}?",
        f"The model is worse than {REFERENCE}.",
    ),
    "Diebold-Mariano": TestWords(
        f"Is the mean difference of scores to {REFERENCE} more than noise?",
        f"The model is worse than {REFERENCE} on average.",
    ),
    "Giacomini-White": TestWords(
        f"Can it be foreseen when the model does better than {REFERENCE}?",
        f"The model is worse than {REFERENCE} in a way that could have been foreseen.",
    ),
}
"""Every test by its name in the table."""

INTRO: Final = (
    "A test rejects when what happened would be a surprise (a chance below 5 %) if the forecasts were right. That a "
    "test passes does not show that a forecast is right, only that this test found nothing. Of a hundred tests of "
    "right forecasts about five reject by chance; the two that bet day by day, and the share of coins, have rules of "
    "their own."
)


def backtests_section(evaluation: Evaluation | None) -> Section | None:
    """Coverage, verdicts and p-values of every test, and what each means; None without the table of backtests."""
    frame = None if evaluation is None else evaluation.table("backtests")
    if frame is None or evaluation is None:
        return None
    models = sorted(models_of(frame), key=lambda name: (name != CANDIDATE, name))
    absolute = frame[~frame["test"].isin(COMPARISONS)]
    body = paragraph(INTRO) + bullets([_count(absolute[absolute["model"] == m], m) for m in models])
    coverage = evaluation.table("coverage")
    if coverage is not None:
        body += _coverage(coverage)
    own = frame[frame["model"] == models[0]]
    body += _meanings(own) + _rejections(own)
    body += heading("Verdicts and p-values")
    for model in models:
        text = f"{model_name(model)}: verdicts, with p-values where the test has one"
        body += _matrix(absolute[absolute["model"] == model], text)
    against = own[own["test"].isin(COMPARISONS)]
    if len(against):
        body += _matrix(against, f"{model_name(models[0])} against {REFERENCE}")
    return Section("backtests", "Backtests", body)


def _count(part: pd.DataFrame, model: str) -> str:
    counts = {
        name: int((part["verdict"] == name).sum()) for name in (Verdict.PASS, Verdict.FAIL, Verdict.NOT_COMPUTABLE)
    }
    text = f"{model_name(model)}: of {len(part)} tests {counts[Verdict.PASS]} pass and {counts[Verdict.FAIL]} reject"
    if counts[Verdict.NOT_COMPUTABLE]:
        text += f"; {counts[Verdict.NOT_COMPUTABLE]} cannot be computed"
    return text + "."


def _coverage(frame: pd.DataFrame) -> str:
    keys = kinds_of(frame)
    parts = [pick(frame, key).sort_values("model", key=lambda m: m != CANDIDATE, kind="stable") for key in keys]
    joined = pd.concat(parts, ignore_index=True)
    groups = [
        f"{loss_label(*key)}: nominal {percent(1 - key[2])}"
        for key, p in zip(keys, parts, strict=True)
        for _ in range(len(p))
    ]
    nominal = 1.0 - joined["level"].astype(float)
    off = (joined["low"] > nominal) | (joined["high"] < nominal)
    columns = [
        Column("model", [model_name(str(m)) for m in joined["model"]], numeric=False),
        Column("hits", [count(v) for v in joined["hits"]]),
        Column("hit rate", [percent(v) for v in joined["hit_rate"]], styles=[wash(RED, 0.3) if o else "" for o in off]),
        Column(
            "95 % interval",
            [f"[{percent(a)}, {percent(b)}]" for a, b in zip(joined["low"], joined["high"], strict=True)],
        ),
        Column("p-value", [probability(v) for v in joined["p_value"]]),
        Column("coins", [count(v) for v in joined["coins"]]),
        Column("coins passing", [percent(v, 0) for v in joined["coins_passing"]]),
    ]
    caption = "Hit rates over all coins; intervals clustered by day, red where they leave out nominal"
    return heading("Coverage") + table(columns, caption, groups)


def _meanings(own: pd.DataFrame) -> str:
    tests = [str(name) for name in own["test"].unique()]
    words = [WORDS.get(test, TestWords("", "")) for test in tests]
    verdicts = [own.loc[own["test"] == test, "verdict"] for test in tests]
    good = [int(v.isin(GOOD).sum()) for v in verdicts]
    bad = [int(v.isin(BAD).sum()) for v in verdicts]
    columns = [
        Column("test", tests, numeric=False),
        Column("what it asks", [w.asks for w in words], numeric=False),
        Column("good", [str(n) for n in good], styles=[wash(GREEN, 0.25) if n else "" for n in good]),
        Column("bad", [str(n) for n in bad], styles=[wash(RED, 0.3) if n else "" for n in bad]),
        Column("neither", [str(len(v) - g - b) for v, g, b in zip(verdicts, good, bad, strict=True)]),
        Column("what a bad result means", [w.rejected for w in words], numeric=False),
    ]
    caption = (
        "Good: passed, or better than the baseline. Bad: rejected, or worse. Neither: no difference or not computable"
    )
    return heading("What each test asks") + table(columns, caption)


def _rejections(own: pd.DataFrame) -> str:
    lines = []
    for test in own["test"].unique():
        part = own[own["test"] == test]
        bad = part[part["verdict"].isin(BAD)]
        if len(bad):
            named = "; ".join(f"{_kind(line)} ({_detail(line)})" for _, line in bad.iterrows())
            lines.append(f"Rejected by {test}: {named}.")
    return heading("What rejects") + bullets(lines or ["No test rejects."])


def _kind(line: pd.Series) -> str:
    return loss_label(str(line["side"]), str(line["kind"]), float(line["level"]))


def _detail(line: pd.Series) -> str:
    alarm = line["alarm_day"]
    if pd.notna(alarm):
        return f"alarm on {pd.Timestamp(alarm):%Y-%m-%d}"
    if pd.notna(line["p_value"]):
        return f"p{NARROW}{probability(float(line['p_value']))}"
    return str(line["note"]) if isinstance(line["note"], str) and line["note"] else "by its own rule"


def _matrix(frame: pd.DataFrame, caption: str) -> str:
    tests, keys = [str(name) for name in frame["test"].unique()], kinds_of(frame)
    columns = [Column("test", tests, numeric=False)]
    for key in keys:
        lines = [_line(frame, key, test) for test in tests]
        columns.append(Column(head(key), [_cell(x) for x in lines], styles=[_style(x) for x in lines]))
    return table(columns, caption, dense=True)


def _line(frame: pd.DataFrame, key: Key, test: str) -> pd.Series | None:
    part = pick(frame, key)
    part = part[part["test"] == test]
    return part.iloc[0] if len(part) else None


def _cell(line: pd.Series | None) -> str:
    if line is None:
        return ""
    word = SHORT.get(str(line["verdict"]), str(line["verdict"]))
    return word if pd.isna(line["p_value"]) else f"{word} {probability(float(line['p_value']))}"


def _style(line: pd.Series | None) -> str:
    if line is None:
        return ""
    verdict = str(line["verdict"])
    colour = GREEN if verdict in GOOD else RED if verdict in BAD else GREY
    return f"{wash(colour, 0.3 if colour == RED else 0.2)};min-width:5.4rem"
