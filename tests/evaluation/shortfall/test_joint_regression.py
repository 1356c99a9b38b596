"""Joint quantile and shortfall regression: against scikit-learn, closed forms, brute force and published truths."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import QuantileRegressor

from levercap.core.errors import LevercapError
from levercap.evaluation import fz0, pinball
from levercap.evaluation.shortfall.joint_regression import (
    JointProblem,
    fit_joint,
    shortfall_scores,
)
from levercap.evaluation.shortfall.quantile_regression import quantile_regression

LEVEL, RATE = 0.975, 0.025


def regression(rng: np.random.Generator, rows: int):
    """Losses whose quantile and expected shortfall are linear in x; Student tails."""
    x = np.exp(rng.normal(0, 0.4, rows))
    return x * rng.standard_t(5, rows), np.column_stack([np.ones(rows), x])


def problem(loss: np.ndarray, design: np.ndarray, level: float = LEVEL) -> JointProblem:
    return JointProblem(loss, design, design, np.zeros(len(loss)), level)


def equal(rows: int) -> np.ndarray:
    return np.full(rows, 1 / rows)


@pytest.mark.parametrize("level", [0.9, 0.975])
def test_quantile_regression_agrees_with_scikit_learn(level):
    loss, design = regression(np.random.default_rng(1), 400)
    weights = np.random.default_rng(2).random(400)
    reference = QuantileRegressor(quantile=level, alpha=0.0).fit(design[:, 1:], loss, sample_weight=weights)
    found = quantile_regression(loss, design, level, weights)
    score = weights @ pinball(loss, design @ found, level)
    best = weights @ pinball(loss, reference.predict(design[:, 1:]), level)
    assert score == pytest.approx(best, rel=1e-9)
    assert found == pytest.approx([reference.intercept_, reference.coef_[0]], rel=1e-6)


def test_quantile_regression_on_a_constant_is_a_quantile_and_weights_are_copies():
    loss = np.random.default_rng(3).normal(size=399)
    assert quantile_regression(loss, np.ones((399, 1)), LEVEL)[0] == pytest.approx(np.sort(loss)[389])
    loss, design = regression(np.random.default_rng(4), 200)
    copies = np.random.default_rng(5).integers(0, 4, 200)
    repeated = quantile_regression(np.repeat(loss, copies), np.repeat(design, copies, axis=0), LEVEL)
    assert quantile_regression(loss, design, LEVEL, copies.astype(float)) == pytest.approx(repeated)


@pytest.mark.parametrize("near", [np.array([0.0, 2.57]), np.array([0.4, 2.0]), np.array([5.0, -3.0])])
def test_knowing_a_line_nearby_or_a_wrong_one_does_not_change_the_answer(near):
    loss, design = regression(np.random.default_rng(6), 6000)
    plain = quantile_regression(loss[:4000], design[:4000], LEVEL)
    assert quantile_regression(loss[:4000], design[:4000], LEVEL, near=near) == pytest.approx(plain)
    # a sample large enough to be thinned first: nothing near the answer does better
    found = quantile_regression(loss, design, LEVEL)
    best = pinball(loss, design @ found, LEVEL).mean()
    for step in 0.01 * np.random.default_rng(7).normal(size=(50, 2)):
        assert pinball(loss, design @ (found + step), LEVEL).mean() >= best - 1e-12


def test_collinear_columns_have_no_single_solution():
    loss, design = regression(np.random.default_rng(8), 100)
    with pytest.raises(LevercapError, match="column"):
        quantile_regression(loss, np.column_stack([design, 0 * loss]), LEVEL)


def test_fit_of_constants_is_the_quantile_and_the_mean_beyond_it():
    loss = 3 + np.random.default_rng(9).standard_t(5, 1001)
    ordered = np.sort(loss)
    var = ordered[975]  # the 976th of 1001: 25 beyond
    es = var + (ordered[976:] - var).sum() / (RATE * 1001)
    fit = fit_joint(problem(loss, np.ones((1001, 1))), equal(1001), [np.array([5.0])])
    assert (fit.quantile[0], fit.shortfall[0]) == pytest.approx((var, es))
    assert fit.score == pytest.approx(fz0(loss, var, es, LEVEL).mean())


@pytest.mark.parametrize(("rows", "seed"), [(250, 1), (250, 2), (600, 3)])
def test_brute_force_finds_nothing_better(rows, seed):
    rng = np.random.default_rng(seed)
    loss, design = regression(rng, rows)
    starts = [np.array([tilt, 3.5 - tilt]) for tilt in (-1.0, 0.0, 1.0, 2.0)]
    fit = fit_joint(problem(loss, design), equal(rows), starts)

    def score(b: np.ndarray) -> float:
        es = design @ b[2:]
        return float(fz0(loss, design @ b[:2], es, LEVEL).mean()) if es.min() > 0.05 else np.inf

    assert score(np.concatenate([fit.quantile, fit.shortfall])) == pytest.approx(fit.score)
    for _ in range(8):
        start = np.array([0, 2.6, 0, 3.5]) + rng.normal(0, 0.5, 4)
        if np.isfinite(score(start)):
            assert minimize(score, start, method="Nelder-Mead", options={"maxiter": 4000}).fun >= fit.score - 1e-8


def test_estimating_equations_hold_at_the_fit_and_are_the_slope_of_the_score():
    loss, design = regression(np.random.default_rng(10), 500)
    p = problem(loss, design)
    fit = fit_joint(p, equal(500), [np.array([0.0, 3.5])])
    scores, _ = shortfall_scores(p, fit)
    assert scores.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)
    var, shift = design @ fit.quantile, np.array([0.3, 0.2])
    moved = type(fit)(fit.quantile, fit.shortfall + shift, 0.0)
    slope = shortfall_scores(p, moved)[0].mean(axis=0)
    for i, step in enumerate(np.eye(2) * 1e-5):
        above = fz0(loss, var, design @ (moved.shortfall + step), LEVEL).mean()
        below = fz0(loss, var, design @ (moved.shortfall - step), LEVEL).mean()
        assert -(above - below) / 2e-5 == pytest.approx(slope[i], rel=1e-4)


def test_published_truth_of_a_simulated_regression():
    """Dimitriadis and Bayer (2019), design 2: y = -x + (1 + x / 2) z with x chi-squared, at 2.5 %.

    Its coefficients are (-1.959964, -1.979982) for the quantile and (-2.337803, -2.168901) for the expected shortfall;
    here with the signs of losses.
    """
    rng = np.random.default_rng(11)
    x = rng.chisquare(1, 30_000)
    loss = x + (1 + 0.5 * x) * rng.normal(size=30_000)
    design = np.column_stack([np.ones_like(x), x])
    fit = fit_joint(problem(loss, design), equal(30_000), [np.array([2.0, 2.0])])
    assert fit.quantile == pytest.approx([1.959964, 1.979982], abs=0.1)
    assert fit.shortfall == pytest.approx([2.337803, 2.168901], abs=0.1)


def test_starts_that_cannot_be_are_left_out_but_for_the_first():
    loss, design = regression(np.random.default_rng(13), 300)
    good, bad = np.array([0.0, 3.5]), np.array([-9.0, 0.0])
    one = fit_joint(problem(loss, design), equal(300), [good])
    assert fit_joint(problem(loss, design), equal(300), [good, bad]).score == one.score
    with pytest.raises(ValueError, match="300 rows no positive"):
        fit_joint(problem(loss, design), equal(300), [bad, good])
