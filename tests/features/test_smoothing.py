"""Smoothing against slow twins that look back value by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.features.smoothing import daily_phase_ewma, ewma, rolling_max, rolling_mean, rolling_min
from support.properties import examples


def values_with_holes(seed, hours=150, symbols=3, missing=0.2):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (hours, symbols))
    values[rng.random(values.shape) < missing] = np.nan
    values[:, 2] = np.nan
    values[40:, 2] = rng.normal(0, 1, hours - 40)
    return values


def there(values):
    return [v for v in values if not math.isnan(v)]


def slow(values, number):
    """Array whose entry (i, j) is ``number(values 0..i of column j)``."""
    out = np.full(values.shape, np.nan)
    for j in range(values.shape[1]):
        for i in range(len(values)):
            out[i, j] = number(values[: i + 1, j])
    return out


def weighted_mean(past, decay, minimum):
    """Newest weighs one, every older value that is there `decay` times the next."""
    some = there(past)[::-1]
    if len(some) < minimum:
        return math.nan
    weights = [decay**k for k in range(len(some))]
    return sum(w * v for w, v in zip(weights, some, strict=True)) / sum(weights)


@examples(15)
@given(seed=st.integers(0, 9999), hours=st.sampled_from([1, 2, 7, 24]), share=st.sampled_from([0.1, 0.5, 1.0]))
def test_rolling_mean(seed, hours, share):
    def number(past):
        window = there(past[-hours:])
        return sum(window) / len(window) if len(window) >= max(1, share * hours) else math.nan

    values = values_with_holes(seed)
    np.testing.assert_allclose(rolling_mean(values, hours, share), slow(values, number), rtol=1e-9, atol=1e-12)


@examples(10)
@given(seed=st.integers(0, 9999), hours=st.sampled_from([2, 7, 24]))
def test_rolling_extremes(seed, hours):
    def largest(past):
        window = there(past[-hours:])
        return max(window) if len(window) >= hours // 2 else math.nan

    values = values_with_holes(seed)
    np.testing.assert_array_equal(rolling_max(values, hours), slow(values, largest))
    np.testing.assert_array_equal(rolling_min(values, hours), -slow(-values, largest))


@examples(10)
@given(seed=st.integers(0, 9999), half_life=st.sampled_from([1.0, 12.0, 100.0]), minimum=st.sampled_from([1, 24]))
def test_ewma(seed, half_life, minimum):
    values = values_with_holes(seed)
    expected = slow(values, lambda past: weighted_mean(past, 0.5 ** (1 / half_life), minimum))
    np.testing.assert_allclose(ewma(values, half_life, minimum), expected, rtol=1e-10)


@examples(10)
@given(seed=st.integers(0, 9999), decay=st.sampled_from([0.9, 0.998]), hours=st.sampled_from([150, 144, 25, 3]))
def test_daily_phase_ewma(seed, decay, hours):
    values = values_with_holes(seed)[:hours]
    expected = slow(values, lambda past: weighted_mean(past[(len(past) - 1) % 24 :: 24], decay, 3))
    np.testing.assert_allclose(daily_phase_ewma(values, decay, 3), expected, rtol=1e-10)


@pytest.mark.parametrize(
    "smooth",
    [
        lambda v: rolling_mean(v, 24),
        lambda v: ewma(v, 48.0),
        lambda v: daily_phase_ewma(v, 0.9, 2),
        lambda v: rolling_max(v, 24),
    ],
)
def test_the_past_is_the_same_bit_for_bit_whatever_follows(smooth):
    values = values_with_holes(3, hours=300)
    whole = smooth(values)
    for n in (1, 23, 24, 101, 299):
        np.testing.assert_array_equal(smooth(values[:n]), whole[:n])
