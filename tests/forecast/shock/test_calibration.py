"""Calibration line: the posterior mode under a prior centred on the identity, with days as the evidence."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from levercap.forecast.shock.calibration import calibration_line, day_clustering


def draw(days=400, coins=20, intercept=0.0, slope=1.0, common=0.0, seed=0):
    """Scores, events and days; `common` is the deviation of what all coins of a day share and no score knows."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), coins)
    score = rng.normal(-2.5, 1.0, days * coins)
    shared = common * rng.normal(size=days)[day]
    return score, rng.random(len(score)) < expit(intercept + slope * score + shared), day


def test_the_line_is_the_mode_of_the_posterior():
    score, event, day = draw(intercept=0.5, slope=0.7, common=0.8)
    p = expit(score)
    centre = np.average(score, weights=p * (1 - p))
    daily = np.array([(event - p)[day == d].sum() for d in np.unique(day)])
    effect = (daily**2).sum() / ((event - p) ** 2).sum()

    def negative_log_posterior(x):
        s = score + x[0] + x[1] * (score - centre)
        likelihood = np.where(event, np.log(expit(s)), np.log(expit(-s))).sum() / effect
        return -likelihood + 0.5 * np.sum((x / np.array([0.05, 0.1])) ** 2)

    x = minimize(negative_log_posterior, np.zeros(2), options={"gtol": 1e-9}).x
    assert calibration_line(score, event, day) == pytest.approx((x[0] - x[1] * centre, 1 + x[1]), abs=1e-5)


def test_with_many_days_the_truth_prevails():
    score, event, day = draw(days=60_000, coins=3, intercept=0.4, slope=1.3)
    assert calibration_line(score, event, day) == pytest.approx((0.4, 1.3), abs=0.1)


def test_without_much_evidence_the_identity_stays():
    score, event, day = draw(days=10, coins=20, intercept=1.0, slope=0.5)
    intercept, slope = calibration_line(score, event, day)
    assert abs(intercept) < 0.3
    assert slope == pytest.approx(1.0, abs=0.1)


def test_events_that_come_together_count_as_fewer():
    alone, together = (draw(intercept=0.3, common=c, seed=4) for c in (0.0, 3.0))
    effects = [day_clustering(event - expit(score), day) for score, event, day in (alone, together)]
    assert effects[0] == pytest.approx(1.0, abs=0.25)
    assert effects[1] > 3.0


def test_copies_of_every_row_teach_nothing_new():
    score, event, day = draw(intercept=0.4, slope=0.8, common=0.8)
    copies = [np.tile(x, 5) for x in (score, event, day)]
    once, often = (day_clustering(e - expit(s), d) for s, e, d in ((score, event, day), copies))
    assert often == pytest.approx(5 * once)
    assert calibration_line(*copies) == pytest.approx(calibration_line(score, event, day))


def test_one_row_a_day_counts_in_full():
    rng = np.random.default_rng(0)
    assert day_clustering(rng.normal(size=50), np.arange(50)) == pytest.approx(1.0)
    assert day_clustering(np.zeros(5), np.arange(5)) == 1.0
    assert day_clustering(np.ones(6), np.repeat([0, 1], 3)) == pytest.approx(3.0)


def test_the_order_of_rows_does_not_matter():
    score, event, day = draw(intercept=0.3)
    order = np.random.default_rng(1).permutation(len(score))
    assert calibration_line(score[order], event[order], day[order]) == pytest.approx(
        calibration_line(score, event, day)
    )
