"""Barrier probabilities: what they are before calibration, and what calibration does."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.names import BARRIERS
from levercap.forecast.shock.model import ShockModel, column, empty_table
from support.properties import examples
from support.standardised import standardised_losses

SIDES = ("long", "short")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("barrier", BARRIERS)
def test_the_implied_probability_is_the_frequency_of_exceedance(side, barrier):
    z = standardised_losses(5000, 4)
    model = ShockModel().fit(z)
    volatility = np.array([0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.4])
    losses = z[f"path_{side}"].to_numpy()
    frequency = [(losses >= barrier / v).mean() for v in volatility]
    np.testing.assert_allclose(model.implied(volatility, side, barrier), np.clip(frequency, 1e-4, 0.999), atol=0.003)


def test_missing_losses_are_left_out():
    z = standardised_losses(3000, 4)
    holes = z.copy()
    holes.loc[::3, ["path_long", "path_short"]] = np.nan
    kept = ShockModel().fit(z.drop(index=z.index[::3])).implied(np.array([0.05]), "long", 0.1)
    np.testing.assert_array_equal(ShockModel().fit(holes).implied(np.array([0.05]), "long", 0.1), kept)


def log_loss(event, probability):
    return -np.mean(np.where(event, np.log(probability), np.log1p(-probability)))


def mis_scaled(rows=20_000, seed=0, factor=1.4):
    """Implied probabilities of a volatility that is too small by `factor`, and what happened."""
    rng = np.random.default_rng(seed)
    z = standardised_losses(rows, seed)
    volatility = np.exp(rng.normal(np.log(0.04), 0.4, rows))
    outcomes = z[["path_long", "path_short"]].mul(volatility * factor, axis=0)
    outcomes["as_of"] = pd.date_range("2020-01-01", periods=rows, freq="h", tz="UTC")
    return ShockModel().fit(z), volatility, outcomes


def test_calibration_repairs_a_wrong_scale():
    model, volatility, outcomes = mis_scaled()
    calibrated = model.calibrate(model.implied_table(volatility), outcomes)
    _, later_volatility, later = mis_scaled(seed=9)
    before, after = calibrated.implied_table(later_volatility), calibrated.predict(later_volatility)
    for side in SIDES:
        for barrier in BARRIERS:
            name = column(side, barrier)
            event = (later[f"path_{side}"] >= barrier).to_numpy()
            assert log_loss(event, after[name]) < log_loss(event, before[name]) - 1e-4, name
            # the posterior lies between the identity and the evidence
            missing = np.log(event.mean() / after[name].mean()) / np.log(event.mean() / before[name].mean())
            assert missing < 0.5, name


def test_calibration_leaves_what_is_right_alone():
    model, volatility, outcomes = mis_scaled(factor=1.0)
    before = model.predict(volatility)
    model.calibrate(model.implied_table(volatility), outcomes)
    for intercept, slope in model.calibration_.values():
        assert abs(intercept) < 0.25
        assert slope == pytest.approx(1.0, abs=0.1)
    assert (model.predict(volatility) - before).abs().max(axis=None) < 0.05


def test_too_few_events_teach_nothing():
    model, volatility, outcomes = mis_scaled(rows=300)
    outcomes["path_short"] = 0.0
    outcomes.loc[:40, "path_long"] = 0.5
    outcomes.loc[41:, "path_long"] = 0.0
    model.calibrate(model.implied_table(volatility), outcomes)
    assert set(model.calibration_.values()) == {(0.0, 1.0)}
    outcomes.loc[:60, "path_long"] = 0.5
    model.calibrate(model.implied_table(volatility), outcomes)
    assert model.calibration_[column("long", 0.05)] != (0.0, 1.0)
    assert model.calibration_[column("short", 0.05)] == (0.0, 1.0)


def test_a_perverse_past_does_not_turn_the_probabilities_round():
    """Losses that came only in calm: the probability still rises with the volatility."""
    model, volatility, outcomes = mis_scaled(rows=40_000)
    fell = np.where(volatility < np.median(volatility), 0.3, 0.0)
    outcomes = outcomes.assign(path_long=fell, path_short=fell)
    model.calibrate(model.implied_table(volatility), outcomes)
    assert all(slope > 0 for _, slope in model.calibration_.values())
    assert (0.0, 1.0) in model.calibration_.values()
    assert (np.diff(model.predict(np.sort(volatility)).to_numpy(), axis=0) >= 0).all()


def test_a_past_without_doubt_gives_bounded_probabilities():
    """Losses exactly where the volatility was high: the fit is steep, the probabilities stay within bounds."""
    model, volatility, outcomes = mis_scaled(rows=4000)
    fell = np.where(volatility > np.median(volatility), 0.3, 0.0)
    outcomes = outcomes.assign(path_long=fell, path_short=fell)
    model.calibrate(model.implied_table(volatility), outcomes)
    values = model.predict(np.array([1e-6, 0.01, 0.03, 0.1, 0.5, 100.0])).to_numpy()
    assert (np.diff(values, axis=0) >= 0).all()
    assert values.min() == pytest.approx(1e-4)
    assert values.max() == pytest.approx(0.999)


def test_calibration_ignores_rows_without_forecast_or_outcome():
    model, volatility, outcomes = mis_scaled(rows=6000)
    implied = model.implied_table(volatility)
    rows = np.arange(6000)
    implied.loc[rows % 5 == 0] = np.nan
    outcomes.loc[rows % 7 == 0, ["path_long", "path_short"]] = np.nan
    kept = (rows % 5 != 0) & (rows % 7 != 0)
    with_holes = dict(model.calibrate(implied, outcomes).calibration_)
    alone = model.calibrate(implied[kept], outcomes[kept]).calibration_
    assert with_holes == alone


@examples(30)
@given(
    seed=st.integers(0, 999),
    intercept=st.floats(-3, 3),
    slope=st.floats(0.1, 5.0),
    volatility=st.lists(st.floats(1e-6, 5.0), min_size=2, max_size=20),
)
def test_probabilities_are_monotone_in_volatility_and_barrier(seed, intercept, slope, volatility):
    rng = np.random.default_rng(seed)
    model = ShockModel().fit(standardised_losses(600, seed))
    for name in model.calibration_:
        model.calibration_[name] = (intercept + rng.normal(), slope * rng.uniform(0.5, 2.0))
    volatility = np.sort(np.array(volatility))
    table = model.predict(volatility)
    values = table.to_numpy()
    assert ((values > 0) & (values < 1)).all()
    assert (np.diff(values, axis=0) >= -1e-15).all()
    for side in SIDES:
        for smaller, larger in itertools.pairwise(BARRIERS):
            assert (table[column(side, larger)] <= table[column(side, smaller)]).all()


def test_the_columns_have_their_names():
    names = [column(s, b) for s in SIDES for b in BARRIERS]
    assert names[:2] == ["shock_probability_long_05", "shock_probability_long_10"]
    model = ShockModel().fit(standardised_losses(500))
    tables = (model.predict(np.array([0.03])), model.implied_table(np.array([0.03])), empty_table())
    for table in tables:
        assert list(table.columns) == names
    assert len(empty_table()) == 0
    assert isinstance(tables[0], pd.DataFrame)
