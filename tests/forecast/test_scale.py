"""Scale models: closed forms, conventions, determinism, and that they learn what can be learned."""

import dataclasses
import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from levercap.config import Config, ForecastConfig
from levercap.core.panel import Panel
from levercap.forecast import RECIPE, ForecastSpec
from levercap.forecast.history import fit_scale, volatility
from levercap.forecast.scale import (
    B1Scale,
    BlendedScale,
    BoostedScale,
    PairScale,
    RidgeScale,
    feature_columns,
    targets,
)
from levercap.market.load import market_from_tables
from levercap.model.dataset import build_dataset
from support.standardised import feature_frame

MODELS = [B1Scale, RidgeScale, BoostedScale, PairScale]


def learnable(seed=0, rows=600, missing=0.0):
    X = feature_frame(rows, seed=seed, missing=missing)
    rng = np.random.default_rng(seed + 100)
    y = 0.5 * np.nan_to_num(X["x0"]) - 0.3 * np.nan_to_num(X["x1"]) + 0.2 * rng.normal(size=rows)
    return X, y.to_numpy() if isinstance(y, pd.Series) else y


def three(y):
    """(rows, 3) targets of different levels and spreads."""
    return np.column_stack([y, 0.8 * y + 0.7, 1.2 * y - 0.3])


@pytest.mark.parametrize("penalty", [0.01, 10.0, 5000.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_is_the_ridge_of_scikit_learn_on_standardised_features(penalty, weighted):
    X, y = learnable()
    weight = np.random.default_rng(5).uniform(0.2, 3.0, len(y)) if weighted else np.ones(len(y))
    values = X[feature_columns(X)].to_numpy()
    z = np.clip((values - values.mean(axis=0)) / values.std(axis=0), -4, 4)
    share = weight / weight.sum()
    reference = Ridge(alpha=penalty / 1000.0).fit(z, y, sample_weight=share)
    model = RidgeScale(penalty).fit(X, y, weight)
    np.testing.assert_allclose(model.predict(X), reference.predict(z), rtol=1e-7, atol=1e-9)


def test_ridge_is_at_the_minimum_of_what_it_says_it_minimises():
    X, y = learnable(missing=0.05)
    weight = np.linspace(0.5, 2.0, len(y))
    model = RidgeScale(50.0).fit(X, y, weight)
    z = model._standardise(X[model.columns_].to_numpy())

    def loss(intercept, coefficients):
        error = y - intercept - z @ coefficients
        return np.average(error**2, weights=weight) + 0.05 * coefficients @ coefficients

    best = loss(model.intercept_, model.coefficients_)
    for k in range(len(model.columns_)):
        for step in (-1e-3, 1e-3):
            moved = model.coefficients_.copy()
            moved[k] += step
            assert loss(model.intercept_, moved) > best
    assert loss(model.intercept_ + 1e-3, model.coefficients_) > best
    assert loss(model.intercept_ - 1e-3, model.coefficients_) > best


def test_ridge_leaves_out_features_that_are_often_missing():
    X, y = learnable()
    X.loc[: len(X) // 8, "x2"] = np.nan
    X.loc[: len(X) // 20, "x3"] = np.nan
    model = RidgeScale().fit(X, y)
    assert "x2" not in model.columns_
    assert "x3" in model.columns_
    assert np.isfinite(model.predict(X)).all()


def test_ridge_is_not_carried_away_by_an_outlier_or_a_missing_feature():
    X, y = learnable()
    model = RidgeScale().fit(X, y)
    wild, lost = X.copy(), X.copy()
    wild.loc[0, "x0"] = 1e9
    at_clip = X.copy()
    at_clip.loc[0, "x0"] = model.mean_[0] + 4 * model.deviation_[0]
    lost.loc[0, "x0"] = np.nan
    mean = X.copy()
    mean.loc[0, "x0"] = model.mean_[0]
    assert model.predict(wild)[0] == pytest.approx(model.predict(at_clip)[0])
    assert model.predict(lost)[0] == pytest.approx(model.predict(mean)[0])


@pytest.mark.parametrize("model", MODELS)
def test_scikit_learn_conventions(model):
    instance = model()
    names = [p for p in inspect.signature(model.__init__).parameters if p not in {"self", "args", "kwargs"}]
    assert sorted(instance.get_params()) == sorted(names)
    for name in names:  # the constructor only stores
        marker = object()
        assert getattr(model(**{name: marker}), name) is marker
    assert not [a for a in vars(instance) if a.endswith("_")]
    X, y = learnable(rows=200)
    if "rounds" in names:
        instance.set_params(rounds=5)
    fitted = instance.fit(X, y)
    assert fitted is instance
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    assert not [a for a in vars(other) if a.endswith("_")]
    assert isinstance(fitted.score(X, y), float)


def test_a_grid_search_finds_the_small_penalty():
    X, y = learnable()
    search = GridSearchCV(RidgeScale(), {"penalty": [1.0, 1e5]}, cv=3).fit(X, y)
    assert search.best_params_ == {"penalty": 1.0}


@pytest.mark.parametrize("model", [RidgeScale(), BoostedScale(10), PairScale(rounds=10), BlendedScale(rounds=10)])
def test_the_order_of_columns_and_further_columns_do_not_matter(model):
    X, y = learnable(missing=0.03)
    model = clone(model).fit(X, three(y) if isinstance(model, BlendedScale) else y)
    shuffled = X[list(reversed(X.columns))].assign(another=1.0)
    np.testing.assert_array_equal(model.predict(X), model.predict(shuffled))


@pytest.mark.parametrize("model", [RidgeScale(), BoostedScale(10), PairScale(rounds=10), BlendedScale(rounds=10)])
def test_a_prediction_does_not_depend_on_the_other_rows(model):
    X, y = learnable(missing=0.03)
    model = clone(model).fit(X, three(y) if isinstance(model, BlendedScale) else y)
    whole = model.predict(X)
    for rows in ([5], [5, 6, 7], list(range(100, 0, -1))):
        np.testing.assert_array_equal(model.predict(X.iloc[rows]), whole[rows])


@pytest.mark.parametrize("model", [RidgeScale(), BoostedScale(30)])
def test_sample_weights_matter(model):
    X, y = learnable()
    half = np.arange(len(y)) < len(y) // 2
    turned = np.where(half, y, -y)
    first, second = (clone(model).fit(X, turned, np.where(part, 1.0, 1e-6)) for part in (half, ~half))
    alone = clone(model).fit(X[half], y[half])
    assert np.corrcoef(first.predict(X), y)[0, 1] > 0.5
    assert np.corrcoef(second.predict(X), y)[0, 1] < -0.5
    assert np.corrcoef(first.predict(X), alone.predict(X))[0, 1] > 0.9
    doubled, same = (clone(model).fit(X, y, np.full(len(y), w)) for w in (2.0, 2.0))
    np.testing.assert_array_equal(doubled.predict(X), same.predict(X))


def test_the_same_trees_twice_and_other_trees_by_another_seed():
    X, y = learnable(missing=0.05)
    texts = [BoostedScale(20, seed=s).fit(X, y).booster_.model_to_string() for s in (7, 7, 8)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_infinite_features_are_refused():
    X, y = learnable()
    X.loc[3, "x1"] = np.inf
    with pytest.raises(ValueError, match="finite or NaN"):
        BoostedScale(5).fit(X, y)


def test_a_pair_is_the_mean_of_its_learners():
    X, y = learnable()
    model = PairScale(rounds=10).fit(X, y)
    expected = (model.ridge_.predict(X) + model.boosted_.predict(X)) / 2
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


def test_the_blend_is_the_weighted_mean_of_pairs_at_the_level_of_volatility():
    X, y = learnable()
    y = three(y)
    weight = np.linspace(0.5, 2.0, len(y))
    model = BlendedScale(rounds=10).fit(X, y, weight)
    expected = np.zeros(len(X))
    for k, share in enumerate(RECIPE.scale.target_weights.values()):
        level = np.average(y[:, k], weights=weight) - np.average(y[:, 0], weights=weight)
        expected += share * PairScale(rounds=10).fit(X, y[:, k] - level, weight).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-10)
    assert sum(RECIPE.scale.target_weights.values()) == pytest.approx(1.0)


def test_only_the_volatility_is_learned_from_displacements():
    X, y = learnable()
    X = X.rename(columns={"x0": "move_24h", "x1": "market_move_7d", "x2": "largest_daily_move_30d"})
    model = BlendedScale(rounds=5).fit(X, three(y))
    columns = {name: set(pair.boosted_.columns_) for name, pair in model.pairs_.items()}
    assert columns["volatility"] - columns["range"] == {"move_24h", "market_move_7d"}
    assert columns["range"] == columns["upside"]
    assert "largest_daily_move_30d" in columns["range"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_blend_falls_back_to_the_baseline_where_a_part_is_not_finite(value, monkeypatch):
    X, y = learnable()
    model = BlendedScale(rounds=10).fit(X, three(y))
    honest = model.predict(X)
    ridge = model.pairs_["range"].ridge_
    broken = np.where(np.arange(len(y)) % 3 == 0, value, ridge.predict(X))
    monkeypatch.setattr(ridge, "predict", lambda X: broken)
    found = model.predict(X)
    third = np.arange(len(y)) % 3 == 0
    np.testing.assert_array_equal(found[third], X["b1_volatility"].to_numpy()[third])
    np.testing.assert_array_equal(found[~third], honest[~third])


def test_targets_and_volatility_are_inverse():
    X, _ = learnable()
    rng = np.random.default_rng(1)
    outcomes = pd.DataFrame(
        {
            "realised_volatility": np.exp(rng.normal(-3, 0.5, len(X))),
            "path_long": rng.exponential(0.03, len(X)),
            "path_short": rng.exponential(0.03, len(X)),
        }
    )
    y = targets(X, outcomes)
    X["b1_volatility"] = y[:, 0]
    np.testing.assert_allclose(volatility(B1Scale(), X), outcomes["realised_volatility"], rtol=1e-12)
    slow = np.exp(X["slow_level"].to_numpy())
    worst = outcomes[["path_long", "path_short"]].max(axis=1)
    np.testing.assert_allclose(np.exp(y[:, 1]) * slow, worst, rtol=1e-12)
    np.testing.assert_allclose(np.exp(y[:, 2]) * slow, outcomes["path_short"] + 0.004, rtol=1e-12)
    assert np.isfinite(targets(X, 0.0 * outcomes)).all()


def test_recent_rows_weigh_more():
    """A relation that turned round a while ago: the shorter the half-life the more of the new one is learned."""
    X = feature_frame(800, seed=3)
    late = np.arange(800) >= 500
    y = np.where(late, 1.0, -1.0) * X["x0"].to_numpy()
    size = np.exp(0.3 * y + X["slow_level"].to_numpy())
    outcomes = pd.DataFrame({"realised_volatility": size, "path_long": size, "path_short": size})
    until = X["as_of"].iloc[-1] + pd.Timedelta(days=1)
    slopes = []
    for half_life in (60.0, 5000.0):
        config = ForecastConfig(boosting_rounds=5, recency_half_life_days=half_life)
        ridge = fit_scale("levercap", X, outcomes, until, ForecastSpec(config)).pairs_["volatility"].ridge_
        slopes.append(ridge.coefficients_[ridge.columns_.index("x0")])
    assert slopes[0] > 0.15
    assert slopes[1] < 0.05


def known_volatility_panel(seed=3, days=420, symbols=4) -> tuple[Panel, np.ndarray]:
    """Returns of a known daily volatility: two regimes that last for weeks, shared by all, and its path (days,)."""
    rng = np.random.default_rng(seed)
    calm = np.cumsum(rng.random(days) < 1 / 15) % 2 == 0
    daily = np.where(calm, 0.02, 0.08)
    hourly = np.repeat(daily, 24)[:, None] / np.sqrt(24)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 1, (24 * days, symbols)) * hourly, axis=0))
    opens = np.vstack([close[:1], close[:-1]])
    noise = np.exp(np.abs(rng.normal(0, 1, close.shape)) * hourly * 0.3)
    stamps = pd.date_range("2022-01-01", periods=24 * days, freq="h", tz="UTC", unit="us")
    names = np.array([f"S{j}USDT" for j in range(symbols)])
    bars = pd.DataFrame(
        {
            "timestamp": np.repeat(stamps, symbols),
            "symbol": pd.Series(np.tile(names, len(stamps)), dtype="str"),
            "open": opens.ravel(),
            "high": (np.maximum(close, opens) * noise).ravel(),
            "low": (np.minimum(close, opens) / noise).ravel(),
            "close": close.ravel(),
            "volume": 1e6,
        }
    )
    return market_from_tables({"bars": bars}, Config().market).panel, daily


def test_it_recovers_a_known_volatility_better_than_the_baseline():
    panel, daily = known_volatility_panel()
    data = build_dataset(panel)
    split = pd.Timestamp("2022-10-01", tz="UTC")
    config = dataclasses.replace(ForecastConfig(), boosting_rounds=60)
    scale = fit_scale("levercap", data.features, data.outcomes, split, ForecastSpec(config))
    later = data.features["as_of"].between(split, panel.end - pd.Timedelta(days=1))
    rows = data.features[later]
    truth = np.log(daily[((rows["as_of"] - panel.start) / pd.Timedelta(days=1)).to_numpy().astype(int)])
    error = {
        "levercap": np.log(volatility(scale, rows)) - truth,
        "b1": np.log(volatility(B1Scale(), rows)) - truth,
    }
    mean_square = {name: float(np.mean(e**2)) for name, e in error.items()}
    assert len(rows) > 500
    assert mean_square["levercap"] < 0.6 * mean_square["b1"], mean_square
    assert np.corrcoef(error["levercap"] + truth, truth)[0, 1] > 0.7
