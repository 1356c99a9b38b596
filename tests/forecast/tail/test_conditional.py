"""The tail that depends on the state of the market: its loss, its gradient, what it recovers, and the guard."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone

from levercap.core.names import KINDS, Side
from levercap.core.outcomes import loss_column
from levercap.evaluation.scores.losses import fz0
from levercap.forecast import RECIPE
from levercap.forecast.tail.conditional import ConditionalTail, fit_state_coefficients
from levercap.forecast.tail.guard import coverage_factor
from levercap.forecast.tail.historical import ROWS, ShrunkTail, losses_table, tail_column
from support.properties import examples
from support.standardised import standardised_losses

STATE = RECIPE.tail.state


def with_state(rows=6000, seed=0, slope=0.0, per_day=6) -> pd.DataFrame:
    """Standardised losses whose size is exp(slope * first state variable), beside days and a state."""
    rng = np.random.default_rng(seed)
    z = standardised_losses(rows, seed)
    state = pd.DataFrame(rng.normal(size=(rows, len(STATE))), columns=list(STATE))
    columns = [loss_column(side, kind) for side in Side for kind in KINDS]
    z[columns] = z[columns].mul(np.exp(slope * state[STATE[0]]), axis=0)
    days = pd.date_range("2020-01-01", periods=-(-rows // per_day), freq="D", tz="UTC", unit="us")
    return pd.concat([z, state], axis=1).assign(as_of=np.repeat(days, per_day)[:rows])


def frame_of(z: pd.DataFrame) -> pd.DataFrame:
    return z[["as_of", "symbol", *STATE]].assign(volatility=1.0)


def test_the_coefficients_are_at_the_minimum_of_the_loss_that_evaluation_scores_with():
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(3000, 2)), rng.standard_t(4, 3000)
    var, es, level = np.full(3000, 2.5), np.full(3000, 3.6), 0.975
    weight = rng.uniform(0.5, 1.5, 3000)
    weight /= weight.sum()

    def loss(parameters, penalty):
        a, b = parameters
        v = var * np.exp(x @ a)
        e = v + (es - var) * np.exp(x @ a + x @ b)
        return weight @ fz0(z, v, e, level) + penalty * (a @ a + 10.0 * (b @ b))

    for penalty in (0.01, 0.3):
        best = fit_state_coefficients(z, var, es, x, level, weight, penalty)
        for k in np.ndindex(best.shape):
            for step in (-0.02, 0.02):
                moved = best.copy()
                moved[k] += step
                assert loss(moved, penalty) > loss(best, penalty)


def test_a_size_that_follows_the_state_is_recovered_and_improves_the_score_out_of_sample():
    train, later = with_state(40_000, 1, 0.3), with_state(20_000, 2, 0.3)
    tail = ConditionalTail(penalty=0.01).fit(train)
    plain = ShrunkTail(1000.0).fit(train)
    for side, kind, level in ROWS:
        a, b = tail.state_coefficients_[side, kind, level]
        assert a[0] == pytest.approx(0.3, abs=0.1)
        assert np.abs(a[1:]).max() < 0.1
        assert np.abs(b).max() < 0.2
    mine, theirs = losses_table(tail, frame_of(later)), losses_table(plain, frame_of(later))
    name = tail_column(Side.LONG, "end", 0.975)
    score = [fz0(later["long"], t[name], t[f"{name}_es"], 0.975).mean() for t in (mine, theirs)]
    assert score[0] < score[1] - 0.01


def test_without_a_relation_the_state_hardly_matters():
    tail = ConditionalTail().fit(with_state(12_000, 3))
    assert max(np.abs(values).max() for values in tail.state_coefficients_.values()) < 0.05


def test_with_less_than_a_year_it_is_the_historical_tail():
    z = with_state(6 * 364, 5, 0.5)
    tail, plain = ConditionalTail().fit(z), ShrunkTail(1000.0).fit(z)
    pd.testing.assert_frame_equal(losses_table(tail, frame_of(z)), losses_table(plain, frame_of(z)))
    longer = ConditionalTail().fit(with_state(6 * 365, 5, 0.5))
    assert not all(np.all(v == 0) for v in longer.state_coefficients_.values())


def test_a_missing_state_counts_as_its_mean_and_an_extreme_one_is_clipped():
    z = with_state(8000, 6, 0.3)
    tail = ConditionalTail(penalty=0.05).fit(z)
    row = frame_of(z).iloc[[0]]
    at_mean = row.assign(**dict(zip(STATE, tail.mean_, strict=True)))
    missing = row.assign(**dict.fromkeys(STATE, np.nan))
    far, clipped = (row.assign(**dict(zip(STATE, tail.mean_ + k * tail.deviation_, strict=True))) for k in (50.0, 3.0))
    for one, other in ((missing, at_mean), (far, clipped)):
        pd.testing.assert_frame_equal(losses_table(tail, one), losses_table(tail, other), rtol=1e-12)


@pytest.mark.slow
@examples(15)
@given(seed=st.integers(0, 999), slope=st.floats(-1, 1))
def test_the_table_is_ordered_whatever_was_learned(seed, slope):
    z = with_state(6 * 400, seed, slope)
    tail = ConditionalTail(penalty=1e-3).fit(z)
    rng = np.random.default_rng(seed)
    tail.factor_ = {row: float(np.exp(rng.normal(0, 0.3))) for row in ROWS}
    tails = tail.predict(frame_of(z).iloc[:60].reset_index(drop=True))
    assert (tails["es"] >= tails["var"]).all()
    assert (tails["path_es"] >= tails["path_var"]).all()
    assert (tails["path_var"] >= tails["var"]).all()
    low, high = (tails[tails["level"] == level].reset_index(drop=True) for level in (0.975, 0.99))
    assert (high[["var", "es", "path_var", "path_es"]] >= low[["var", "es", "path_var", "path_es"]]).all(axis=None)


def test_a_row_does_not_depend_on_the_others_and_state_survives_json():
    z = with_state(4000, 8, 0.2)
    tail = ConditionalTail().fit(z)
    tail.guard(z, losses_table(tail, frame_of(z)))
    frame = frame_of(z)
    whole = losses_table(tail, frame)
    for rows in ([7], [7, 8, 9], list(range(200, 0, -3))):
        pd.testing.assert_frame_equal(losses_table(tail, frame.iloc[rows]), whole.iloc[rows])
    again = ConditionalTail.from_state(json.loads(json.dumps(tail.to_state())), tail.tail_)
    pd.testing.assert_frame_equal(losses_table(again, frame), whole)
    assert clone(tail).get_params() == {"shrinkage": 1000.0, "penalty": 1.0, "recipe": RECIPE.tail}


def coverage_case(days, symbols, size, seed):
    rng = np.random.default_rng(seed)
    day = np.repeat(np.datetime64("2022-01-01") + np.arange(days), symbols)
    return size * rng.standard_normal(days * symbols), np.full(days * symbols, stats.norm.ppf(0.975)), day


@pytest.mark.parametrize("size", [0.8, 1.25])
def test_the_guard_repairs_a_wrong_scale_nearly_whole(size):
    factor = coverage_factor(*coverage_case(730, 20, size, 1), 0.975)
    assert factor == pytest.approx(max(size, 0.9), rel=0.03)


def test_the_guard_mostly_rests_when_coverage_is_right():
    factors = [coverage_factor(*coverage_case(730, 10, 1.0, seed), 0.975) for seed in range(200)]
    resting = np.mean(np.array(factors) == 1.0)
    assert 0.85 < resting < 0.98  # P(|t| < sqrt 3) = 0.917 for a normal t; 36 blocks
    assert max(abs(np.log(factors))) < 0.1


def test_the_guard_needs_a_year_and_ignores_what_is_missing():
    loss, var, day = coverage_case(364, 20, 1.3, 2)
    assert coverage_factor(loss, var, day, 0.975) == 1.0
    loss, var, day = coverage_case(500, 20, 1.3, 2)
    holes = np.arange(len(loss)) % 7 == 0
    with_holes = coverage_factor(np.where(holes, np.nan, loss), var, day, 0.975)
    assert with_holes == coverage_factor(loss[~holes], var[~holes], day[~holes], 0.975)
    assert with_holes > 1.2
    assert coverage_factor(loss, np.full_like(var, np.nan), day, 0.975) == 1.0


def test_every_day_weighs_the_same_in_the_guard():
    """Losses twice as large on the days with many symbols: what counts is the share of days."""
    rng = np.random.default_rng(3)
    many = np.arange(800) % 4 == 0
    count = np.where(many, 40, 4)
    day = np.repeat(np.datetime64("2022-01-01") + np.arange(800), count)
    size = np.repeat(np.where(many, 2.0, 1.0), count)
    factor = coverage_factor(size * rng.standard_normal(len(day)), np.full(len(day), 2.0), day, 0.975)
    hit_rate = 0.25 * stats.norm.sf(factor) + 0.75 * stats.norm.sf(2 * factor)
    assert hit_rate == pytest.approx(0.025, rel=0.2)
    rows_alike = stats.norm.sf(factor) * 40 / 52 + stats.norm.sf(2 * factor) * 12 / 52
    assert rows_alike > 0.05
