"""Market-wide shock: what a share of the symbols suffers together."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from levercap.core.names import BARRIERS, Side
from levercap.forecast.shock.market import MarketShock, common_losses, empty_market, market_column, share_loss
from levercap.forecast.shock.model import column
from levercap.forecast.shock.residual import logit
from support.properties import examples


def panel(days=1500, symbols=10, seed=0, common=1.0):
    """Path losses of symbols that share a part of their moves, and their volatility forecasts."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(np.log(0.05), 0.3, days))
    move = common * rng.standard_t(4, (days, 1)) + rng.normal(0, 0.5, (days, symbols))
    table = pd.DataFrame(
        {
            "as_of": np.repeat(pd.date_range("2020-01-01", periods=days, tz="UTC", unit="us"), symbols),
            "symbol": pd.Series(np.tile([f"S{k:02d}" for k in range(symbols)], days), dtype="str"),
            "path_long": (np.maximum(move, 0.0) * level[:, None]).ravel(),
            "path_short": (np.maximum(-move, 0.0) * level[:, None]).ravel(),
        }
    )
    return table, np.repeat(level, symbols)


@examples(100)
@given(
    losses=st.lists(st.floats(0, 1), min_size=5, max_size=40), share=st.floats(0.01, 1.0), barrier=st.floats(0.01, 0.9)
)
def test_the_shared_loss_reaches_a_barrier_exactly_when_the_share_is_hit(losses, share, barrier):
    losses = np.array(losses)
    hit = (losses >= barrier).sum() >= share * len(losses) - 1e-9
    assert (share_loss(losses, share) >= barrier) == hit
    assert share_loss(np.append(losses, np.nan), share) == share_loss(losses, share)


def test_the_shared_loss_of_ten_symbols():
    losses = np.arange(10) / 10
    assert share_loss(losses, 0.3) == 0.7
    assert share_loss(losses, 0.31) == 0.6
    assert share_loss(losses, 1.0) == 0.0
    assert share_loss(losses, 0.001) == 0.9
    assert np.isnan(share_loss(losses[:4], 0.3))


def test_instants_are_aggregated_over_the_symbols_with_a_forecast():
    table, volatility = panel(days=3)
    volatility[:2] = np.nan
    table.loc[10:16, "path_long"] = np.nan
    rows = common_losses(table, volatility, 0.3)
    assert list(rows.columns) == ["as_of", "volatility", "path_long", "path_short"]
    assert rows["path_short"][0] == share_loss(table["path_short"].to_numpy()[2:10], 0.3)
    assert np.isnan(rows["path_long"][1])
    assert rows["volatility"][1] == np.median(volatility[10:20])


def test_the_implied_probability_is_right_on_average_and_in_parts():
    model = MarketShock().fit(*panel(seed=1, days=6000))
    table, volatility = panel(seed=2, days=6000)
    found = model.predict(table["as_of"], volatility)
    happened = common_losses(table, volatility, 0.3)
    for side in Side:
        for barrier in (0.05, 0.1):
            event = (happened[f"path_{side}"] >= barrier).to_numpy()
            p = found[market_column(side, barrier)].to_numpy()
            high = p > np.median(p)
            for part in (high, ~high):
                error = np.sqrt((p[part] * (1 - p[part])).sum()) / part.sum()
                # two samples of equal size disagree by about twice the variance of one
                assert abs(event[part].mean() - p[part].mean()) < 4 * np.sqrt(2) * error


def test_what_the_symbols_learned_is_added_on_average():
    table, volatility = panel(days=400)
    model = MarketShock().fit(table, volatility)
    implied = pd.DataFrame({column(s, b): np.full(len(table), 0.1 / (1 + 10 * b)) for s in Side for b in BARRIERS})
    added = np.random.default_rng(0).normal(size=len(table))
    raised = implied.apply(lambda p: expit(logit(p.to_numpy()) + added))
    before = model.predict(table["as_of"], volatility)
    after = model.predict(table["as_of"], volatility, implied, raised)
    name = market_column("long", 0.05)
    np.testing.assert_allclose(
        logit(after[name].to_numpy()) - logit(before[name].to_numpy()), added.reshape(400, 10).mean(axis=1), atol=1e-9
    )


def test_probabilities_are_monotone_and_bounded():
    table, volatility = panel(days=300)
    model = MarketShock().fit(table, volatility)
    factor = np.repeat(np.geomspace(1e-3, 1e3, 300), 10)
    found = model.predict(table["as_of"], factor * 0.05)
    assert list(found.columns) == ["as_of", "symbols", *(market_column(s, b) for s in Side for b in BARRIERS)]
    for side in Side:
        values = found[[market_column(side, b) for b in BARRIERS]].to_numpy()
        assert (np.diff(values, axis=1) <= 0).all()
        assert (np.diff(values, axis=0) >= 0).all()
        assert ((values > 0) & (values < 1)).all()


def test_too_few_symbols_have_no_market():
    table, volatility = panel(days=20)
    model = MarketShock().fit(table, volatility)
    few = np.where(np.arange(len(table)) % 10 < 4, volatility, np.nan)
    found = model.predict(table["as_of"], few)
    assert (found["symbols"] == 4).all()
    assert found[market_column("long", 0.05)].isna().all()
    with pytest.raises(ValueError, match="no market to learn from"):
        MarketShock().fit(table, few)
    with pytest.raises(ValueError, match="share must lie in"):
        MarketShock(0.0).fit(table, volatility)


def test_it_survives_json():
    table, volatility = panel(days=100)
    model = MarketShock(0.5).fit(table, volatility)
    again = MarketShock.from_state(json.loads(json.dumps(model.to_state())))
    pd.testing.assert_frame_equal(again.predict(table["as_of"], volatility), model.predict(table["as_of"], volatility))
    assert (again.share, again.instants_) == (0.5, 100)


def test_the_empty_table_has_the_columns_and_types_of_predictions():
    outcomes, volatility = panel(days=300)
    found = MarketShock().fit(outcomes, volatility).predict(outcomes["as_of"], volatility)
    pd.testing.assert_frame_equal(found.iloc[:0], empty_market(), check_index_type=False)
