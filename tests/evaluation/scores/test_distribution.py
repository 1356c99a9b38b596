import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.stats import norm

from levercap.evaluation import pinball
from levercap.evaluation.scores.distribution import crps, quantile_weighted_crps, threshold_weighted_crps

numbers = st.floats(-2, 2).map(lambda x: round(x, 3))
probabilities = st.floats(0.01, 1)


def energy(y: float, x: np.ndarray, w: np.ndarray) -> float:
    """E|X - y| - E|X - X'| / 2 as double loops."""
    w = w / w.sum()
    first = sum(p * abs(a - y) for p, a in zip(w, x, strict=True))
    second = sum(p * q * abs(a - b) for p, a in zip(w, x, strict=True) for q, b in zip(w, x, strict=True))
    return first - second / 2


def integrated(y: float, x: np.ndarray, w: np.ndarray, threshold: float = -np.inf) -> float:
    """Squared distance of the two distribution functions, step by step."""
    w = w / w.sum()
    knots = np.unique(np.concatenate([np.maximum(x, threshold), [max(y, threshold)]]))
    total = 0.0
    for left, right in itertools.pairwise(knots):
        total += (right - left) * (w[x <= left].sum() - (y <= left)) ** 2
    return total


@given(y=numbers, x=arrays(float, 7, elements=numbers), w=arrays(float, 7, elements=probabilities))
def test_quantile_form_equals_energy_form_equals_integral(y, x, w):
    got = crps([y], x, w)[0]
    assert got == pytest.approx(energy(y, x, w), abs=1e-12)
    assert got == pytest.approx(integrated(y, x, w), abs=1e-12)


@given(y=numbers, x=arrays(float, 6, elements=numbers), w=arrays(float, 6, elements=probabilities), threshold=numbers)
def test_threshold_weighting_in_three_forms(y, x, w, threshold):
    got = threshold_weighted_crps([y], x, threshold, w)[0]
    assert got == pytest.approx(energy(max(y, threshold), np.maximum(x, threshold), w), abs=1e-12)
    assert got == pytest.approx(integrated(y, x, w, threshold), abs=1e-12)


@given(y=numbers, x=arrays(float, 5, elements=numbers), level=st.floats(0.0, 0.98))
def test_quantile_weighting_is_the_mean_pinball_of_the_tail(y, x, level):
    def twice_pinball(u: float) -> float:
        quantile = np.sort(x)[min(int(u * 5), 4)]
        return 2 * (u * (y - quantile) if y > quantile else (1 - u) * (quantile - y))

    edges = [level, *[k / 5 for k in range(1, 5) if k / 5 > level], 1.0]
    expected = sum(quad(twice_pinball, a + 1e-13, b - 1e-13)[0] for a, b in itertools.pairwise(edges))
    assert quantile_weighted_crps([y], x, level)[0] == pytest.approx(expected, abs=1e-9)
    assert twice_pinball(0.9) == pytest.approx(2 * pinball(y, np.sort(x)[4], 0.9))


def test_a_large_ensemble_has_the_closed_form_of_the_normal():
    """Gneiting and Raftery (2007), eq. 21; and for thresholds the integral of the squared normal distribution."""
    ensemble = 0.3 + 2 * norm.ppf((np.arange(4000) + 0.5) / 4000)
    y = np.array([-3.0, 0.0, 0.3, 5.0])
    z = (y - 0.3) / 2
    closed = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(y, ensemble) == pytest.approx(closed, abs=1e-3)
    for loss, got in zip(y, threshold_weighted_crps(y, ensemble, 1.0), strict=True):

        def inside(u, loss=loss):
            return (norm.cdf(u, 0.3, 2) - (loss <= u)) ** 2

        exact = quad(inside, 1.0, 40.0, points=[max(loss, 1.0)], limit=200)[0]
        assert got == pytest.approx(exact, abs=1e-3)


def test_the_whole_splits_at_the_threshold_and_at_the_level():
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=50), rng.normal(size=(50, 30))
    above = threshold_weighted_crps(y, x, 0.4)
    below = threshold_weighted_crps(-y, -x, -0.4)  # the lower tail is the upper one of the mirror image
    assert above + below == pytest.approx(crps(y, x))
    tail = quantile_weighted_crps(y, x, 0.8)
    body = quantile_weighted_crps(-y, -x, 0.2)
    assert tail + body == pytest.approx(crps(y, x))


@pytest.mark.parametrize(
    "score",
    [
        crps,
        lambda y, x: threshold_weighted_crps(y, x, 1.5),
        lambda y, x: quantile_weighted_crps(y, x, 0.95),
    ],
)
def test_the_truth_has_the_lowest_expected_score(score):
    y = norm.ppf((np.arange(4000) + 0.5) / 4000)  # the losses of the truth, evenly
    truth = norm.ppf((np.arange(250) + 0.5) / 250)
    best = score(y, truth).mean()
    for wrong in (truth * 1.3, truth * 0.8, truth + 0.3, truth - 0.3):
        assert score(y, wrong).mean() > best + 1e-4


def test_only_the_tail_counts():
    y, base = np.array([0.2, 3.0]), np.linspace(-1, 4, 101)
    calm = np.where(base < 1, base - 5.0, base)
    assert threshold_weighted_crps(y, calm, 1.0) == pytest.approx(threshold_weighted_crps(y, base, 1.0))
    assert threshold_weighted_crps([-1.0], [0.0, 0.5], 1.0)[0] == 0
    assert quantile_weighted_crps(y, calm, 0.9) == pytest.approx(quantile_weighted_crps(y, base, 0.9))


def test_weights_are_repetitions_and_shapes_broadcast():
    y = np.array([0.5, -0.2, 2.0])
    assert crps(y, [0.0, 1.0, 3.0], [2, 1, 1]) == pytest.approx(crps(y, [0.0, 0.0, 1.0, 3.0]))
    rows = np.array([[0.0, 1.0], [3.0, -1.0], [1.0, 1.0]])
    w = np.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]])
    one_by_one = [crps([a], b, c)[0] for a, b, c in zip(y, rows, w, strict=True)]
    assert crps(y, rows, w) == pytest.approx(one_by_one)
    assert crps(y, rows[0], w)[1] == pytest.approx(crps([y[1]], rows[0], w[1])[0])
    assert crps(y, [1.0]) == pytest.approx(np.abs(y - 1.0))
    assert crps(y, [0.0, 9.0], [1, 0]) == pytest.approx(np.abs(y))


def test_a_missing_value_gives_a_missing_score():
    scores = crps([0.0, np.nan, 1.0], [[0.0, 1.0], [0.0, 1.0], [np.nan, 1.0]], [0.5, 0.5])
    assert np.isnan(scores).tolist() == [False, True, True]
    assert np.isnan(threshold_weighted_crps([np.nan], [0.0, 1.0], 0.5)).all()


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="rows, members"):
        crps([1.0, 2.0], np.zeros((3, 4)))
    with pytest.raises(ValueError, match="one weight per member, 2"):
        crps([1.0], [0.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="not negative"):
        crps([1.0], [0.0, 1.0], [1.0, -0.1])
    with pytest.raises(ValueError, match="level is a confidence"):
        quantile_weighted_crps([1.0], [0.0], 1.0)
    with pytest.raises(ValueError, match="threshold is a loss"):
        threshold_weighted_crps([1.0], [0.0], np.nan)
