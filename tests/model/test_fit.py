"""Training recipe: models of an instant, fitted from a longer market, are those of the bundle trained until then."""

import dataclasses

import numpy as np
import pandas as pd

from levercap.model.fit import blocks_at, forecaster_at

BLOCKS = ("starts", "weights", "low", "high", "end")


def test_the_blocks_of_an_instant_are_those_of_the_bundle_trained_until_then(fitted):
    forecaster = forecaster_at(fitted.inputs, "levercap", fitted.until)
    found, trained = blocks_at(fitted.inputs, forecaster, fitted.until), fitted.bundle.blocks
    assert forecaster.method == "levercap"
    assert found.symbols == trained.symbols
    for name in BLOCKS:
        np.testing.assert_array_equal(getattr(found, name), getattr(trained, name), strict=True)
    later = blocks_at(fitted.inputs, forecaster, fitted.until + pd.Timedelta(days=30))
    assert later.starts.max() > found.starts.max()


def test_blocks_are_standardised_by_the_method_of_the_forecaster(fitted):
    own, baseline = (forecaster_at(fitted.inputs, method, fitted.until) for method in ("levercap", "b1"))
    assert baseline.method == "b1"
    shared = dataclasses.replace(own, method="b1")
    first, second = (blocks_at(fitted.inputs, forecaster, fitted.until) for forecaster in (own, shared))
    assert first.low.shape != second.low.shape or not np.array_equal(first.low, second.low)


def test_the_difference_of_the_methods_is_computed_once(fitted):
    assert fitted.inputs.difference is fitted.inputs.difference
    assert len(fitted.inputs.difference) > 100
