"""Table ``traffic_lights``: Basel traffic light of the last year, pooled over instruments and by instrument."""

from __future__ import annotations

from typing import Any

import pandas as pd

from levercap.evaluation import YEAR_DAYS, Row, light_thresholds, pooled_coverage, traffic_light
from levercap.evidence.columns import Light, row_key
from levercap.evidence.symbol_coverage import symbol_coverage

__all__ = ["rolling_window", "traffic_light_line"]

SHORT_WINDOW = 90


def rolling_window(days: int) -> int:
    """Days of a rolling hit rate: a year where there are two, else at most 90 and half of what there is."""
    return YEAR_DAYS if days >= 2 * YEAR_DAYS else max(1, min(SHORT_WINDOW, days // 2))


def traffic_light_line(row: Row, model: str) -> dict[str, Any]:
    """Light of the last 365 days and its zones for the rolling hit rate of one model and row.

    Notes
    -----
    Instruments move together, so the pooled count is judged among as many trials as the data are worth (effective
    rows). ``yellow_from`` and ``red_from`` are hit rates over `window` days from which the light changes.
    """
    hits = row.hits(model)
    recent = row.day > row.day.max() - pd.Timedelta(days=YEAR_DAYS)
    last = pooled_coverage(hits[recent], row.day[recent], row.level)
    trials = max(1, round(last.effective_rows))
    light = traffic_light(min(trials, round(last.hit_rate * trials)), trials, row.level)
    whole = pooled_coverage(hits, row.day, row.level)
    window = rolling_window(whole.days)
    rolled = max(1, round(whole.effective_rows / whole.days * window))
    yellow, red = light_thresholds(rolled, row.level)
    coins = symbol_coverage(row, model)["last_light"]
    return row_key(model, row.side, row.kind, row.level) | {
        "days": last.days, "hit_rate": last.hit_rate, "effective_rows": last.effective_rows, "light": str(light),
        **{f"coins_{zone}": int((coins == zone).sum()) for zone in Light},
        "window": window, "yellow_from": yellow / rolled, "red_from": red / rolled,
    }  # fmt: skip
