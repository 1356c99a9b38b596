import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit
from scipy.stats import binomtest

from levercap.evaluation import brier_decomposition, cox_calibration, reliability_table, wilson_interval


@pytest.fixture(scope="module")
def forecasts():
    rng = np.random.default_rng(0)
    truth = expit(rng.normal(-3, 1, 20_000))
    return truth, (rng.random(20_000) < truth).astype(float)


@given(events=st.integers(0, 50), more=st.integers(1, 50))
def test_wilson_interval_agrees_with_scipy(events, more):
    low, high = wilson_interval(events, events + more)
    reference = binomtest(events, events + more).proportion_ci(method="wilson")
    assert (float(low), float(high)) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_reliability_of_true_probabilities_lies_on_the_diagonal(forecasts):
    truth, event = forecasts
    table = reliability_table(event, truth, bins=10)
    assert (table["count"] == 2000).all()
    assert table["predicted"].is_monotonic_increasing
    assert table["events"].sum() == event.sum()
    inside = (table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])
    assert inside.sum() >= 9
    wrong = reliability_table(event, np.sqrt(truth), bins=10)
    assert not ((wrong["low"] <= wrong["predicted"]) & (wrong["predicted"] <= wrong["high"])).any()


def test_reliability_bins_never_split_equal_probabilities_and_drop_unknown_rows():
    probability = np.array([0.1] * 7 + [0.2] * 3 + [np.nan, 0.5])
    event = np.array([0, 1] * 5 + [1, np.nan])
    table = reliability_table(event, probability, bins=5)
    assert table["count"].tolist() == [7, 3]
    assert table["predicted"].tolist() == pytest.approx([0.1, 0.2])
    assert table["observed"].tolist() == pytest.approx([3 / 7, 2 / 3])


def test_events_of_one_day_widen_the_interval():
    rng = np.random.default_rng(1)
    day = np.arange(200).repeat(20)
    together = np.repeat(rng.random(200) < 0.1, 20).astype(float)
    probability = np.full(4000, 0.1)
    plain = reliability_table(together, probability, bins=1).iloc[0]
    clustered = reliability_table(together, probability, bins=1, day=day).iloc[0]
    assert clustered["effective_count"] == pytest.approx(200, rel=0.02)
    assert clustered["high"] - clustered["low"] > 3 * (plain["high"] - plain["low"])
    alone = (rng.random(4000) < 0.1).astype(float)
    assert reliability_table(alone, probability, bins=1, day=day).iloc[0]["effective_count"] > 2500


@given(
    probability=arrays(float, 30, elements=st.floats(0, 1)),
    event=arrays(float, 30, elements=st.sampled_from([0.0, 1.0])),
)
def test_parts_of_the_brier_score_add_up_and_are_not_negative(probability, event):
    parts = brier_decomposition(event, probability)
    assert parts.brier == pytest.approx(np.mean((probability - event) ** 2))
    assert parts.brier == pytest.approx(parts.miscalibration - parts.discrimination + parts.uncertainty, abs=1e-9)
    assert parts.miscalibration >= 0
    assert 0 <= parts.discrimination <= parts.uncertainty + 1e-12
    assert parts.uncertainty == pytest.approx(event.mean() * (1 - event.mean()))


def test_miscalibration_sees_wrong_levels_and_discrimination_only_the_order(forecasts):
    truth, event = forecasts
    right, wrong = brier_decomposition(event, truth), brier_decomposition(event, truth**0.5)
    assert right.miscalibration < 0.02 * right.uncertainty
    assert wrong.miscalibration > 10 * right.miscalibration
    assert wrong.discrimination == pytest.approx(right.discrimination, rel=1e-6)
    constant = brier_decomposition(event, np.full_like(event, event.mean()))
    assert (constant.miscalibration, constant.discrimination) == pytest.approx((0, 0), abs=1e-12)


def test_calibration_line_recovers_a_known_distortion(forecasts):
    truth, event = forecasts
    assert cox_calibration(event, truth) == pytest.approx((0.0, 1.0), abs=0.1)
    distorted = expit((logit(truth) + 0.5) * 2.0)  # logit(truth) = logit(distorted) / 2 - 0.5
    assert cox_calibration(event, distorted) == pytest.approx((-0.5, 0.5), abs=0.1)


def test_calibration_line_solves_the_score_equations(forecasts):
    truth, event = forecasts
    probability = truth[:500] ** 0.7
    intercept, slope = cox_calibration(event[:500], probability)
    residual = event[:500] - expit(intercept + slope * logit(probability))
    assert residual.sum() == pytest.approx(0, abs=1e-6)
    assert (residual * logit(probability)).sum() == pytest.approx(0, abs=1e-6)


def test_a_line_that_the_data_do_not_identify_is_missing():
    assert np.isnan(cox_calibration([0, 0, 0], [0.1, 0.2, 0.3])).all()
    assert np.isnan(cox_calibration([0, 1, 0], [0.2, 0.2, 0.2])).all()


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="events must be 0 or 1"):
        brier_decomposition([0.5], [0.5])
    with pytest.raises(ValueError, match="no row"):
        reliability_table([np.nan], [0.5])
