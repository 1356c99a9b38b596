"""Bets against forecasts: expectations by enumeration, closed forms of the best bet, size and power by simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import binom
from scipy.stats import t as student

from levercap.evaluation.sequential.anytime import (
    Betting,
    bet,
    fractions_from_evalues,
    fractions_from_losses,
    sequential_es,
    sequential_var,
)
from levercap.evaluation.sequential.evalues import es_evalues, panel_evalues, var_evalues

LEVEL = 0.975
VAR = float(student.ppf(LEVEL, 5))
ES = quad(lambda x: x * student.pdf(x, 5), VAR, np.inf)[0] / (1 - LEVEL)


def mean_e(var: float, es: float) -> float:
    """Expected e-value of a forecast for a t loss with five degrees, by integration."""
    inside = quad(lambda x: (x - var) * student.pdf(x, 5), var, np.inf)[0]
    return inside / ((1 - LEVEL) * (es - var))


def test_e_values_are_one_on_average_at_the_truth_and_at_most_one_when_forecasts_are_larger():
    assert mean_e(VAR, ES) == pytest.approx(1.0)
    assert mean_e(VAR, 1.2 * ES) < 1
    assert mean_e(1.2 * VAR, 1.2 * ES) < 1
    assert mean_e(0.8 * VAR, 0.8 * ES) > 1.2
    assert mean_e(VAR, 0.9 * ES) > 1.2
    assert mean_e(1.1 * VAR, ES) > 1  # a wrong value at risk is not excused by a right expected shortfall
    sample = student.rvs(5, size=200_000, random_state=np.random.default_rng(0))
    values = es_evalues(sample, VAR, ES, LEVEL)
    assert values.mean() == pytest.approx(1.0, abs=4 * values.std() / np.sqrt(len(sample)))
    assert var_evalues(sample, VAR, LEVEL).mean() == pytest.approx(1.0, abs=0.1)


def test_e_values_by_hand_and_at_the_edges():
    assert es_evalues([0.05, 0.2, 0.0], 0.1, 0.15, 0.99) == pytest.approx([0.0, 0.1 / (0.01 * 0.05), 0.0])
    assert var_evalues([0.1, 0.2, np.nan], 0.1, 0.99) == pytest.approx([0.0, 100.0, np.nan], nan_ok=True)
    assert es_evalues([0.2, 0.1], 0.1, 0.1, 0.99).tolist() == [np.inf, 0.0]
    assert np.isnan(es_evalues([0.2, 0.2], [np.nan, 0.1], [0.3, np.nan], 0.99)).all()
    with pytest.raises(ValueError, match="1 of 2 forecasts"):
        es_evalues([0.1, 0.1], [0.1, 0.2], [0.2, 0.1], 0.99)
    with pytest.raises(ValueError, match="confidence"):
        var_evalues([0.1], [0.1], 0.01)
    panel = panel_evalues([[1.0, 3.0], [np.nan, 5.0], [np.nan, np.nan]])
    assert panel == pytest.approx([2.0, 5.0, np.nan], nan_ok=True)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=30), st.sampled_from([0.2, 0.5, 0.9]))
def test_shares_are_what_would_have_grown_wealth_most(values, cap):
    past = np.array(values)
    share = fractions_from_evalues(np.append(past, 0.0), cap)[-1]

    def growth(x: float) -> float:
        return float(np.mean(np.log(1 - x + x * past)))

    best = minimize_scalar(lambda x: -growth(x), bounds=(0, cap), method="bounded", options={"xatol": 1e-10})
    assert 0 <= share <= cap
    assert growth(share) >= max(-best.fun, growth(0), growth(cap)) - 1e-9


def test_the_best_bet_on_hits_is_their_excess_over_the_nominal_rate():
    hits = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=float)
    shares = fractions_from_evalues(hits / 0.025, cap=0.5)
    for day in range(1, len(hits)):
        rate = hits[:day].mean()
        assert shares[day] == pytest.approx(np.clip((rate - 0.025) / 0.975, 0, 0.5), abs=1e-9)
    assert shares[0] == 0


def test_shares_from_losses_look_at_the_past_through_todays_forecast():
    rng = np.random.default_rng(1)
    loss, scale = rng.normal(size=(25, 3)), np.exp(0.2 * rng.normal(size=(25, 3)))
    loss[4, 1] = np.nan
    var, es = 0.8 * scale, 1.2 * scale
    shares = fractions_from_losses(loss, var, es, 0.9)
    for day in (5, 12, 24):
        seen = [
            np.mean([
                max(loss[s, i] - var[day, i], 0) / (0.1 * (es[day, i] - var[day, i]))
                for i in range(3) if not np.isnan(loss[s, i])
            ])
            for s in range(day)
        ]  # fmt: skip
        assert shares[day] == pytest.approx(fractions_from_evalues(np.append(seen, 0.0))[-1], abs=1e-9)
    same = fractions_from_losses(loss[:, 0], np.full(25, 0.8), None, 0.9)
    assert same == pytest.approx(fractions_from_evalues(var_evalues(loss[:, 0], 0.8, 0.9)), abs=1e-9)


def test_shares_come_from_the_past_alone():
    rng = np.random.default_rng(2)
    loss = rng.standard_t(5, size=60)
    other = loss.copy()
    other[40:] = 9.0
    for rule in ("gree", "grel", "grem"):
        one = sequential_es(loss, np.full(60, 1.0), np.full(60, 1.6), 0.9, rule)
        two = sequential_es(other, np.full(60, 1.0), np.full(60, 1.6), 0.9, rule)
        assert one.fraction[:41] == pytest.approx(two.fraction[:41])


@pytest.mark.parametrize("rule", list(Betting))
def test_wealth_against_the_truth_is_one_on_average_by_enumeration(rule):
    days, rate = 9, 0.25
    expected, alarmed = 0.0, 0.0
    var = np.linspace(1.0, 2.0, days)
    for hits in product((0.0, 1.0), repeat=days):
        chance = np.prod([rate if hit else 1 - rate for hit in hits])
        test = sequential_var(var + np.array(hits) - 0.5, var, 1 - rate, rule, alarm=4.0)
        expected += chance * test.wealth[-1]
        alarmed += chance * (test.alarm is not None)
        assert test.p_value == pytest.approx(1 / max(1.0, test.wealth.max()))
    assert expected == pytest.approx(1.0)
    assert 0 < alarmed <= 1 / 4


def test_mixed_bets_are_half_of_each_and_the_reported_share_makes_their_wealth():
    rng = np.random.default_rng(3)
    loss, var = rng.standard_t(5, size=120), np.exp(0.1 * rng.normal(size=120))
    runs = {rule: sequential_es(loss, var, 1.5 * var, 0.9, rule) for rule in Betting}
    mixed = runs[Betting.GREM]
    assert mixed.wealth == pytest.approx(0.5 * (runs[Betting.GREE].wealth + runs[Betting.GREL].wealth))
    assert bet(mixed.e_value, mixed.fraction).wealth == pytest.approx(mixed.wealth)
    assert runs[Betting.FIXED].fraction == pytest.approx(np.full(120, 0.5))


def test_alarm_is_the_first_day_at_the_threshold_and_stays():
    test = bet([3.0, 0.0, np.nan, 9.0, 0.0], 0.5, alarm=5.0)
    assert test.wealth == pytest.approx([2.0, 1.0, 1.0, 5.0, 2.5])
    assert (test.alarm, test.largest, test.p_value) == (3, 5.0, 0.2)
    assert test.fraction.tolist() == [0.5, 0.5, 0.0, 0.5, 0.5]
    quiet = bet(np.zeros(4), 0.1)
    assert (quiet.alarm, quiet.p_value) == (None, 1.0)
    certain = bet([0.0, np.inf, 0.0], 0.5)
    assert certain.wealth.tolist() == [0.5, np.inf, np.inf]
    assert certain.p_value == 0.0


@pytest.mark.parametrize(("rule", "days", "runs"), [("gree", 250, 120), ("grem", 100, 60)])
def test_false_alarms_are_rare_however_instruments_move_together(rule, days, runs):
    rng = np.random.default_rng(4)
    alarms = 0
    for i in range(runs):
        common = rng.standard_t(5, size=(days, 1))
        loss = np.broadcast_to(common, (days, 4)) if i % 2 else rng.standard_t(5, size=(days, 4))
        scale = np.exp(0.3 * rng.normal(size=(days, 4)))
        alarms += sequential_es(loss * scale, VAR * scale, ES * scale, LEVEL, rule).alarm is not None
    assert alarms <= binom.ppf(0.999, runs, 0.05)


def test_forecasts_that_are_too_small_are_found_and_cautious_ones_are_not():
    rng = np.random.default_rng(5)
    small, milder, cautious = [], [], []
    for _ in range(12):
        loss = rng.standard_t(5, size=(300, 5))
        ones = np.ones_like(loss)
        small.append(sequential_var(loss, 0.75 * VAR * ones, LEVEL).alarm)
        milder.append(sequential_es(loss, VAR * ones, 0.75 * ES * ones, LEVEL, "gree").alarm)
        cautious.append(sequential_es(loss, 1.2 * VAR * ones, 1.2 * ES * ones, LEVEL).alarm)
    assert np.mean([alarm is not None for alarm in small]) > 0.8
    assert np.mean([alarm is not None for alarm in milder]) > 0.6
    assert all(alarm is None for alarm in cautious)


def test_bets_that_cannot_be_made_are_refused():
    with pytest.raises(ValueError, match="below 1"):
        bet([1.0], [1.0])
    with pytest.raises(ValueError, match="not negative"):
        bet([-0.1], [0.5])
    with pytest.raises(ValueError, match="panel_evalues"):
        bet(np.ones((3, 2)), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        sequential_var([0.1], [0.1], 0.99, cap=1.0)
    with pytest.raises(ValueError, match="not a valid Betting"):
        sequential_var([0.1], [0.1], 0.99, "all_in")
