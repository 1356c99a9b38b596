"""Baselines as forecasters: the tables, what each forecast may know, and what happens to symbols without a model."""

import sys

import numpy as np
import pandas as pd
import pytest

from levercap.config import ForecastConfig
from levercap.core.errors import ConfigError, DataError
from levercap.core.horizon import DAY
from levercap.core.names import LEVELS
from levercap.forecast import ForecastSpec
from levercap.forecast.baselines import BASELINES, fit_baseline
from levercap.forecast.forecaster import fit_forecaster
from levercap.forecast.history import known_by
from support.daily_markets import daily_market, day

UNTIL, STOP = day(610), day(640)
NUMBERS = ["var", "es", "path_var", "path_es"]
WINDOWED = ("hs_250", "hs_500", "ewma_fhs")
FITTED = ("garch_t", "gjr_evt", "caviar")
AGES = {"OLD": 0, "ELDER": 5, "TEEN": 300, "BABY": 580}


@pytest.fixture(scope="module")
def market():
    return daily_market(AGES, days=660)


@pytest.fixture(scope="module")
def fits(market):
    return {name: fit_baseline(name, *market, UNTIL) for name in BASELINES}


def month(features, outcomes, stop=STOP):
    rows = ((features["as_of"] >= UNTIL) & (features["as_of"] < stop)).to_numpy()
    return features[rows], outcomes[rows]


def same(left, right):
    pd.testing.assert_frame_equal(left.tails, right.tails, check_exact=True)
    pd.testing.assert_frame_equal(left.forecasts, right.forecasts, check_exact=True)


def before(forecast, instant):
    return forecast.tails[forecast.tails["as_of"] < instant].reset_index(drop=True)


@pytest.mark.parametrize("name", BASELINES)
def test_the_tables_are_those_of_our_own_forecaster(name, fits, market):
    features, outcomes = month(*market)
    forecast = fits[name].predict(features, outcomes)
    ours = fit_forecaster("b1", *market, UNTIL, ForecastSpec(ForecastConfig())).predict(features)
    calibrated = [c for c in ours.forecasts.columns if not c.startswith("implied_")]
    for mine, theirs in ((forecast.tails, ours.tails), (forecast.forecasts, ours.forecasts[calibrated])):
        assert list(mine.columns) == list(theirs.columns)
        assert (mine.dtypes == theirs.dtypes).all()
        keys = [c for c in ("as_of", "symbol", "side", "level") if c in mine]
        pd.testing.assert_frame_equal(mine[keys], mine[keys].sort_values(keys, ignore_index=True))
        assert set(map(tuple, mine[keys].to_numpy())) == set(map(tuple, theirs[keys].to_numpy()))


@pytest.mark.parametrize("name", BASELINES)
def test_the_numbers_are_ordered_and_positive(name, fits, market):
    tails = fits[name].predict(*month(*market)).tails
    assert np.isfinite(tails[NUMBERS]).all(axis=None)
    assert (tails["var"] > 0).all()
    assert (tails["es"] >= tails["var"]).all()
    assert (tails["path_es"] >= tails["path_var"]).all()
    assert (tails["path_var"] >= tails["var"]).all()
    assert (tails["path_es"] >= tails["es"]).all()
    assert (tails.loc[tails["side"] == "long", NUMBERS] <= 1).all(axis=None)
    low, high = (tails[tails["level"] == level].reset_index(drop=True) for level in LEVELS)
    assert (high[NUMBERS] >= low[NUMBERS]).all(axis=None)


@pytest.mark.parametrize("name", BASELINES)
def test_a_fit_does_not_depend_on_what_came_later(name, fits, market):
    features, outcomes = (frame.copy() for frame in market)
    features.loc[features["as_of"] > UNTIL, ["return_24h", "slow_level", "b1_volatility"]] = 7.7
    outcomes.loc[~known_by(outcomes, UNTIL, DAY), ["long", "short", "path_long", "path_short"]] = 0.9
    spoiled = fit_baseline(name, features, outcomes, UNTIL)
    kept = (features["as_of"] <= UNTIL).to_numpy()
    cut = fit_baseline(name, features[kept], outcomes[kept], UNTIL)
    for other in (spoiled, cut):
        same(fits[name].predict(*month(*market)), other.predict(*month(*market)))


@pytest.mark.parametrize("name", BASELINES)
def test_a_forecast_does_not_depend_on_later_days_of_the_month(name, fits, market):
    features, outcomes = month(*market)
    whole = fits[name].predict(features, outcomes)
    for stop in (day(611), day(612), day(625)):
        by_then = known_by(outcomes, stop, DAY)
        known = outcomes.assign(**{c: outcomes[c].where(by_then) for c in ("path_long", "path_short")})
        rows = (features["as_of"] < stop).to_numpy()
        part = fits[name].predict(features[rows], known[rows])
        pd.testing.assert_frame_equal(part.tails, before(whole, stop), check_exact=True)


@pytest.mark.parametrize("name", BASELINES)
def test_a_planted_day_is_seen_from_its_midnight_on_and_not_before(name, fits, market):
    """The return of day 619, known at the midnight of day 620, moves the forecast made at that very midnight."""
    features, outcomes = (frame.copy() for frame in month(*market))
    clean = fits[name].predict(features, outcomes)
    features.loc[features["as_of"] == day(620), "return_24h"] = -12.0
    outcomes.loc[outcomes["as_of"] == day(619), ["long", "path_long"]] = 0.45
    planted = fits[name].predict(features, outcomes)
    pd.testing.assert_frame_equal(before(planted, day(620)), before(clean, day(620)), check_exact=True)
    at = [f.tails.query("as_of == @day(620) and symbol == 'OLD' and side == 'long'") for f in (clean, planted)]
    assert (at[1][["var", "es"]].to_numpy() >= at[0][["var", "es"]].to_numpy()).all()
    assert (at[1]["es"].to_numpy() > at[0]["es"].to_numpy()).all()
    assert (at[1]["path_es"].to_numpy() > at[0]["path_es"].to_numpy()).all()


@pytest.mark.parametrize("name", WINDOWED)
def test_a_path_loss_enters_the_window_on_the_day_it_is_known(name, fits, market):
    features, outcomes = (frame.copy() for frame in month(*market))
    clean = fits[name].predict(features, outcomes).tails
    outcomes.loc[outcomes["as_of"] == day(619), "path_long"] = 0.99
    planted = fits[name].predict(features, outcomes).tails
    moved = (clean["path_es"] != planted["path_es"]).to_numpy()
    assert set(clean.loc[moved, "as_of"]) == {day(d) for d in range(620, 640)}
    assert set(clean.loc[moved, "side"]) == {"long"}
    pd.testing.assert_frame_equal(clean[["var", "es"]], planted[["var", "es"]], check_exact=True)


@pytest.mark.parametrize("name", WINDOWED)
def test_without_outcomes_the_path_window_ends_at_the_fit(name, fits, market):
    features, outcomes = month(*market)
    rolling, fixed = fits[name].predict(features, outcomes).tails, fits[name].predict(features).tails
    pd.testing.assert_frame_equal(rolling[["var", "es"]], fixed[["var", "es"]], check_exact=True)
    first = (rolling["as_of"] == UNTIL).to_numpy()
    pd.testing.assert_frame_equal(rolling[first], fixed[first], check_exact=True)
    assert not rolling["path_es"].equals(fixed["path_es"])


@pytest.mark.parametrize("name", BASELINES)
def test_day_by_day_equals_the_month_at_once(name, fits, market):
    """What a nightly run has, all rows since the fit, gives the night the same forecast as the walk-forward did."""
    features, outcomes = month(*market)
    whole = fits[name].predict(features, outcomes).tails
    for night in (day(610), day(617)):
        rows = (features["as_of"] <= night).to_numpy()
        alone = fits[name].predict(features[rows], outcomes[rows]).tails
        for table in (whole, alone):
            table["night"] = table["as_of"] == night
        left, right = (t[t["night"]].reset_index(drop=True) for t in (whole, alone))
        pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_young_symbols_are_counted_and_forecast_by_b1(fits, market):
    features, outcomes = month(*market)
    ours = fit_forecaster("b1", *market, UNTIL, ForecastSpec(ForecastConfig())).predict(features).tails
    for name, baseline in fits.items():
        young = {"BABY", "TEEN"} if name == "caviar" else {"BABY"}
        assert baseline.fallbacks == dict.fromkeys(sorted(young), "young")
        assert set(baseline.models) == set(AGES) - young
        mine = baseline.predict(features, outcomes).tails
        rows = mine["symbol"].isin(young)
        pd.testing.assert_frame_equal(mine.loc[rows, ["var", "es"]], ours.loc[rows, ["var", "es"]], rtol=1e-12)


@pytest.mark.parametrize("name", ["hs_250", "gjr_evt", "caviar"])
def test_symbols_not_seen_in_fitting_are_forecast_by_b1(name, market):
    features, outcomes = market
    seen = (features["symbol"] != "OLD").to_numpy()
    baseline = fit_baseline(name, features[seen], outcomes[seen], UNTIL)
    tails = baseline.predict(*month(features, outcomes)).tails
    b1 = fit_forecaster("b1", features[seen], outcomes[seen], UNTIL, ForecastSpec(ForecastConfig()))
    ours = b1.predict(month(features, outcomes)[0]).tails
    rows = tails["symbol"] == "OLD"
    assert rows.sum() == 30 * 4
    pd.testing.assert_frame_equal(tails.loc[rows, ["var", "es"]], ours.loc[rows, ["var", "es"]], rtol=1e-12)


@pytest.mark.parametrize("name", FITTED)
def test_a_symbol_that_never_moves_has_no_model_but_a_forecast(name, market):
    features, outcomes = (frame.copy() for frame in market)
    features.loc[features["symbol"] == "ELDER", "return_24h"] = 0.0
    outcomes.loc[outcomes["symbol"] == "ELDER", ["long", "short", "path_long", "path_short"]] = 0.0
    baseline = fit_baseline(name, features, outcomes, UNTIL)
    assert baseline.fallbacks["ELDER"] == "no movement"
    tails = baseline.predict(*month(features, outcomes)).tails
    assert (tails.loc[tails["symbol"] == "ELDER", "var"] > 0).all()


@pytest.mark.parametrize("name", BASELINES)
def test_a_hole_is_missing_and_not_a_flat_price(name, market):
    features, outcomes = market
    hole = ((features["as_of"] >= day(400)) & (features["as_of"] < day(440)) & (features["symbol"] == "OLD")).to_numpy()
    kept = features[~hole].reset_index(drop=True), outcomes[~hole].reset_index(drop=True)
    kept[0].loc[(kept[0]["as_of"] == day(440)) & (kept[0]["symbol"] == "OLD"), "return_24h"] = np.nan
    tails = fit_baseline(name, *kept, UNTIL).predict(*month(*kept)).tails
    assert len(tails) == 30 * 4 * 4
    assert np.isfinite(tails[NUMBERS]).all(axis=None)


def test_origins_at_other_hours_change_nothing_and_get_no_forecast(market):
    features, outcomes = market
    noon = [frame.assign(as_of=frame["as_of"] + pd.Timedelta(hours=12)) for frame in market]
    mixed = [pd.concat([a, b], ignore_index=True) for a, b in zip(market, noon, strict=True)]
    order = mixed[0].sort_values(["as_of", "symbol"]).index
    mixed = [frame.loc[order].reset_index(drop=True) for frame in mixed]
    plain, both = fit_baseline("ewma_fhs", features, outcomes, UNTIL), fit_baseline("ewma_fhs", *mixed, UNTIL)
    same(plain.predict(*month(features, outcomes)), both.predict(*month(*mixed)))
    assert len(both.predict(month(*noon)[0]).tails) == 0


def test_errors_say_what_was_expected(market, monkeypatch):
    with pytest.raises(ConfigError, match=r"'garch'.*hs_250.*gjr_evt"):
        fit_baseline("garch", *market, UNTIL)
    with pytest.raises(DataError, match="500 symbol-days"):
        fit_baseline("hs_250", *market, day(100))
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(ConfigError, match=r"levercap\[garch\]"):
        fit_baseline("gjr_evt", *market, UNTIL)
    fit_baseline("caviar", *market, UNTIL)


class _Perverse:
    """A model whose numbers fall with the level, whose ES is below its VaR and whose path is milder than its end."""

    def volatility(self, days):
        return np.full(len(days.returns), 0.03)

    def end(self, days, rows, side, level):
        return np.full(len(rows), 1.5 - level), np.full(len(rows), 0.001)

    def path(self, days, rows, side, level):
        return np.full(len(rows), np.where(np.arange(len(rows)) % 2, np.nan, -3.0)), np.full(len(rows), 7.0)


def test_whatever_a_model_says_the_table_is_ordered(market, monkeypatch):
    monkeypatch.setitem(BASELINES, "perverse", lambda days: _Perverse())
    tails = fit_baseline("perverse", *market, UNTIL).predict(*month(*market)).tails
    assert np.isfinite(tails[NUMBERS]).all(axis=None)
    for number in ("var", "es"):
        np.testing.assert_allclose(tails[number], 1.5 - LEVELS[0])
    assert (tails["path_var"] >= tails["var"]).all()
    assert (tails.loc[tails["side"] == "long", "path_es"] <= 1).all()
    assert (tails.loc[tails["side"] == "short", "path_es"] > 0.3).all()
    assert (tails.loc[tails["side"] == "short", "path_es"] == 7.0).sum() == 2 * len(tails) / 8
