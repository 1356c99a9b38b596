"""What people read: the card, the choice of baselines, and the attributions behind a figure."""

import importlib.util
import itertools
from types import SimpleNamespace

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import ConfigError
from levercap.evidence.attribution_table import attributions
from levercap.evidence.build import build_tables
from levercap.evidence.evaluation_card import evaluation_card
from levercap.evidence.headline_figures import headline_figures
from levercap.forecast import RECIPE
from levercap.forecast.baselines import BASELINES
from levercap.forecast.scale import B1Scale
from levercap.workflows import evaluate as evaluation
from levercap.workflows.evaluate import rivals
from support.known_truth import record


def card_of(world, **changes):
    evidence = build_tables(world)
    head = {"skipped": {"garch_t": "needs the package arch"}, "from": "2022-03-01T00:00:00+00:00",
            "to": "2022-06-09T00:00:00+00:00", "origins": 100, "symbols": 4, "horizon_hours": 24,
            "fallback_months": [], "config_hash": "c0ffee", "data_hash": "dec0de"}  # fmt: skip
    summary = head | headline_figures(evidence) | changes
    return evaluation_card(summary, evidence.tables), summary, evidence.tables


@pytest.fixture(scope="module")
def winner():
    return card_of(record(days=100))


def test_the_card_states_its_headline_figures(winner):
    card, summary, tables = winner
    for name, value in summary["d_fz0"].items():
        side, kind, level = name.split()
        assert f"| {side} {kind} {float(level):.1%} | {value:+.4f} |" in card
    hits = tables["coverage"].query("model == 'levercap' and side == 'long' and kind == 'end' and level == 0.99")
    assert f"| long end 99.0% | 1.0% | {hits['hit_rate'].item():.2%} |" in card
    assert "| not run | garch_t: needs the package arch |" in card
    assert "c0ffee" in card
    assert "1 market-wide event." in card
    assert not {"nan", "NaN", "None", "inf"} & set(card.replace("|", " ").split())


def test_the_card_has_well_formed_tables(winner):
    lines = winner[0].splitlines()
    for above, below in itertools.pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert above.count("|") == below.count("|"), below


@pytest.mark.slow
def test_the_card_says_where_the_model_does_not_beat_b1(winner):
    tails = record(days=100).tails
    loser = card_of(record(days=100, tails={"B1": tails["B1"], "levercap": tails["hs_250"]}))[0]
    assert "Levercap is NOT shown to be better than B1 in 8 of 8 rows" in loser
    assert loser.count("worse than B1: both intervals lie above zero") == 8
    assert "In all 8 rows levercap is better than B1" in winner[0] or "NOT shown to be better" in winner[0]


def test_the_card_of_an_almost_empty_run_can_be_read():
    card = card_of(record(days=2, symbols=("SIM01USDT",)))[0]
    assert "holds none of the known market-wide events" in card
    assert "could not be computed" in card


def test_no_baseline_or_all_of_them():
    assert rivals("none").names == ()
    if importlib.util.find_spec("arch"):
        assert rivals("all") == rivals()
        assert rivals("all").names == tuple(BASELINES)
    assert rivals("hs_500, hs_250,hs_500").names == ("hs_500", "hs_250")


def test_an_unknown_baseline_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"'risk_metrics' is no baseline; did you mean riskmetrics\?") as caught:
        rivals("risk_metrics,hs_250,qqq")
    assert "'qqq' is no baseline" in str(caught.value)


def test_without_arch_its_baselines_are_left_out_or_refused(monkeypatch):
    monkeypatch.setattr(evaluation, "find_spec", lambda name: None)
    left = rivals("all")
    assert set(dict(left.skipped)) == {"garch_t", "gjr_evt"}
    assert set(left.names) == set(BASELINES) - {"garch_t", "gjr_evt"}
    assert "levercap[garch]" in left.skipped[0][1]
    with pytest.raises(ConfigError, match="gjr_evt"):
        rivals("hs_250,gjr_evt")


@pytest.fixture(scope="module")
def scale():
    """Three targets, each learned by trees from feature a alone and by a ridge regression from a and b."""
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.standard_normal((500, 3)), columns=["a", "b", "c"])
    pairs = {}
    for k, name in enumerate(RECIPE.scale.target_weights):
        data = lgb.Dataset(features.to_numpy(), (1.0 + k) * features["a"].to_numpy())
        booster = lgb.train({"verbosity": -1, "num_threads": 1, "learning_rate": 0.2}, data, 20)
        ridge = SimpleNamespace(columns_=["a", "b"], coefficients_=np.array([1.0, -0.5 * (-1) ** k]))
        pairs[name] = SimpleNamespace(
            boosted_=SimpleNamespace(booster_=booster, columns_=["a", "b", "c"]), ridge_=ridge
        )
    return SimpleNamespace(pairs_=pairs, recipe=RECIPE.scale), features


def test_attributions_find_the_feature_that_matters(scale):
    table = attributions(*scale)
    boosted = table[table["learner"] == "boosted"].set_index("feature")
    assert boosted["share"]["a"] > 0.95
    assert boosted["rank"]["a"] == 1
    ridge = table[table["learner"] == "ridge"].set_index("feature")["contribution"]
    weights = np.array(list(RECIPE.scale.target_weights.values()))
    assert ridge["a"] == pytest.approx(weights.sum())
    assert ridge["b"] == pytest.approx(abs((weights * [-0.5, 0.5, -0.5]).sum()))


def test_contributions_of_the_trees_add_up_to_their_forecast(scale):
    """With one feature at work its contribution is the forecast less its mean: a second way to the same number."""
    blend, features = scale
    weights = RECIPE.scale.target_weights
    forecast = sum(weights[n] * p.boosted_.booster_.predict(features.to_numpy()) for n, p in blend.pairs_.items())
    table = attributions(blend, features)
    total = table.loc[table["learner"] == "boosted", "contribution"].sum()
    assert total == pytest.approx(np.abs(forecast - forecast.mean()).mean(), rel=0.05)


def test_a_scale_that_learns_nothing_has_no_attributions(scale):
    assert attributions(B1Scale(), scale[1]).empty
    assert attributions(scale[0], scale[1].iloc[:0]).empty
