"""The three zones of the comparative backtest."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from levercap.evaluation import Light, fz0
from levercap.evaluation.comparison.zones import three_zones
from support.student_panels import LEVEL, student_panel


def test_three_zones_by_hand():
    rng = np.random.default_rng(8)
    score, standard = rng.normal(size=400), rng.normal(size=400)
    d = score - standard
    statistic = np.sqrt(400) * d.mean() / d.std()
    zones = three_zones(score, standard, block_days=1)
    assert zones.statistic == pytest.approx(statistic)
    assert zones.p_at_least_as_good == pytest.approx(norm.sf(statistic))
    assert zones.p_at_most_as_good == pytest.approx(norm.cdf(statistic))
    turned = three_zones(standard, score, block_days=1)
    assert turned.p_at_most_as_good == pytest.approx(zones.p_at_least_as_good)
    assert turned.difference == pytest.approx(-zones.difference)
    assert three_zones(score, standard, block_days=None, lags=0).statistic == pytest.approx(statistic)
    assert three_zones(score, score).zone is Light.YELLOW
    assert three_zones(score - 1.0, score).zone is Light.GREEN  # better on every single day by the same amount
    with pytest.raises(ValueError, match="none missing"):
        three_zones([np.nan, 1.0], [0.0, 1.0])


def test_zones_of_the_truth_against_a_forecast_that_is_too_small():
    rng = np.random.default_rng(9)
    greens = reds = 0
    for _ in range(40):
        loss, var, es, day = student_panel(rng, 700, 10)
        true, small = (var, es), (0.7 * var, 0.7 * es)
        right, wrong = fz0(loss, *true, LEVEL), fz0(loss, *small, LEVEL)
        zones = three_zones(right, wrong, day)
        greens += zones.zone is Light.GREEN
        reds += three_zones(wrong, right, day).zone is Light.RED
        assert zones.difference == pytest.approx((right - wrong).reshape(700, 10).mean())
    assert min(greens, reds) / 40 > 0.85


def test_zones_of_equally_good_forecasts_are_yellow_but_for_the_level_of_the_tests():
    """Both forecasts err by the same random factors, exchanged, so neither is better; rows of one day move together."""
    rng = np.random.default_rng(10)
    runs, zones, naive = 400, [], []
    for _ in range(runs):
        loss, var, es, day = student_panel(rng, 400, 8)
        one, two = np.exp(rng.normal(0, 0.3, (2, 400, 1)) + np.zeros((2, 400, 8))).reshape(2, -1)
        score, standard = fz0(loss, one * var, one * es, LEVEL), fz0(loss, two * var, two * es, LEVEL)
        zones.append(three_zones(score, standard, day).zone)
        naive.append(three_zones(score, standard, block_days=1).zone)
    limit = binom.ppf(0.9995, runs, 0.05) / runs
    assert np.mean([zone is Light.RED for zone in zones]) <= limit
    assert np.mean([zone is Light.GREEN for zone in zones]) <= limit
    assert np.mean([zone is not Light.YELLOW for zone in naive]) > 0.2
