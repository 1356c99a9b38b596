"""Re-weighting: the moments are met, by the nearest weights, and only where weights can meet them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import rel_entr

from levercap.core.names import BARRIERS, Side
from levercap.forecast.scenarios.reweighting import barrier_hits, imply_shocks, minimum_relative_entropy, share_hits
from levercap.forecast.shock.market import market_column
from levercap.forecast.shock.model import column
from support.standardised import make_blocks


def world(seed, scenarios=60, moments=2):
    """Prior weights and normal moments."""
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.2, 1.0, scenarios)
    return w / w.sum(), rng.normal(size=(scenarios, moments)), rng


def inside(f, rng, least=0.3):
    """Moments that some positive weights have."""
    q = rng.uniform(least, 1.0, len(f))
    return (q / q.sum()) @ f


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), moments=st.integers(1, 4))
def test_moments_are_met_by_positive_weights(seed, moments):
    w, f, rng = world(seed, moments=moments)
    t = inside(f, rng)
    found = minimum_relative_entropy(w, f, t)
    assert found.feasible
    assert (found.weights > 0).all()
    assert found.weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.weights @ f, t, atol=1e-7)
    assert found.relative_entropy == pytest.approx(rel_entr(found.weights, w).sum(), abs=1e-12)
    assert found.effective_scenarios == pytest.approx(1.0 / np.sum(found.weights**2))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(1e-4, 0.9))
def test_no_other_weights_with_these_moments_are_nearer(seed, size):
    """Directions that change neither the sum nor the moments raise the relative entropy."""
    w, f, rng = world(seed)
    found = minimum_relative_entropy(w, f, inside(f, rng))
    fixed = np.column_stack([np.ones(len(w)), f])
    direction = rng.normal(size=len(w))
    direction -= fixed @ np.linalg.lstsq(fixed, direction, rcond=None)[0]
    other = found.weights + size * direction * np.min(found.weights / np.abs(direction))
    np.testing.assert_allclose(other @ f, found.weights @ f, atol=1e-8)
    assert rel_entr(other, w).sum() > found.relative_entropy


def test_it_agrees_with_a_constrained_minimiser_of_the_entropy_itself():
    w, f, rng = world(3, scenarios=12)
    t = inside(f, rng)
    rules = [{"type": "eq", "fun": lambda q: q.sum() - 1.0}, {"type": "eq", "fun": lambda q: q @ f - t}]
    direct = minimize(
        lambda q: rel_entr(q, w).sum(), w, constraints=rules, bounds=[(1e-12, 1)] * 12, options={"ftol": 1e-14}
    )
    np.testing.assert_allclose(minimum_relative_entropy(w, f, t).weights, direct.x, atol=1e-5)


@pytest.mark.parametrize("target", [0.05, 0.3, 0.9])
def test_one_probability_scales_both_groups(target):
    """Closed form: scenarios that are hit share the target in their old proportions, the others the rest."""
    w, f, _ = world(1, moments=1)
    hit = f[:, 0] > 0.5
    found = minimum_relative_entropy(w, hit[:, None].astype(float), np.array([target]))
    expected = np.where(hit, w * target / w[hit].sum(), w * (1 - target) / w[~hit].sum())
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6)


def test_moments_that_hold_already_change_nothing():
    w, f, _ = world(5)
    found = minimum_relative_entropy(w, f, w @ f)
    np.testing.assert_allclose(found.weights, w, rtol=1e-9)
    assert found.relative_entropy == pytest.approx(0.0, abs=1e-12)
    assert found.feasible


def test_no_moments_at_all_change_nothing():
    w, _, _ = world(5)
    found = minimum_relative_entropy(w, np.empty((len(w), 0)), np.empty(0))
    np.testing.assert_allclose(found.weights, w)
    assert found.feasible


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), low=st.floats(0.05, 0.45), rise=st.floats(0.01, 0.4))
def test_a_larger_target_gives_hit_scenarios_more_weight(seed, low, rise):
    w, f, _ = world(seed, moments=1)
    hit = f[:, 0] > 0.3
    assume(0 < hit.sum() < len(w))
    small, large = (minimum_relative_entropy(w, hit[:, None].astype(float), np.array([t])) for t in (low, low + rise))
    assert (large.weights[hit] > small.weights[hit]).all()
    assert (large.weights[~hit] < small.weights[~hit]).all()
    assert large.multipliers[0] > small.multipliers[0]


def test_what_no_weights_can_meet_is_flagged_and_left_alone():
    w, f, _ = world(2)
    hit = (f > 0.5).astype(float)
    nested = np.column_stack([f[:, 0] > 0.0, f[:, 0] > 1.0]).astype(float)
    impossible = {
        "beyond the largest value": (f, np.array([99.0, 0.0])),
        "only by dropping scenarios": (hit, np.array([1.0, 0.5])),
        "only by dropping all that are hit": (hit, np.array([0.0, 0.5])),
        "the larger barrier more often": (nested, np.array([0.3, 0.4])),
        "the larger barrier as often": (nested, np.array([0.3, 0.3])),
        "the same moment twice, differently": (np.column_stack([hit[:, 0]] * 2), np.array([0.3, 0.4])),
        "never hit": (np.zeros((len(w), 1)), np.array([0.1])),
    }
    for case, (moments, targets) in impossible.items():
        found = minimum_relative_entropy(w, moments, targets)
        assert not found.feasible, case
        np.testing.assert_array_equal(found.weights, w, err_msg=case)
        assert found.relative_entropy == 0.0


def test_repeated_moments_are_as_good_as_one():
    w, f, _ = world(2)
    hit = (f[:, :1] > 0.5).astype(float)
    once = minimum_relative_entropy(w, hit, np.array([0.5]))
    twice = minimum_relative_entropy(w, np.column_stack([hit, hit, np.ones(len(w))]), np.array([0.5, 0.5, 1.0]))
    assert twice.feasible
    np.testing.assert_allclose(twice.weights, once.weights, rtol=1e-6)


def test_slack_goes_part_of_the_way_and_always_somewhere():
    w, f, _ = world(4, moments=1)
    hit = (f > 0.5).astype(float)
    before = float(w @ hit[:, 0])
    target = np.array([before + 0.2])
    reached = [float(minimum_relative_entropy(w, hit, target, s).weights @ hit[:, 0]) for s in (0.0, 0.05, 0.2, 10.0)]
    assert reached[0] == pytest.approx(target[0], abs=1e-8)
    assert (np.diff(reached) < 0).all()
    assert reached[-1] == pytest.approx(before, abs=1e-3)
    contradiction = minimum_relative_entropy(w, np.column_stack([hit, hit]), np.array([0.2, 0.4]), 0.01)
    assert contradiction.feasible
    assert 0.2 < contradiction.weights @ hit[:, 0] < 0.4


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), slack=st.floats(0.02, 2.0))
def test_with_slack_the_penalised_entropy_is_smallest(seed, slack):
    w, f, rng = world(seed)
    t = rng.normal(0, 3, 2)  # often beyond reach

    def cost(q):
        return rel_entr(q, w).sum() + np.sum((q @ f - t) ** 2) / (2 * slack**2)

    best = minimum_relative_entropy(w, f, t, slack)
    assert best.feasible
    for _ in range(5):
        other = best.weights * np.exp(rng.normal(0, 0.05, len(w)))
        least = cost(best.weights)
        assert cost(other / other.sum()) >= least - 1e-9 * (1.0 + least)


@pytest.mark.parametrize(
    ("weights", "moments", "targets"),
    [
        ([0.5, 0.5], [[1.0], [np.nan]], [0.5]),
        ([0.5, 0.5], [[1.0], [0.0]], [np.inf]),
        ([0.5, 0.4], [[1.0], [0.0]], [0.5]),
        ([1.0, 0.0], [[1.0], [0.0]], [0.5]),
        ([0.5, 0.5], [[1.0], [0.0]], [0.5, 0.5]),
    ],
)
def test_senseless_arguments_are_refused(weights, moments, targets):
    with pytest.raises(ValueError, match="must be"):
        minimum_relative_entropy(np.array(weights), np.array(moments), np.array(targets))


SYMBOLS = ("AAA", "BBB", "CCC")


def scenarios(volatility=0.06):
    return make_blocks(SYMBOLS, count=400).scenarios(dict.fromkeys(SYMBOLS, volatility), {}, seed=0)


def implied(market):
    """The probabilities that the scenarios imply."""
    table = {"symbol": list(market.symbols)}
    for side in Side:
        for barrier in BARRIERS:
            table[column(side, barrier)] = barrier_hits(market, side, barrier) @ market.weights
    return pd.DataFrame(table)


def test_hits_are_path_losses_at_or_beyond_the_barrier():
    market = scenarios()
    for side, worst in (("long", -market.low.min(axis=2)), ("short", market.high.max(axis=2))):
        np.testing.assert_array_equal(barrier_hits(market, side, 0.1), worst >= 0.1)
    hits = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(share_hits(hits, 0.5), [True, False, True])
    np.testing.assert_array_equal(share_hits(hits, 1.0), [False, False, False])


def market_wide(market):
    """The market-wide probabilities that the scenarios imply."""
    hits = {market_column(s, b): share_hits(barrier_hits(market, s, b), 0.3) for s in Side for b in BARRIERS}
    return pd.DataFrame({name: [hit @ market.weights] for name, hit in hits.items()})


def test_scenarios_that_imply_the_shocks_stay_as_they_are():
    market = scenarios()
    same, result = imply_shocks(market, implied(market), market_wide(market))
    np.testing.assert_allclose(same.weights, market.weights, rtol=1e-6)
    assert result.effective_scenarios == pytest.approx(400, rel=1e-6)


def test_scenarios_come_to_imply_the_shocks():
    market = scenarios()
    before, together = implied(market), market_wide(market)
    names = [c for c in before.columns if c != "symbol"]
    factor = {c: 1.2 if "long" in c else 0.9 for c in names}
    wanted = before.assign(**{c: before[c] * factor[c] for c in names})
    together = together.assign(**{f"market_{c}": together[f"market_{c}"] * factor[c] for c in names})
    after, result = imply_shocks(market, wanted, together)
    assert result.feasible
    assert result.relative_entropy > 0
    now, now_together = implied(after), market_wide(after)
    for name in [c for c in names if not c.endswith("_20")]:
        assert now[name].mean() == pytest.approx(wanted[name].mean(), rel=0.01), name
        before_miss, after_miss = (np.abs(t[name] - wanted[name]).max() for t in (before, now))
        assert after_miss < before_miss, name
        at_first, at_last = (
            abs(float(t[f"market_{name}"].iloc[0] - together[f"market_{name}"].iloc[0]))
            for t in (market_wide(market), now_together)
        )
        assert at_last < at_first, name
    assert after.symbols == market.symbols
    assert after.low is market.low
    reordered = wanted.iloc[::-1].reset_index(drop=True)
    np.testing.assert_array_equal(imply_shocks(market, reordered, together)[0].weights, after.weights)


def test_one_symbol_alone_moves_less_than_all_together():
    market = scenarios()
    table = implied(market)
    name = column("long", 0.1)
    only_one, all_of_them = table.copy(), table.copy()
    only_one.loc[0, name] *= 1.5
    all_of_them[name] *= 1.5
    gains = [implied(imply_shocks(market, t)[0])[name][0] / table[name][0] for t in (only_one, all_of_them)]
    assert 1.0 < gains[0] < gains[1]


def test_unknown_shocks_and_rarely_hit_barriers_are_left_alone():
    market = scenarios(volatility=0.015)
    table = implied(market).iloc[:1].copy()
    assert (barrier_hits(market, "long", 0.2).sum(axis=1) < 5).all()
    table["shock_probability_long_20"] = 0.5
    table["shock_probability_long_05"] = np.nan
    after, result = imply_shocks(market, table)
    np.testing.assert_allclose(after.weights, market.weights, rtol=1e-6)
    assert result.feasible
    nothing = table.assign(**{c: np.nan for c in table.columns if c != "symbol"})
    np.testing.assert_allclose(imply_shocks(market, nothing)[0].weights, market.weights)
