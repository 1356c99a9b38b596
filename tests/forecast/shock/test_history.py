"""Shock history: each refit knows its past alone, and the final model is fitted on out-of-sample probabilities."""

import numpy as np
import pandas as pd
import pytest

from levercap.forecast.shock.history import fit_shock, implied_columns, out_of_sample_shocks
from levercap.forecast.shock.model import ShockModel, column, empty_table
from support.shock_market import log_loss, market

ROWS = 9000
NAMES = list(empty_table().columns)


def halves(rows=ROWS, parts=3):
    """Segments of equal length, each known to the refit after it; the first is forecast by none."""
    part = np.arange(rows) // (rows // parts)
    return [(part == k, part < k) for k in range(1, parts)]


@pytest.fixture(scope="module")
def world():
    features, volatility, _, outcomes = market(rows=ROWS)
    return features, volatility, outcomes


@pytest.fixture(scope="module")
def past(world):
    return out_of_sample_shocks(*world, halves())


def test_the_first_refit_only_implies_and_the_second_has_learned(world, past):
    _, volatility, outcomes = world
    assert list(past.columns) == [*implied_columns(), *NAMES]
    assert past[:3000].isna().all(axis=None)
    implied = past[implied_columns()].set_axis(NAMES, axis=1)
    np.testing.assert_allclose(past[NAMES][3000:6000], implied[3000:6000], rtol=1e-14)
    by_hand = ShockModel().fit(outcomes[["path_long", "path_short"]][:3000].div(volatility[:3000], axis=0))
    np.testing.assert_array_equal(implied[3000:6000], by_hand.implied_table(volatility[3000:6000]))
    name = column("long", 0.05)
    event = (outcomes["path_long"] >= 0.05).to_numpy()[6000:]
    assert log_loss(event, past[name][6000:]) < log_loss(event, implied[name][6000:]) - 1e-3


def test_later_rows_change_nothing_earlier(world, past):
    features, volatility, outcomes = (x.copy() for x in world)
    features.loc[6000:, "run_up_30d"] *= -3.0
    volatility[6000:] *= 2.0
    outcomes.loc[6000:, ["path_long", "path_short"]] = 1.0
    again = out_of_sample_shocks(features, volatility, outcomes, halves())
    pd.testing.assert_frame_equal(again[:6000], past[:6000])
    assert (again[6000:] != past[6000:]).any(axis=None)


def test_without_features_nothing_is_learned(world):
    _, volatility, outcomes = world
    plain = out_of_sample_shocks(None, volatility, outcomes, halves())
    np.testing.assert_allclose(plain[NAMES], plain[implied_columns()], rtol=1e-14)
    assert plain[3000:].notna().all(axis=None)
    model = fit_shock(None, volatility, outcomes, plain, np.ones(ROWS, dtype=bool))
    assert model.residual_ is None


def test_the_model_equals_its_steps(world, past):
    features, volatility, outcomes = world
    known = np.arange(ROWS) < 8000
    model = fit_shock(features, volatility, outcomes, past, known)
    train_mask = known & (np.arange(ROWS) >= 3000)
    implied = past[implied_columns()].set_axis(NAMES, axis=1)
    steps = ShockModel().fit(outcomes[["path_long", "path_short"]][known].div(volatility[known], axis=0))
    steps.learn(features[train_mask], volatility[train_mask], implied[train_mask], outcomes[train_mask])
    steps.calibrate(past[NAMES][known], outcomes[known])
    assert model.to_state() == steps.to_state()
    assert model.trees == steps.trees
    assert set(model.calibration_.values()) != {(0.0, 1.0)}


def test_rows_without_a_forecast_stay_unknown(world):
    features, volatility, outcomes = world
    gaps = np.where(np.arange(ROWS) % 10 == 0, np.nan, volatility)
    found = out_of_sample_shocks(features, gaps, outcomes, halves())
    np.testing.assert_array_equal(found[3000:].isna().any(axis=1), np.isnan(gaps[3000:]))
