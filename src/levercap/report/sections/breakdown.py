"""Section: the difference to the baseline and the hit rates, coin by coin and year by year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import FloatArray
from levercap.evidence.columns import CANDIDATE, REFERENCE, SIZE
from levercap.report.figures.drawing import ORANGE, RED
from levercap.report.figures.forest import forest, forest_panel
from levercap.report.inputs import Evaluation
from levercap.report.page.formatting import loss_label, percent, signed
from levercap.report.page.html import Column, Section, bullets, figure, heading, paragraph, table
from levercap.report.sections.rows import Key, head, kinds_of, lines_of, pick, tint, wash

__all__ = ["breakdown_section"]

INTRO: Final = (
    f"An average can hide a coin or a year that pays for the others. Blue cells are better than {REFERENCE}, red ones "
    "worse; the stronger the colour, the larger the difference."
)
HITS: Final = (
    "Nominal rates stand in the head of each column. A cell is coloured where Kupiec's exact test rejects the rate at "
    "5 %: red for too many hits, orange for too few. Of right forecasts one coin in twenty is coloured by chance."
)


def breakdown_section(evaluation: Evaluation | None) -> Section | None:
    """Years with intervals, coins as coloured tables; None where there is neither."""
    if evaluation is None:
        return None
    years, coins = evaluation.table("by_year", CANDIDATE), evaluation.table("by_symbol", CANDIDATE)
    if years is None and coins is None:
        return None
    body = paragraph(INTRO)
    if years is not None:
        body += heading("Year by year") + _years(years)
    if coins is not None:
        body += heading("Coin by coin") + _coins(coins)
    return Section("breakdown", "Coin by coin and year by year", body)


def _years(frame: pd.DataFrame) -> str:
    keys, years = kinds_of(frame), sorted(int(year) for year in frame["year"].unique())
    panels = [forest_panel(frame, key, "year", years, ("d_fz0", "ci_low", "ci_high")) for key in keys]
    drawn = forest(panels, [str(year) for year in years], f"FZ0 difference to {REFERENCE} (left is better)")
    alt = f"Differences of FZ0 to {REFERENCE} by year with 95 % intervals, one panel per side, kind of loss and level"
    behind = [(key, int(line["year"])) for key in keys for _, line in pick(frame, key).iterrows() if line["d_fz0"] >= 0]
    sentences = [
        f"Better than {REFERENCE} in {int((frame['d_fz0'] < 0).sum())} of {len(frame)} pairs of a year and a kind of "
        f"loss, by more than noise in {int((frame['ci_high'] < 0).sum())}, worse by more than noise in "
        f"{int((frame['ci_low'] > 0).sum())}."
    ]
    if behind:
        sentences.append(
            f"No better than {REFERENCE}: " + "; ".join(f"{loss_label(*key)} in {year}" for key, year in behind) + "."
        )
    days = _column(frame, keys[0], "year", years, "days")
    table_of_hits = _hit_years(frame, keys, years, days)
    return figure(drawn, alt, "95 % intervals from blocks of 20 days.") + bullets(sentences) + table_of_hits


def _hit_years(frame: pd.DataFrame, keys: Sequence[Key], years: Sequence[int], days: FloatArray) -> str:
    columns = [
        Column("year", [str(year) for year in years], numeric=False),
        Column("days", [f"{day:,.0f}" if np.isfinite(day) else "–" for day in days]),
    ]
    for key in keys:
        rate, low, high = (_column(frame, key, "year", years, c) for c in ("hit_rate", "hit_low", "hit_high"))
        nominal = 1.0 - key[2]
        styles = [_off(low_one > nominal, high_one < nominal) for low_one, high_one in zip(low, high, strict=True)]
        columns.append(Column(head(key), [percent(float(v)) for v in rate], styles=styles))
    caption = "Hit rates by year, coloured where the interval clustered by day leaves out the nominal rate"
    return table(columns, caption, dense=True)


def _coins(frame: pd.DataFrame) -> str:
    keys, coins = kinds_of(frame), sorted(str(symbol) for symbol in frame["symbol"].unique())
    size = frame["d_fz0"].astype(float).abs()
    full = float(np.nanquantile(size, 0.9)) if size.notna().any() else 0.0
    columns = [Column("coin", coins, numeric=False), Column("days", _most_days(frame, coins))]
    hits = list(columns)
    for key in keys:
        difference = _column(frame, key, "symbol", coins, "d_fz0")
        styles = [tint(float(v), full) for v in difference]
        columns.append(Column(head(key), [signed(float(v), 3) for v in difference], styles=styles))
        rate, p = (_column(frame, key, "symbol", coins, c) for c in ("hit_rate", "kupiec_p"))
        nominal = 1.0 - key[2]
        marked = [_off(a < SIZE and r > nominal, a < SIZE and r < nominal) for a, r in zip(p, rate, strict=True)]
        title = f"{head(key)}\n({percent(nominal, 1)})"
        hits.append(Column(title, [percent(float(v)) for v in rate], styles=marked))
    sentences = [_coin_sentence(pick(frame, key), key) for key in keys]
    return (
        table(columns, f"FZ0 difference to {REFERENCE} by coin", dense=True)
        + bullets(sentences)
        + paragraph(HITS)
        + table(hits, "Hit rates by coin", dense=True)
    )


def _coin_sentence(part: pd.DataFrame, key: Key) -> str:
    worse = part[part["d_fz0"] >= 0].sort_values("d_fz0", ascending=False)
    passing = int(part["passes"].astype(bool).sum())
    text = f"{loss_label(*key)}: better on {int((part['d_fz0'] < 0).sum())} of {len(part)} coins, "
    text += f"{passing} of {len(part)} pass Kupiec's test."
    if len(worse):
        names = ", ".join(
            f"{symbol} ({signed(float(d), 3)})" for symbol, d in zip(worse["symbol"], worse["d_fz0"], strict=True)
        )
        text += f" No better on {names}."
    return text


def _most_days(frame: pd.DataFrame, coins: Sequence[str]) -> list[str]:
    days = frame.groupby("symbol")["days"].max()
    return [f"{int(days[coin]):,}" for coin in coins]


def _column(frame: pd.DataFrame, key: Key, name: str, lines: Sequence[object], column: str) -> FloatArray:
    return lines_of(pick(frame, key), name, lines, column)


def _off(more: bool, fewer: bool) -> str:
    return wash(RED, 0.35) if more else wash(ORANGE, 0.4) if fewer else ""
