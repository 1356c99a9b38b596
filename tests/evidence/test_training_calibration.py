"""Forecasts of known truth are on the scale of the losses; a tenth off is seen in a year of days."""

import pytest

from levercap.evidence.checks import failures
from levercap.evidence.training_calibration import SAMPLE, WHOLE, calibration_checks
from support.known_bundles import out_of_sample


@pytest.mark.parametrize("seed", range(4))
def test_the_truth_passes(seed):
    truth = out_of_sample(days=365, seed=seed)
    assert failures(calibration_checks(truth.tails, truth.outcomes, WHOLE)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_fifth_off_is_refused_by_hits_and_by_shortfall(seed):
    mild = out_of_sample(days=365, seed=seed, factor=0.8)
    failed = failures(calibration_checks(mild.tails, mild.outcomes, WHOLE))
    assert any("hit rate over nominal" in text for text in failed)
    assert any("losses beyond VaR" in text for text in failed)


def test_a_sample_is_given_more_room():
    assert SAMPLE.largest_hit_ratio > WHOLE.largest_hit_ratio
    assert SAMPLE.largest_shortfall_ratio > WHOLE.largest_shortfall_ratio


def test_twice_the_losses_are_refused_as_too_cautious():
    cautious = out_of_sample(days=365, factor=2.0)
    assert any(
        "hit rate over nominal" in text
        for text in failures(calibration_checks(cautious.tails, cautious.outcomes, WHOLE))
    )


def test_too_few_days_decide_nothing():
    few = out_of_sample(days=WHOLE.smallest_days - 1)
    assert any("days of the training" in text for text in failures(calibration_checks(few.tails, few.outcomes, WHOLE)))
