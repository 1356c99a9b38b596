"""Every scoring rule is minimal in expectation at the truth, and says when it is not defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import t as student

from levercap.evaluation import fz0, log_loss, pinball

DEGREES = 4
LEVELS = (0.975, 0.99)
# Midpoints of 200,000 equal slices of probability: means over it are expectations under the t distribution.
SAMPLE = student.ppf((np.arange(200_000) + 0.5) / 200_000, DEGREES)


def true_tail(level: float) -> tuple[float, float]:
    q = student.ppf(level, DEGREES)
    return float(q), float(student.pdf(q, DEGREES) / (1 - level) * (DEGREES + q**2) / (DEGREES - 1))


@pytest.mark.parametrize("level", LEVELS)
def test_fz0_is_minimal_at_the_value_at_risk_and_expected_shortfall_of_a_t_distribution(level):
    best = minimize(
        lambda x: fz0(SAMPLE, x[0], x[0] + np.exp(x[1]), level).mean(),
        x0=[1.0, 1.0],
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-10},
    )
    var, es = true_tail(level)
    assert best.x[0] == pytest.approx(var, rel=2e-3)
    assert best.x[0] + np.exp(best.x[1]) == pytest.approx(es, rel=2e-3)


@given(
    losses=st.lists(st.floats(-1, 1), min_size=3, max_size=40),
    index=st.integers(0, 10_000),
    stretch=st.floats(0, 2),
    level=st.sampled_from(LEVELS),
)
def test_no_forecast_beats_the_truth_of_a_discrete_distribution(losses, index, stretch, level):
    values = np.sort(np.asarray(losses)) + 2.0  # keeps es positive
    var = values[int(np.ceil(level * len(values) - 1e-9)) - 1]
    es = var + np.maximum(values - var, 0).mean() / (1 - level)
    best = fz0(values, var, es, level).mean()
    other = values[index % len(values)] * (0.5 + stretch / 2)
    assert fz0(values, other, other * (1 + stretch), level).mean() >= best - 1e-9
    assert fz0(values, var, es * (0.5 + stretch), level).mean() >= best - 1e-9
    assert pinball(values, other, level).mean() >= pinball(values, var, level).mean() - 1e-12


@pytest.mark.parametrize("level", LEVELS)
def test_pinball_is_minimal_at_the_quantile(level):
    best = minimize_scalar(lambda v: pinball(SAMPLE, v, level).mean(), bounds=(0, 20), method="bounded")
    assert best.x == pytest.approx(true_tail(level)[0], rel=2e-3)


def test_fz0_of_one_row_by_hand():
    # level 0.9, loss 5, var 3, es 4: (5-3)/(0.1*4) + 3/4 + log 4 - 1
    assert fz0(5.0, 3.0, 4.0, 0.9) == pytest.approx(5.0 + 0.75 + np.log(4.0) - 1.0)
    assert fz0(2.0, 3.0, 4.0, 0.9) == pytest.approx(0.75 + np.log(4.0) - 1.0)
    assert fz0(-7.0, 3.0, 4.0, 0.9) == fz0(3.0, 3.0, 4.0, 0.9)


@given(unit=st.floats(0.01, 100), loss=st.floats(-1, 1), var=st.floats(0.01, 1), extra=st.floats(0, 1))
def test_a_change_of_units_shifts_fz0_by_a_constant(unit, loss, var, extra):
    moved = fz0(unit * loss, unit * var, unit * (var + extra), 0.99)
    assert moved == pytest.approx(fz0(loss, var, var + extra, 0.99) + np.log(unit), abs=1e-6, rel=1e-9)


@given(truth=st.floats(0.001, 0.999), forecast=st.floats(0.001, 0.999))
def test_log_loss_is_minimal_at_the_true_probability(truth, forecast):
    expected = truth * log_loss(1, forecast) + (1 - truth) * log_loss(0, forecast)
    best = truth * log_loss(1, truth) + (1 - truth) * log_loss(0, truth)
    assert expected >= best - 1e-12


def test_log_loss_by_hand():
    assert log_loss([1, 0], [0.25, 0.25]) == pytest.approx([np.log(4), -np.log(0.75)])
    assert log_loss(1, 0.0) == np.inf
    assert log_loss(0, 0.0) == 0.0


def test_a_missing_value_gives_a_missing_score():
    nan = np.nan
    assert np.isnan(fz0([nan, 1.0, 1.0], [1.0, nan, 1.0], [2.0, 2.0, nan], 0.99)).all()
    assert np.isnan(pinball([nan, 1.0], [1.0, nan], 0.99)).all()
    assert np.isnan(log_loss([nan, 1.0], [0.5, nan])).all()


def test_undefined_scores_are_refused_never_flattering():
    with pytest.raises(ValueError, match="1 of 2 values"):
        fz0([0.1, 0.1], [0.1, 0.1], [0.2, 0.0], 0.99)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        log_loss(1, 1.2)
    with pytest.raises(ValueError, match="confidence"):
        pinball(0.1, 0.1, 0.01)
    with pytest.raises(ValueError, match="confidence"):
        fz0(0.1, 0.1, 0.2, 0.01)
