"""RiskMetrics, volatility targeting and simulation from windows against closed forms and slow loops."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from levercap.core.names import LEVELS, Side
from levercap.forecast.baselines.days import daily_history
from levercap.forecast.baselines.scaled import RiskMetrics, VolTarget, ewma_volatility, normal_tail, window_volatility
from levercap.forecast.baselines.windowed import FilteredSimulation, HistoricalSimulation, window_tail
from support.daily_markets import daily_market, day, garch_returns, symbol_days

WITH_HOLES = garch_returns(700, seed=5)[0]
WITH_HOLES[[0, 17, 18, 300]] = np.nan


def test_the_daily_history_is_the_one_the_market_came_from():
    features, outcomes = daily_market({"AAA": 0, "BBB": 40}, days=200, seed=3)
    history = daily_history(features, outcomes, day(150))
    returns, _ = garch_returns(201, seed=301)
    known = symbol_days(returns, seed=1)
    found = history.of("BBB")
    np.testing.assert_allclose(found.returns[40:151], returns[40:151], rtol=1e-13)
    assert np.isnan(found.returns[:40]).all()
    assert np.isnan(found.returns[151:]).all()
    for side in Side:
        np.testing.assert_allclose(found.path[side][41:151], known.path[side][41:151], rtol=1e-13)
        np.testing.assert_allclose(found.end(side)[41:151], known.end(side)[41:151], rtol=1e-12)
        assert np.isnan(found.path[side][151:]).all()
        assert (found.path[side][41:151] >= found.end(side)[41:151]).all()


def test_what_became_known_at_a_midnight_is_one_and_the_same_day():
    """The end loss in the outcome of day i is minus the growth known on day i + 1."""
    features, outcomes = daily_market({"AAA": 0}, days=100)
    days = daily_history(features, outcomes).of("AAA")
    for side in Side:
        np.testing.assert_allclose(days.end(side)[1:100], outcomes[str(side)][:99], atol=1e-12)


def test_histories_join_where_one_ends():
    features, outcomes = daily_market({"AAA": 0, "BBB": 70}, days=100)
    whole = daily_history(features, outcomes)
    first = daily_history(features, outcomes, day(60))
    rest = (features["as_of"] >= day(60)).to_numpy()
    joined = first.joined(daily_history(features[rest], outcomes[rest]))
    assert joined.symbols == whole.symbols
    np.testing.assert_array_equal(joined.returns, whole.returns)
    for side in Side:
        np.testing.assert_array_equal(joined.path[side], whole.path[side])


@pytest.mark.parametrize("decay", [0.94, 0.8])
def test_the_ewma_is_the_weighted_mean_of_squares(decay):
    sigma = ewma_volatility(WITH_HOLES, decay)
    assert np.isnan(sigma[0])
    for i in (1, 18, 19, 299, 300, 699):
        past = WITH_HOLES[: i + 1]
        past = past[~np.isnan(past)][::-1]
        weight = decay ** np.arange(len(past))
        assert sigma[i] == pytest.approx(np.sqrt(weight @ past**2 / weight.sum()), rel=1e-12)


def test_the_ewma_follows_the_published_recursion_once_it_is_old():
    returns = garch_returns(1500, seed=2)[0]
    variance = ewma_volatility(returns)[500] ** 2
    for i in range(501, 1500):
        variance = 0.94 * variance + 0.06 * returns[i] ** 2
    assert ewma_volatility(returns)[-1] ** 2 == pytest.approx(variance, rel=1e-10)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_the_normal_tail_by_integration(level, sigma):
    quantile = stats.norm.ppf(level)
    for side, sign in ((Side.LONG, -1), (Side.SHORT, 1)):
        var, es = normal_tail(np.array([sigma]), side, level)
        assert var[0] == pytest.approx(sign * (np.exp(sign * quantile * sigma) - 1))

        def loss(x, sign=sign):
            return sign * np.expm1(sign * sigma * x) * stats.norm.pdf(x)

        assert es[0] == pytest.approx(integrate.quad(loss, quantile, quantile + 20)[0] / (1 - level), rel=1e-8)


def test_riskmetrics_covers_a_normal_market_of_constant_volatility():
    returns = 0.03 * np.random.default_rng(1).normal(size=6000)
    days = symbol_days(returns)
    rows = np.arange(200, 5999)
    for side in Side:
        for level in LEVELS:
            var, _ = RiskMetrics().end(days, rows, side, level)
            hits = (days.end(side)[rows + 1] > var).mean()
            # an EWMA with 33 effective days widens the tail: P(|t| > q) rises by about (q^2 + 1) q f(q) / (4 * 33)
            quantile = stats.norm.ppf(level)
            expected = 1 - level + stats.norm.pdf(quantile) * quantile * (quantile**2 + 1) / (4 * 33)
            assert hits == pytest.approx(expected, abs=4 * np.sqrt(expected / len(rows)))


def test_the_window_volatility_is_that_of_a_slow_loop():
    sigma = window_volatility(WITH_HOLES, 30, 10)
    for i in (0, 5, 10, 11, 40, 300, 699):
        past = WITH_HOLES[: i + 1]
        past = past[~np.isnan(past)][-30:]
        if len(past) < 10:
            assert np.isnan(sigma[i])
        else:
            assert sigma[i] == pytest.approx(np.sqrt(np.mean(past**2)), rel=1e-10)
    np.testing.assert_array_equal(sigma, VolTarget().volatility(symbol_days(WITH_HOLES)))


def test_a_window_that_forgot_a_crash_is_exact_again():
    returns = 0.03 * np.random.default_rng(1).normal(size=200)
    returns[50] = -9.0
    assert window_volatility(returns, 30, 10)[-1] == pytest.approx(np.sqrt(np.mean(returns[-30:] ** 2)), rel=1e-9)


@pytest.mark.parametrize("window", [250, 500])
@pytest.mark.parametrize("level", LEVELS)
def test_historical_simulation_is_the_empirical_quantile(window, level):
    days = symbol_days(WITH_HOLES)
    model = HistoricalSimulation(window)
    rows = np.array([260, 300, 301, 699])
    for side in Side:
        for losses, (var, es) in (
            (days.end(side), model.end(days, rows, side, level)),
            (days.path[side], model.path(days, rows, side, level)),
        ):
            for k, i in enumerate(rows):
                sample = losses[: i + 1]
                sample = sample[~np.isnan(sample)][-window:]
                assert var[k] == pytest.approx(np.quantile(sample, level), rel=1e-12)
                assert es[k] == pytest.approx(sample[sample >= np.quantile(sample, level)].mean(), rel=1e-12)


def test_too_short_a_window_says_nothing():
    values = np.arange(40.0)
    values[3] = np.nan
    var, es = window_tail(values, np.array([18, 19, 20, 39]), 500, 0.975)
    assert np.isnan(var[:2]).all()
    assert np.isnan(es[:2]).all()
    assert var[2] == pytest.approx(np.quantile(np.delete(np.arange(21.0), 3), 0.975))


@pytest.mark.parametrize("level", LEVELS)
def test_filtered_simulation_divides_by_the_volatility_before_and_multiplies_by_todays(level):
    days = symbol_days(WITH_HOLES)
    model = FilteredSimulation(window=200, decay=0.94)
    sigma = [np.nan]
    for i in range(1, 700):
        past = WITH_HOLES[: i + 1]
        past = past[~np.isnan(past)][::-1]
        weight = 0.94 ** np.arange(len(past))
        sigma.append(np.sqrt(weight @ past**2 / weight.sum()))
    for side in Side:
        for losses, tail in ((days.end(side), model.end), (days.path[side], model.path)):
            for i in (350, 699):
                sample = [losses[k] / sigma[k - 1] for k in range(2, i + 1) if not np.isnan(losses[k])][-200:]
                quantile = np.quantile(sample, level)
                var, es = tail(days, np.array([i]), side, level)
                assert var[0] == pytest.approx(quantile * sigma[i], rel=1e-11)
                assert es[0] == pytest.approx(np.mean([z for z in sample if z >= quantile]) * sigma[i], rel=1e-11)


def test_historical_simulation_with_no_filter_is_filtered_simulation_that_never_forgets():
    """With one constant volatility the two are the same numbers."""
    returns = np.where(np.arange(600) % 2, 0.02, -0.02)
    days = symbol_days(returns)
    rows = np.array([400, 599])
    plain, filtered = HistoricalSimulation(250), FilteredSimulation(250, 0.94)
    for side in Side:
        for level in LEVELS:
            np.testing.assert_allclose(
                plain.path(days, rows, side, level), filtered.path(days, rows, side, level), rtol=1e-12
            )


def test_vol_target_is_one_multiplier_for_all_symbols():
    from levercap.forecast.baselines import fit_baseline

    features, outcomes = daily_market({"AAA": 0, "BBB": 100, "CCC": 3}, days=500)
    baseline = fit_baseline("vol_target", features, outcomes, day(450))
    rows = (features["as_of"] >= day(450)).to_numpy()
    forecast = baseline.predict(features[rows], outcomes[rows])
    table = forecast.tails.merge(forecast.forecasts[["as_of", "symbol", "volatility"]], on=["as_of", "symbol"])
    for number in ("var", "es", "path_var", "path_es"):
        multiplier = (table[number] / table["volatility"]).groupby([table["side"], table["level"]])
        np.testing.assert_allclose(multiplier.max(), multiplier.min(), rtol=1e-9)
    history = daily_history(features, outcomes, day(450))
    z = []
    for symbol in history.symbols:
        days = history.of(symbol)
        z.append(days.end(Side.LONG)[1:] / VolTarget().volatility(days)[:-1])
    known = pd.Series(np.concatenate(z)).dropna()
    long = table[(table["side"] == "long") & (table["level"] == 0.975)].iloc[0]
    assert long["var"] / long["volatility"] == pytest.approx(np.quantile(known, 0.975), rel=1e-9)
