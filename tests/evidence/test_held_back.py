"""Forecasts of known truth on days after the training: the right ones pass, those that are too mild do not."""

import pytest

from levercap.evidence.checks import failures
from levercap.evidence.held_back import HeldBackRule, held_back_checks
from support.known_bundles import out_of_sample


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_truth_passes_with_and_without_a_champion(seed):
    truth, flat = out_of_sample(days=90, seed=seed), out_of_sample(days=90, seed=seed, informed=False)
    for champion in (None, flat.tails):
        assert failures(held_back_checks(truth.tails, champion, truth.outcomes)) == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_forecasts_that_are_far_too_mild_are_refused(seed):
    mild = out_of_sample(days=90, seed=seed, factor=0.7)
    failed = failures(held_back_checks(mild.tails, None, mild.outcomes))
    assert any("hit rate over nominal" in text for text in failed)
    assert any("expected shortfall" in text for text in failed)


def test_a_champion_that_is_clearly_better_is_not_replaced():
    truth, cautious = out_of_sample(days=90), out_of_sample(days=90, factor=2.5)
    failed = failures(held_back_checks(cautious.tails, truth.tails, truth.outcomes))
    assert any("FZ0 difference to the champion" in text for text in failed)


def test_too_few_days_or_unusable_forecasts_are_refused():
    few = out_of_sample(days=HeldBackRule().smallest_days - 1)
    assert any("held-back days" in text for text in failures(held_back_checks(few.tails, None, few.outcomes)))
    truth = out_of_sample(days=90)
    broken = truth.tails.assign(es=truth.tails["var"] * 0.5)
    assert any("unusable" in text for text in failures(held_back_checks(broken, None, truth.outcomes)))
