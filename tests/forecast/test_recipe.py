"""The recipe: hashed whole, read back as written, and every part of it in use."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from levercap.config import ForecastConfig
from levercap.core.errors import BundleError
from levercap.forecast import RECIPE, ForecastSpec, Recipe
from levercap.forecast.history import fit_scale, history, refit_dates
from levercap.forecast.recipe import BlockRecipe, recipe_from_dict
from levercap.forecast.scale import targets
from levercap.forecast.scenarios.blocks import thin
from levercap.forecast.shock.calibration import calibration_line
from levercap.forecast.shock.market import share_loss
from levercap.forecast.shock.residual import side_features
from levercap.forecast.tail.guard import coverage_factor

FIELDS = [
    (part.name, field.name)
    for part in dataclasses.fields(Recipe)
    for field in dataclasses.fields(getattr(RECIPE, part.name))
]


def other(value):
    """Another value of the same type."""
    if isinstance(value, tuple):
        return value[:-1]
    return 0.99 if value == 0.975 else type(value)(value + 1)


def changed(part, **values):
    return dataclasses.replace(RECIPE, **{part: dataclasses.replace(getattr(RECIPE, part), **values)})


@pytest.mark.parametrize(("part", "name"), FIELDS)
def test_every_constant_changes_the_hash_and_is_read_back(part, name):
    mine = changed(part, **{name: other(getattr(getattr(RECIPE, part), name))})
    assert mine.recipe_hash() != RECIPE.recipe_hash()
    assert recipe_from_dict(json.loads(json.dumps(mine.as_dict()))) == mine


def test_a_recipe_of_a_later_version_is_refused_and_one_of_an_earlier_completed():
    content = RECIPE.as_dict()
    content["scale"]["curvature"] = 1.0
    content["weather"] = {}
    with pytest.raises(BundleError, match=r"scale\.curvature, weather; install a newer levercap"):
        recipe_from_dict(content)
    del content["weather"], content["scale"]
    content["guard"] = {"days": 100}
    assert recipe_from_dict(content) == changed("guard", days=100)


def test_the_match_level_is_one_that_is_forecast():
    with pytest.raises(ValueError, match="match_level must be one of"):
        BlockRecipe(match_level=0.95)


def test_a_fitted_scale_carries_the_recipe_to_its_learners(fitted):
    recipe = changed("scale", clip=0.5, bins=7, largest_missing_share=0.0)
    spec = ForecastSpec(ForecastConfig(boosting_rounds=2), recipe)
    scale = fit_scale("levercap", fitted.data.features, fitted.data.outcomes, fitted.until, spec)
    pair = scale.pairs_["volatility"]
    assert scale.recipe is pair.recipe is pair.ridge_.recipe is pair.boosted_.recipe is recipe.scale
    assert "[max_bin: 7]" in pair.boosted_.booster_.model_to_string()
    assert set(pair.ridge_.columns_) < set(pair.boosted_.columns_)


def test_a_history_follows_the_recipe(fitted):
    """Refits in March only, a tail that remembers nothing of B1, and shocks bounded elsewhere."""
    recipe = changed("history", refit_months=(3,), smallest_tail_rows=100)
    recipe = dataclasses.replace(
        recipe,
        tail=dataclasses.replace(RECIPE.tail, end_memory=1.0),
        shock=dataclasses.replace(RECIPE.shock, smallest_probability=0.2),
    )
    data = fitted.data
    past = history("b1", data.features, data.outcomes, ForecastSpec(ForecastConfig(), recipe))
    ours = fitted.past["b1"]
    first, before = (table.loc[table["long_975"].notna(), "as_of"].min() for table in (past, ours))
    assert (first.month, before.month) == (3, 7)
    np.testing.assert_allclose(past["end_volatility"], past["volatility"], rtol=1e-12)
    implied = past.filter(like="implied_probability").to_numpy()
    assert np.nanmin(implied) == 0.2


def test_parts_that_stand_alone_follow_the_recipe():
    dates = refit_dates(pd.Timestamp("2022-01-01", tz="UTC"), pd.Timestamp("2022-12-31", tz="UTC"), (4,))
    assert [date.month for date in dates] == [4]
    losses = np.array([0.5, 0.4, 0.3])
    assert np.isnan(share_loss(losses, 0.5))
    assert share_loss(losses, 0.5, changed("shock", market_smallest_symbols=3).shock) == 0.4
    features = pd.DataFrame({"return_24h": [1.0], "return_7d": [2.0], "age": [3.0]})
    few = changed("shock", directed=("return_7d",), undirected=()).shock
    assert list(side_features(features, "short", few)) == ["return_7d"]
    x = pd.DataFrame({"slow_level": [0.0]})
    y = pd.DataFrame({"realised_volatility": [1e-9], "path_long": [0.0], "path_short": [0.0]})
    floors = changed("scale", smallest_volatility=0.5, smallest_rise=0.25).scale
    np.testing.assert_allclose(np.exp(targets(x, y, floors)), [[0.5, 0.5, 0.25]])


def test_the_guard_and_the_calibration_follow_the_recipe():
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]"), 20)
    loss = np.abs(rng.standard_normal(len(day)))
    short = loss, np.full(len(day), 1.0), day, 0.975
    assert coverage_factor(*short) == 2.0
    assert coverage_factor(*short, changed("guard", largest_factor=1.5).guard) == 1.5
    assert coverage_factor(*short, changed("guard", smallest_days=1000).guard) == 1.0
    score = rng.normal(-2.0, 1.0, 5000)
    event = rng.random(5000) < 1.0 / (1.0 + np.exp(-0.5 - score))
    loose, tight = (
        calibration_line(score, event, np.arange(5000), changed("shock", intercept_deviation=d).shock)
        for d in (10.0, 1e-6)
    )
    assert loose[0] > 0.3
    assert abs(tight[0]) < abs(loose[0])


def test_thinning_follows_the_recipe(fitted):
    blocks = fitted.bundle.blocks
    kept = [
        thin(blocks, 40, 7, changed("blocks", severity_inclusion=weight).blocks).low.min(axis=2).mean()
        for weight in (0.0, 1000.0)
    ]
    assert kept[1] < kept[0]
