"""A factor on the tails, a symbol of its own and missing forecasts are seen; one refit apart is not."""

import numpy as np
import pytest

from levercap.evidence.checks import failures
from levercap.evidence.fidelity import FidelityRule, fidelity_checks
from support.known_bundles import out_of_sample

NUMBERS = ["var", "es", "path_var", "path_es"]


def history(days=90):
    return out_of_sample(days=days).tails


def scaled(tails, factor, symbol=None):
    rows = tails["symbol"] == symbol if symbol else np.ones(len(tails), dtype=bool)
    changed = tails.copy()
    changed.loc[rows, NUMBERS] *= factor
    return changed


def noisy(tails, deviation=0.05):
    """The same forecasts as another refit makes them: each off by some percent."""
    noise = np.exp(np.random.default_rng(2).normal(0.0, deviation, len(tails)))
    return tails.assign(**{name: tails[name] * noise for name in NUMBERS})


@pytest.mark.parametrize("factor", [0.95, 1.0, 1.1])
def test_one_refit_apart_passes(factor):
    assert failures(fidelity_checks(scaled(noisy(history()), factor), history())) == []


@pytest.mark.parametrize(("factor", "what"), [(0.9, "mean"), (0.5, "path_var"), (1.6, "mean")])
def test_a_factor_is_refused(factor, what):
    failed = failures(fidelity_checks(scaled(noisy(history()), factor), history()))
    assert any(what in text for text in failed)
    assert all("the last 90 days of the training" in text for text in failed)


@pytest.mark.parametrize(("factor", "which"), [(0.7, "mildest"), (4.0, "strictest")])
def test_one_symbol_is_named(factor, which):
    failed = failures(fidelity_checks(scaled(history(), factor, "S3"), history()))
    assert [("S3" in text, which in text) for text in failed] == [(True, True)]


def test_forecasts_that_are_missing_or_no_number_are_refused():
    full = history()
    lost = full[(full["symbol"] != "S1") | (full["as_of"] < full["as_of"].quantile(0.5))]
    assert any("share of the history" in text for text in failures(fidelity_checks(lost, full)))
    assert failures(fidelity_checks(full[:0], full))
    broken = full.assign(es=0.0)
    assert any("mean: nan" in text for text in failures(fidelity_checks(broken, full)))


@pytest.mark.parametrize("value", [np.nan, 0.0, -0.1, np.inf])
@pytest.mark.parametrize("rows", ["symbol", "one"])
def test_forecasts_of_one_symbol_that_are_no_losses_are_refused(value, rows):
    full = history()
    own = full["symbol"] == "S3" if rows == "symbol" else full.index == full.index[7]
    (failed,) = failures(fidelity_checks(full.assign(es=full["es"].mask(own, value)), full))
    assert f"forecasts that are unusable: {own.sum()}," in failed


def test_a_few_days_decide_nothing():
    few = history(days=FidelityRule().smallest_days - 1)
    assert any("days in common" in text for text in failures(fidelity_checks(few, few)))
