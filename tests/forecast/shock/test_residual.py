"""Shock residual: it learns what the scale leaves out, row by row, and stays silent where it knows too little."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from levercap.core.names import BARRIERS, Side
from levercap.forecast import RECIPE
from levercap.forecast.shock.model import ShockModel, column
from levercap.forecast.shock.residual import (
    ShockResidual,
    logit,
    side_features,
)
from support.shock_market import log_loss, market

NAMES = [column(s, b) for s in Side for b in BARRIERS]


@pytest.fixture(scope="module")
def fitted():
    return ShockResidual().fit(*market())


def test_it_learns_what_the_scale_leaves_out(fitted):
    features, volatility, implied, outcomes = market(seed=5)
    residual = fitted.predict(features, volatility, implied)
    for side in Side:
        for barrier in BARRIERS:
            name, event = column(side, barrier), (outcomes[f"path_{side}"] >= barrier).to_numpy()
            after = expit(logit(implied[name].to_numpy()) + residual[name].to_numpy())
            assert log_loss(event, after) < log_loss(event, implied[name].to_numpy()) - 1e-3, name
    ahead = features["run_up_30d"].to_numpy()
    long = residual[column("long", 0.05)].to_numpy()
    assert long[ahead > 2].mean() > 0.1 > -0.05 > long[ahead < 0.3].mean()


def test_without_anything_to_learn_it_adds_little(fitted):
    noise = ShockResidual().fit(*market(strength=0.0))
    features, volatility, implied, _ = market(seed=5)
    size = [np.abs(m.predict(features, volatility, implied).to_numpy()).mean() for m in (noise, fitted)]
    assert size[0] < size[1] / 5


def test_a_row_does_not_depend_on_the_rows_beside_it(fitted):
    features, volatility, implied, _ = market(rows=60, seed=2)
    together = fitted.predict(features, volatility, implied)
    for i in (0, 17, 59):
        alone = fitted.predict(features.iloc[[i]], volatility[[i]], implied.iloc[[i]])
        np.testing.assert_array_equal(alone.to_numpy()[0], together.to_numpy()[i])


def test_the_same_data_give_the_same_trees(fitted):
    assert ShockResidual().fit(*market()).booster_.model_to_string() == fitted.booster_.model_to_string()


def test_longs_and_shorts_are_mirror_images():
    features, *_ = market(rows=50)
    mirrored = features.copy()
    for name in RECIPE.shock.directed:
        mirrored[name] = -features[name]
    for name in RECIPE.shock.shares:
        mirrored[name] = 1.0 - features[name]
    for window in RECIPE.shock.extension_windows:
        mirrored[f"run_up_{window}"], mirrored[f"drawdown_{window}"] = (
            -features[f"drawdown_{window}"],
            -features[f"run_up_{window}"],
        )
    short, long = side_features(features, "short"), side_features(mirrored, "long")
    assert list(short.columns) == list(long.columns)
    np.testing.assert_allclose(short.to_numpy(), long.to_numpy(), atol=1e-12)


def test_a_missing_feature_gives_the_implied_probability(fitted):
    features, volatility, implied, _ = market(rows=40, seed=2)
    whole = fitted.predict(features, volatility, implied)
    assert (whole.to_numpy() != 0).all()
    holes = features.copy()
    holes.loc[3, "return_7d"] = np.nan
    holes.loc[4, "drawdown_90d"] = np.inf
    found = fitted.predict(holes, volatility, implied)
    assert (found.iloc[[3, 4]] == 0).all(axis=None)
    pd.testing.assert_frame_equal(found.drop(index=[3, 4]), whole.drop(index=[3, 4]))
    assert (fitted.predict(features.drop(columns="turnover_7d"), volatility, implied) == 0).all(axis=None)


def test_columns_that_training_lacked_are_not_asked_for():
    features, volatility, implied, outcomes = market()
    fewer = [c for c in features.columns if not c.endswith(("_3d", "_90d"))]
    model = ShockResidual().fit(features[fewer], volatility, implied, outcomes)
    assert not [c for c in model.columns_ if c.endswith("_90d")]
    pd.testing.assert_frame_equal(
        model.predict(features, volatility, implied), model.predict(features[fewer], volatility, implied)
    )


def test_few_events_are_left_as_implied():
    features, volatility, implied, outcomes = market()
    rare = outcomes.copy()
    hit = np.flatnonzero(rare["path_long"] >= 0.2)
    rare.loc[hit[49:], "path_long"] = 0.1
    model = ShockResidual().fit(features, volatility, implied, rare)
    assert column("long", 0.2) not in model.names_
    assert len(model.names_) == 5
    found = model.predict(features[:50], volatility[:50], implied[:50])
    assert (found[column("long", 0.2)] == 0).all()
    assert (found[column("long", 0.1)] != 0).all()
    silent = ShockResidual().fit(features, volatility, implied, outcomes.assign(path_long=0.0, path_short=np.nan))
    assert silent.booster_ is None
    assert (silent.predict(features, volatility, implied) == 0).all(axis=None)


def test_rows_without_forecast_or_outcome_teach_nothing():
    features, volatility, implied, outcomes = market()
    kept = np.arange(len(features)) % 3 != 0
    holes = implied.copy()
    holes.loc[~kept] = np.nan
    alone = ShockResidual().fit(features[kept], volatility[kept], implied[kept], outcomes[kept])
    for case in (
        (features, volatility, holes, outcomes),
        (features, volatility, implied, outcomes[["path_long", "path_short"]].where(np.column_stack([kept, kept]))),
        (features, np.where(kept, volatility, np.nan), implied, outcomes),
    ):
        assert ShockResidual().fit(*case).booster_.model_to_string() == alone.booster_.model_to_string()


def shock_model(seed=0):
    """Model with residual and calibration."""
    features, volatility, implied, outcomes = market(seed=seed)
    z = outcomes[["path_long", "path_short"]].div(volatility, axis=0)
    model = ShockModel().fit(z).learn(features, volatility, implied, outcomes)
    return model.calibrate(implied, outcomes)


def test_a_model_survives_json_and_text():
    model = shock_model()
    features, volatility, *_ = market(rows=200, seed=3)
    again = ShockModel.from_state(json.loads(json.dumps(model.to_state())), model.trees)
    pd.testing.assert_frame_equal(again.predict(volatility, features), model.predict(volatility, features))
    plain = ShockModel().fit(market()[3])
    assert plain.trees is None
    again = ShockModel.from_state(json.loads(json.dumps(plain.to_state())))
    pd.testing.assert_frame_equal(again.predict(volatility, features), plain.predict(volatility, features))
    old = {k: v for k, v in plain.to_state().items() if k != "residual"}
    pd.testing.assert_frame_equal(ShockModel.from_state(old).predict(volatility), plain.predict(volatility))


def test_learned_probabilities_are_finite_bounded_and_monotone_in_the_barrier():
    model = shock_model()
    features, volatility, *_ = market(rows=500, seed=3)
    features.iloc[::7, 3] = np.nan
    volatility[::5] *= 100.0
    volatility[1::5] /= 100.0
    for table in (model.predict(volatility, features), model.uncalibrated(volatility, features)):
        assert list(table.columns) == NAMES
        values = table.to_numpy()
        assert np.isfinite(values).all()
        assert values.min() >= 1e-4 * (1 - 1e-12)
        assert values.max() <= 0.999 * (1 + 1e-12)
        for first in (0, 3):
            assert (np.diff(values[:, first : first + 3], axis=1) <= 0).all()


def test_without_features_only_the_scale_speaks():
    model = shock_model()
    features, volatility, *_ = market(rows=50, seed=3)
    pd.testing.assert_frame_equal(model.uncalibrated(volatility), model.implied_table(volatility))
    assert (model.uncalibrated(volatility, features) != model.implied_table(volatility)).any(axis=None)
    holes = features.assign(age=np.nan)
    pd.testing.assert_frame_equal(model.predict(volatility, holes), model.predict(volatility))
