import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from levercap.evaluation import fz0, match, pinball
from levercap.evaluation.comparison.murphy_diagram import (
    Dominance,
    elementary_quantile,
    elementary_shortfall,
    murphy_diagram,
)
from support.properties import examples

losses, forecasts, spreads = st.floats(-1, 3), st.floats(0.05, 2), st.floats(0, 1)
levels = st.sampled_from([0.9, 0.975, 0.99])


def pieces(function, knots):
    """Integral of a function that is smooth between the knots."""
    knots = sorted(knots)
    return sum(quad(function, a, b)[0] for a, b in itertools.pairwise(knots) if b > a)


@given(y=losses, x=forecasts, level=levels)
def test_elementary_scores_add_up_to_pinball(y, x, level):
    total = pieces(lambda t: float(elementary_quantile(y, x, t, level)), [y, x])
    assert total == pytest.approx(float(pinball(y, x, level)), abs=1e-9)


@examples(50)
@given(y=losses, one=st.tuples(forecasts, spreads), two=st.tuples(forecasts, spreads), level=levels)
def test_elementary_scores_add_up_to_fz0(y, one, two, level):
    (v, w), (e, f) = (one[0], two[0]), (one[0] + one[1], two[0] + two[1])

    def weighted(t):
        gap = elementary_shortfall(y, v, e, t, level) - elementary_shortfall(y, w, f, t, level)
        return float(gap) / t**2

    difference = float(fz0(y, v, e, level) - fz0(y, w, f, level))
    beyond = quad(weighted, max(e, f), np.inf)[0]
    assert pieces(weighted, [e, f]) + beyond == pytest.approx(difference, rel=1e-6, abs=1e-7)


@given(y=losses, v=forecasts, spread=spreads, t=st.floats(-1, 4), level=levels)
def test_elementary_scores_are_not_negative(y, v, spread, t, level):
    assert elementary_quantile(y, v, t, level) >= 0
    assert elementary_shortfall(y, v, v + spread, t, level) >= -1e-12


def test_elementary_scores_by_their_definitions():
    rng = np.random.default_rng(0)
    y, v, t = rng.normal(size=(3, 300))
    e = v + rng.exponential(size=300)
    a = 0.025
    by_indicators = ((y < v) - 0.975) * ((t < v).astype(float) - (t < y))
    assert elementary_quantile(y, v, t, 0.975) == pytest.approx(by_indicators)
    # Ziegel et al. state it for returns: x1 = -var, x2 = -es, eta = -t
    x1, x2, eta, ret = -v, -e, -t, -y
    published = (eta <= x2) * ((ret <= x1) * (x1 - ret) / a - (x1 - eta)) + (eta <= ret) * (ret - eta)
    assert elementary_shortfall(y, v, e, t, 0.975) == pytest.approx(published)


@pytest.mark.parametrize("threshold", [0.5, 1.6, 1.9, 2.2, 2.6, 3.5])
def test_the_truth_is_best_at_every_threshold(threshold):
    y = np.random.default_rng(1).exponential(size=400_000)
    var, es = -np.log(0.1), -np.log(0.1) + 1  # level 90 % of the exponential
    best = elementary_quantile(y, var, threshold, 0.9).mean()
    best_pair = elementary_shortfall(y, var, es, threshold, 0.9).mean()
    for wrong in (0.6, 0.9, 1.1, 1.5):
        assert elementary_quantile(y, wrong * var, threshold, 0.9).mean() >= best - 1e-3
        assert elementary_shortfall(y, wrong * var, es, threshold, 0.9).mean() >= best_pair - 5e-3
        assert elementary_shortfall(y, wrong * var, wrong * es, threshold, 0.9).mean() >= best_pair - 5e-3


def row_of(tails, outcomes, level=0.975):
    rows = match(tails, outcomes)
    return next(r for r in rows if (r.side, r.kind, r.level) == ("long", "end", level))


@pytest.mark.parametrize("forecast", ["var", "es"])
def test_curves_agree_with_plain_loops(world, noise, forecast):
    row = row_of(
        {"model": world.tails().iloc[100:], "B1": world.tails(noise)}, world.outcomes.iloc[np.arange(1500) % 7 > 1]
    )
    assert row.day.value_counts().nunique() > 1
    diagram = murphy_diagram(row, "model", forecast=forecast, points=7, draws=99)
    assert len(diagram.curve) == 7
    for line in diagram.curve.to_dict("records"):
        means = {}
        for name in ("model", "B1"):
            by_day = {}
            for i, day in enumerate(row.day):
                v, e, y, t = row.var[name][i], row.es[name][i], row.loss[i], line["threshold"]
                if forecast == "var":
                    score = (t < v) * 0.025 * (y <= t) + (v <= t < y) * 0.975
                else:
                    score = (e <= t) * (max(y - v, 0) / 0.025 + v - t) + max(t - y, 0)
                by_day.setdefault(day, []).append(score)
            means[name] = np.mean([np.mean(scores) for scores in by_day.values()])
        assert (line["score"], line["reference"]) == pytest.approx((means["model"], means["B1"]))
        assert line["difference"] == pytest.approx(means["model"] - means["B1"])
        assert line["low"] <= line["difference"] <= line["high"]


@pytest.mark.parametrize("forecast", ["var", "es"])
def test_the_truth_dominates_a_noisy_forecast(world, noise, forecast):
    row = row_of({"truth": world.tails(), "noisy": world.tails(noise**2)}, world.outcomes)
    diagram = murphy_diagram(row, "truth", "noisy", forecast, points=20, draws=199)
    assert diagram.verdict is Dominance.DOMINATES
    assert diagram.p_never_better <= 0.05 < diagram.p_never_worse
    turned = murphy_diagram(row, "noisy", "truth", forecast, points=20, draws=199)
    assert turned.verdict is Dominance.DOMINATED
    assert turned.p_never_worse == diagram.p_never_better
    assert turned.curve["difference"].tolist() == pytest.approx((-diagram.curve["difference"]).tolist())


def test_each_better_in_its_own_weather_is_a_crossing(build_world):
    world = build_world(days=1500, symbols=6, seed=3)
    calm = world.volatility < np.median(world.volatility)
    row = row_of(
        {"calm": world.tails(np.where(calm, 1, 0.5)), "storm": world.tails(np.where(calm, 0.5, 1))}, world.outcomes
    )
    diagram = murphy_diagram(row, "calm", "storm", points=30, draws=199)
    assert diagram.verdict is Dominance.CROSSES
    curve = diagram.curve
    assert curve["difference"].iloc[:5].max() < 0 < curve["difference"].iloc[-5:].max()


@pytest.mark.parametrize("forecast", ["var", "es"])
def test_equally_good_models_are_seldom_told_apart(build_world, forecast):
    verdicts = []
    for seed in range(30):
        world = build_world(days=250, symbols=3, seed=seed)
        rng = np.random.default_rng(seed)
        errors = np.exp(rng.normal(0, 0.3, (2, *world.volatility.shape)))
        tails = {name: world.tails(error, levels=(0.95,)) for name, error in zip("ab", errors, strict=True)}
        row = row_of(tails, world.outcomes, 0.95)
        diagram = murphy_diagram(row, "a", "b", forecast, points=10, draws=199)
        verdicts += [diagram.p_never_worse <= 0.05, diagram.p_never_better <= 0.05]
    assert sum(verdicts) <= binom.ppf(0.999, 60, 0.05)


def test_a_model_against_itself_is_undecided_and_flat(world):
    row = row_of({"a": world.tails(), "b": world.tails()}, world.outcomes)
    diagram = murphy_diagram(row, "a", "b", draws=50)
    assert diagram.verdict is Dominance.UNDECIDED
    assert (diagram.p_never_worse, diagram.p_never_better) == (1, 1)
    assert not diagram.curve[["difference", "low", "high"]].to_numpy().any()


def test_missing_values_stay_missing_and_missing_models_are_named(world):
    assert np.isnan(elementary_quantile([np.nan, 1.0], [1.0, np.nan], 0.5, 0.99)).all()
    assert np.isnan(elementary_shortfall([np.nan, 1.0, 1.0], [1.0, np.nan, 1.0], [2.0, 2.0, np.nan], 2.5, 0.99)).all()
    row = row_of({"a": world.tails(), "b": world.tails()}, world.outcomes)
    with pytest.raises(ValueError, match="no forecasts of B1; the models are a, b"):
        murphy_diagram(row, "a")
    with pytest.raises(ValueError, match="no forecast with a known outcome"):
        murphy_diagram(dataclasses.replace(row, loss=np.array([])), "a", "b")
