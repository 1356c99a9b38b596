import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import xlogy
from scipy.stats import binom, norm
from sklearn.isotonic import IsotonicRegression

from levercap.evaluation import brier_decomposition, log_loss
from levercap.evaluation.scores.corp import (
    log_loss_decomposition,
    recalibrated_probability,
    reliability_band,
)

tenths = st.integers(0, 10).map(lambda k: k / 10)
events = arrays(float, 12, elements=st.sampled_from([0.0, 1.0]))


def by_max_min(y, x, statistic) -> np.ndarray:
    """Isotonic fit by its formula: the largest over starts of the smallest over ends of what lies between."""
    knots = np.unique(x)
    fit = {
        knot: max(
            min(statistic(y[(x >= low) & (x <= high)]) for high in knots[knots >= knot]) for low in knots[knots <= knot]
        )
        for knot in knots
    }
    return np.array([fit[value] for value in x])


@given(y=events, p=arrays(float, 12, elements=tenths))
def test_recalibrated_probability_by_formula_and_by_library(y, p):
    got = recalibrated_probability(y, p)
    assert got == pytest.approx(by_max_min(y, p, np.mean))
    assert got == pytest.approx(IsotonicRegression().fit(p, y).predict(p))


@given(y=events, p=arrays(float, 12, elements=tenths.map(lambda t: 0.05 + 0.9 * t)))
def test_parts_of_the_log_loss_add_up_and_are_not_negative(y, p):
    parts = log_loss_decomposition(y, p)
    assert parts.score == pytest.approx(log_loss(y, p).mean())
    assert parts.score == pytest.approx(parts.miscalibration - parts.discrimination + parts.uncertainty)
    assert parts.miscalibration >= 0
    assert 0 <= parts.discrimination <= parts.uncertainty + 1e-12
    rate = y.mean()
    assert parts.uncertainty == pytest.approx(-xlogy(rate, rate) - xlogy(1 - rate, 1 - rate))  # the entropy
    squared = brier_decomposition(y, p)  # one recalibration serves both scores
    recalibrated = np.mean((recalibrated_probability(y, p) - y) ** 2)
    assert squared.brier - squared.miscalibration == pytest.approx(recalibrated)


@given(y=events, p=arrays(float, 12, elements=tenths), curve=st.lists(tenths, min_size=11, max_size=11).map(sorted))
def test_no_other_recalibration_has_a_lower_log_loss(y, p, curve):
    best = log_loss(y, recalibrated_probability(y, p)).mean()
    other = np.array(curve)[np.round(p * 10).astype(int)]
    assert best <= log_loss(y, other).mean() + 1e-12


def test_what_was_called_impossible_is_infinite_miscalibration():
    parts = log_loss_decomposition([1, 0, 0, 1], [0.0, 0.5, 0.2, np.nan])
    assert (parts.score, parts.miscalibration) == (np.inf, np.inf)
    assert np.isfinite([parts.discrimination, parts.uncertainty]).all()


def shock_panel(rng, days=500, symbols=10, common=0.6):
    """True probabilities that move together, and events that come together."""
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.97 * level[day - 1] + 0.2 * rng.normal()
    truth = norm.cdf(-1.5 + 0.5 * level[:, None] + rng.normal(0, 0.2, symbols))
    cause = np.sqrt(common) * rng.normal(size=(days, 1)) + np.sqrt(1 - common) * rng.normal(size=(days, symbols))
    event = norm.cdf(cause) < truth
    return (
        event.ravel().astype(float),
        truth.ravel(),
        np.repeat(np.arange(days), symbols),
        np.arange(days * symbols) % symbols,
    )


def share_inside(rng, distort=lambda p: p, repetitions=30, clustered=True) -> float:
    inside = []
    for seed in range(repetitions):
        y, p, day, symbol = shock_panel(rng)
        if not clustered:
            day, symbol = np.arange(len(y)), np.zeros(len(y))
        block = 20 if clustered else 1
        band = reliability_band(y, distort(p), day, symbol, points=10, block_days=block, draws=60, seed=seed)
        inside.append(((band["low"] <= band["recalibrated"]) & (band["recalibrated"] <= band["high"])).mean())
    return float(np.mean(inside))


def test_the_band_holds_right_forecasts_and_not_wrong_ones():
    right = share_inside(np.random.default_rng(2))
    assert 0.82 <= right <= 0.97  # nominal 0.9; each repetition is one draw of a whole curve
    assert share_inside(np.random.default_rng(2), lambda p: 0.6 * p) < 0.45
    assert share_inside(np.random.default_rng(2), lambda p: np.sqrt(p) * 0.4) < 0.75
    assert share_inside(np.random.default_rng(2), clustered=False) < right - 0.05  # rows are not independent


def test_resampled_events_are_right_and_as_clustered_as_the_events_were():
    """One origin a block and one probability: a resample is events of whole days again, so its spread is theirs."""
    rng = np.random.default_rng(3)
    days, symbols = 400, 10
    together = np.repeat(rng.random(days) < 0.1, symbols).astype(float)
    p = np.full(days * symbols, 0.1)
    day, symbol = np.repeat(np.arange(days), symbols), np.arange(days * symbols) % symbols
    band = reliability_band(together, p, day, symbol, block_days=1, draws=400)
    assert band["recalibrated"].tolist() == pytest.approx([together.mean()])
    low, high = binom.ppf([0.05, 0.95], days, 0.1) / days  # days are the trials, not rows
    assert band["low"].iloc[0] == pytest.approx(low, abs=0.006)
    assert band["high"].iloc[0] == pytest.approx(high, abs=0.006)


def test_the_band_is_seeded_and_does_not_depend_on_the_order_of_rows():
    y, p, day, symbol = shock_panel(np.random.default_rng(4), days=60)
    y[5], p[6] = np.nan, np.nan
    stamps = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")
    names = np.array(["BTC", "ETH", "XRP", "SOL", "ADA", "TRX", "NEO", "LTC", "LINK", "DOGE"])[symbol]
    first = reliability_band(y, p, stamps, names, draws=30)
    pd.testing.assert_frame_equal(first, reliability_band(y, p, stamps, names, draws=30))
    order = np.random.default_rng(5).permutation(len(y))
    shuffled = reliability_band(y[order], p[order], stamps[order], pd.Series(names)[order], draws=30)
    pd.testing.assert_frame_equal(first, shuffled)
    assert first["probability"].is_monotonic_increasing
    assert first["recalibrated"].is_monotonic_increasing
    curve = recalibrated_probability(y[~np.isnan(y + p)], p[~np.isnan(y + p)])
    assert set(first["recalibrated"].round(12)) <= set(curve.round(12))


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="events must be 0 or 1"):
        log_loss_decomposition([0.5], [0.5])
    with pytest.raises(ValueError, match="no row has both"):
        log_loss_decomposition([np.nan], [1.0])
    with pytest.raises(ValueError, match="one forecast per row"):
        log_loss_decomposition([1.0, 0.0], [1.0])
    with pytest.raises(ValueError, match="an event and a probability in every row"):
        recalibrated_probability([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="1 pairs of origin and symbol are stated twice"):
        reliability_band([0, 1, 0], [0.1, 0.2, 0.3], [1, 1, 2], ["A", "A", "A"])
