"""The fallback to the baseline: when it falls, how often by mistake, and that it sees nothing later."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.config import ForecastConfig
from levercap.evaluation.scores.losses import fz0
from levercap.forecast import RECIPE, ForecastSpec
from levercap.model.choice import choose_method, daily_difference
from levercap.model.walk_forward import Month, walk

UNTIL = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")
SPEC = ForecastSpec(ForecastConfig())


def series(mean, seed=0, days=500):
    origins = pd.date_range(end=UNTIL - pd.Timedelta(days=1), periods=days, freq="D", unit="us")
    return pd.Series(np.random.default_rng(seed).normal(mean, 1.0, days), index=origins)


def test_it_falls_back_when_the_year_speaks_against_the_recipe_and_only_then():
    assert choose_method("levercap", series(0.5), UNTIL, SPEC) == "b1"
    assert choose_method("levercap", series(-0.5), UNTIL, SPEC) == "levercap"
    assert choose_method("b1", series(-0.5), UNTIL, SPEC) == "b1"


def test_a_recipe_no_worse_than_the_baseline_seldom_falls_and_a_worse_one_mostly():
    fallen = {
        mean: np.mean([choose_method("levercap", series(mean, seed), UNTIL, SPEC) == "b1" for seed in range(400)])
        for mean in (0.0, 0.2)
    }
    assert 0.03 < fallen[0.0] < 0.10  # nominal 5 %, 18 blocks
    assert fallen[0.2] > 0.9  # 3.8 standard errors


def test_what_is_older_than_a_year_or_not_known_yet_does_not_count():
    difference = series(-0.5)
    old, late = difference.copy(), difference.copy()
    old[old.index < UNTIL - pd.Timedelta(days=365)] = 99.0
    late[UNTIL - pd.Timedelta(hours=23)] = 1e6
    late[UNTIL + pd.Timedelta(days=3)] = 1e6
    for other in (old, late):
        assert choose_method("levercap", other, UNTIL, SPEC) == "levercap"
    assert choose_method("levercap", series(5.0, days=179), UNTIL, SPEC) == "levercap"
    assert choose_method("levercap", series(5.0, days=181), UNTIL, SPEC) == "b1"


def test_the_difference_is_the_mean_score_of_all_rows(fitted):
    mine, baseline, outcomes = fitted.past["levercap"], fitted.past["b1"], fitted.data.outcomes
    found = daily_difference(mine, baseline, outcomes)
    day = found.index[-40]
    rows = np.flatnonzero(outcomes["as_of"] == day)
    scores = []
    for i in rows:
        for column in ("long", "short", "path_long", "path_short"):
            for level, name in ((0.975, "975"), (0.99, "990")):
                pair = [
                    fz0(
                        outcomes[column].iloc[i], t[f"{column}_{name}"].iloc[i], t[f"{column}_{name}_es"].iloc[i], level
                    )
                    for t in (mine, baseline)
                ]
                scores.append(float(pair[0] - pair[1]))
    assert found[day] == pytest.approx(np.mean(scores))


def test_the_walk_forward_falls_back_on_histories_that_are_evidence_against_it(fitted):
    choice = dataclasses.replace(RECIPE.choice, smallest_days=20)
    month = Month(fitted.until, fitted.until + pd.Timedelta(days=5))
    spoiled = fitted.past["levercap"].copy()
    losses = [c for c in spoiled.columns if c.endswith(("_975", "_990", "_es")) and "volatility" not in c]
    spoiled[losses] *= 20.0
    methods = []
    for mine in (fitted.past["levercap"], spoiled):
        inputs = dataclasses.replace(
            fitted.inputs,
            histories={"levercap": mine, "b1": fitted.past["b1"]},
            recipe=dataclasses.replace(RECIPE, choice=choice),
        )
        ((_, forecaster),) = walk(inputs, "levercap", [month])
        methods.append(forecaster.method)
    assert methods == ["levercap", "b1"]
