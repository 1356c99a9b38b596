"""Traffic lights of evidence: counted a second way, red for forecasts that are far too low."""

import numpy as np
import pandas as pd
import pytest

from levercap.evaluation import light_thresholds, match, pooled_coverage, traffic_light
from levercap.evidence.stability import hit_lines
from levercap.evidence.traffic_lights import rolling_window, traffic_light_line
from support.report_folders import simulate_outcomes, tails_of

MODEL = "levercap"


def rows_of(days=800, symbols=5, factor=1.0):
    outcomes, volatility = simulate_outcomes(days, symbols, seed=4)
    return list(match({MODEL: tails_of(outcomes, factor * volatility)}, outcomes))


def test_windows_are_a_year_where_there_are_two():
    assert [rolling_window(days) for days in (1, 3, 100, 180, 729, 730, 2000)] == [1, 1, 50, 90, 90, 365, 365]


def test_the_last_year_is_counted_and_judged_among_its_effective_rows():
    for row in rows_of():
        line = traffic_light_line(row, MODEL)
        last = row.day >= row.day.max() - pd.Timedelta(days=364)
        hits = row.hits(MODEL)
        assert line["days"] == 365
        assert line["hit_rate"] == pytest.approx(hits[last].mean())  # every coin has every day here
        trials = round(line["effective_rows"])
        assert line["light"] == traffic_light(round(line["hit_rate"] * trials), trials, row.level)
        by_coin = pd.Series(hits[last]).groupby(row.symbol[last]).sum()
        lights = [str(traffic_light(int(n), 365, row.level)) for n in by_coin]
        assert [line[f"coins_{zone}"] for zone in ("green", "yellow", "red")] == [
            lights.count(zone) for zone in ("green", "yellow", "red")
        ]


def test_zones_of_the_rolling_rate_are_those_of_the_trials_that_a_window_is_worth():
    row = rows_of()[0]
    line = traffic_light_line(row, MODEL)
    whole = pooled_coverage(row.hits(MODEL), row.day, row.level)
    trials = round(whole.effective_rows * 365 / 800)
    assert line["window"] == 365
    assert (line["yellow_from"], line["red_from"]) == tuple(n / trials for n in light_thresholds(trials, row.level))


def test_forecasts_that_are_far_too_low_turn_every_light_red():
    for row in rows_of(days=200, factor=0.25):
        line = traffic_light_line(row, MODEL)
        assert line["light"] == "red"
        assert (line["coins_green"], line["coins_yellow"], line["coins_red"]) == (0, 0, 5)


def test_the_rolling_rate_is_the_mean_of_the_last_days():
    row = rows_of(days=200)[0]
    lines = hit_lines(row, MODEL)
    assert lines["rolling"].isna().sum() == 89
    assert lines["rolling"].iloc[-1] == pytest.approx(np.mean(lines["share"].iloc[-90:]))
