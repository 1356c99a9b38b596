"""GARCH and its extreme-value tail against the reference library, slow loops and known truths."""

import numpy as np
import pytest
from scipy import integrate, stats

from levercap.core.names import LEVELS, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.garch import GarchT, filter_variance, student_tail
from levercap.forecast.baselines.model import CannotFit
from levercap.forecast.baselines.pareto import GjrEvt, ParetoTail, fit_excesses
from support.daily_markets import garch_returns, symbol_days

arch = pytest.importorskip("arch")

TRUTH = {"omega": 2e-5, "alpha": 0.06, "gamma": 0.08, "beta": 0.88, "degrees": 5.0}


def slow_filter(shocks, start, omega, alpha, gamma, beta):
    """The recursion as it is printed, a missing shock being its expectation."""
    h = [omega + (alpha + gamma / 2 + beta) * start]
    for shock in shocks:
        square = h[-1] if np.isnan(shock) else shock**2
        below = 0.5 if np.isnan(shock) else float(shock < 0)
        h.append(omega + alpha * square + gamma * below * square + beta * h[-1])
    return np.array(h)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_the_filter_is_the_librarys_one_day_ahead(asymmetric):
    """The library's volatility at t uses t - 1: ours AFTER day t is its entry t + 1, and the last is its forecast."""
    returns, _ = garch_returns(900, seed=3, gamma=0.08, alpha=0.06, beta=0.88, mean=0.001)
    model = GarchT.fit(symbol_days(returns), asymmetric)
    reference = arch.arch_model(
        100 * returns, mean="Constant", vol="GARCH", p=1, o=int(asymmetric), q=1, dist="t", rescale=False
    )
    values = [100 * model.mean, 1e4 * model.omega, model.alpha]
    values += ([model.gamma] if asymmetric else []) + [model.beta, model.degrees]
    fixed = reference.fix(values)
    sigma = model.volatility(symbol_days(returns))
    np.testing.assert_allclose(sigma[:-1], fixed.conditional_volatility[1:] / 100, rtol=1e-10)
    ahead = np.sqrt(fixed.forecast(horizon=1, reindex=False).variance.to_numpy()[-1, 0]) / 100
    assert sigma[-1] == pytest.approx(ahead, rel=1e-10)


def test_the_filter_is_that_of_a_slow_loop_and_bears_holes():
    returns, _ = garch_returns(400, seed=4)
    returns[[50, 51, 52, 200]] = np.nan
    found = filter_variance(returns, 3e-3, 2e-5, 0.05, 0.06, 0.9)
    np.testing.assert_allclose(found, slow_filter(returns, 3e-3, 2e-5, 0.05, 0.06, 0.9), rtol=1e-12)


def test_over_a_long_hole_the_volatility_returns_to_its_long_run_level():
    model = GarchT(0.0, 2e-5, 0.05, 0.06, 0.9, 5.0, 1e-2)
    returns = np.r_[0.01, np.full(2000, np.nan)]
    days = SymbolDays(returns, {})
    assert model.volatility(days)[-1] ** 2 == pytest.approx(2e-5 / (1 - 0.05 - 0.03 - 0.9), rel=1e-6)


@pytest.mark.parametrize("degrees", [3.0, 5.0, 30.0])
@pytest.mark.parametrize("level", LEVELS)
def test_the_student_tail_by_integration(degrees, level):
    scale = np.sqrt((degrees - 2) / degrees)
    var, es = student_tail(degrees, level)
    assert stats.t.sf(var / scale, degrees) == pytest.approx(1 - level, rel=1e-10)
    mean = integrate.quad(lambda x: x * stats.t.pdf(x / scale, degrees) / scale, var, np.inf)[0] / (1 - level)
    assert es == pytest.approx(mean, rel=1e-6)


def test_the_fit_finds_the_truth():
    returns, sigma = garch_returns(6000, seed=11, **TRUTH)
    model = GarchT.fit(symbol_days(returns), asymmetric=True)
    for name in ("alpha", "gamma", "beta"):
        assert getattr(model, name) == pytest.approx(TRUTH[name], abs=0.035)
    assert model.degrees == pytest.approx(5.0, abs=1.0)
    ahead = model.volatility(symbol_days(returns))[:-1]
    assert np.abs(np.log(ahead[500:] / sigma[501:])).mean() < 0.05
    assert GarchT.fit(symbol_days(returns), asymmetric=False).gamma == 0.0


@pytest.mark.parametrize("fit", [lambda days: GarchT.fit(days, asymmetric=False), GjrEvt.fit])
def test_out_of_sample_the_tails_cover_what_they_promise(fit):
    returns, _ = garch_returns(12000, seed=21, alpha=0.08, beta=0.9)
    days = symbol_days(returns)
    model = fit(symbol_days(returns[:3000]))
    rows = np.arange(3000, 11999)
    for side in Side:
        loss = days.end(side)[rows + 1]
        for level in LEVELS:
            var, es = model.end(days, rows, side, level)
            hit = loss > var
            share = 1 - level  # the tail was estimated too, from 3000 days: its error adds to the binomial one
            assert hit.mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(rows) + share / 3000))
            excess = loss[hit] / es[hit]
            assert excess.mean() == pytest.approx(1, abs=4 * excess.std() / np.sqrt(hit.sum()) + 0.1)


def test_losses_are_those_of_the_simple_return():
    model = GarchT(0.001, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0)
    sigma = np.array([0.02, 0.5])
    long, short = model.losses(sigma, Side.LONG, 2.0, 3.0), model.losses(sigma, Side.SHORT, 2.0, 3.0)
    np.testing.assert_allclose(long[0], 1 - np.exp(0.001 - 2 * sigma))
    np.testing.assert_allclose(long[1], 1 - np.exp(0.001 - 3 * sigma))
    np.testing.assert_allclose(short[0], np.exp(0.001 + 2 * sigma) - 1)
    np.testing.assert_allclose(short[1], np.exp(0.001 + 3 * sigma) - 1)


def test_residuals_are_returns_over_the_volatility_forecast_the_day_before():
    returns, _ = garch_returns(1000, seed=8)
    days = symbol_days(returns)
    model = GarchT.fit(days, asymmetric=True)
    residuals = model.residuals(days)
    variance = slow_filter(returns - model.mean, model.start, model.omega, model.alpha, model.gamma, model.beta)
    np.testing.assert_allclose(residuals[1:], ((returns - model.mean) / np.sqrt(variance[:-1]))[1:], rtol=1e-10)
    assert residuals[1:].std() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("days", [249, 100])
def test_a_young_symbol_cannot_be_fitted(days):
    with pytest.raises(CannotFit, match="young"):
        GarchT.fit(symbol_days(garch_returns(days)[0]), asymmetric=False)


class _Broken:
    """An optimiser that gave up, or found no number."""

    def __init__(self, flag, value):
        self.convergence_flag = flag
        names = ("mu", "omega", "alpha[1]", "beta[1]", "nu")
        self.params = dict(zip(names, (0.0, 0.1, 0.1, value, 5.0), strict=True))

    def fit(self, **_):
        return self


@pytest.mark.parametrize(("flag", "value"), [(1, 0.8), (0, np.nan)])
def test_an_optimiser_that_does_not_converge_is_a_reason_and_not_a_model(monkeypatch, flag, value):
    monkeypatch.setattr(arch, "arch_model", lambda *_, **__: _Broken(flag, value))
    with pytest.raises(CannotFit, match="not converged"):
        GarchT.fit(symbol_days(garch_returns(400)[0]), asymmetric=False)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.15, 0.4])
@pytest.mark.parametrize("count", [60, 2000])
def test_excesses_are_fitted_as_well_as_the_reference_does(shape, count):
    for seed in range(3):
        sample = stats.genpareto.rvs(shape, scale=0.7, size=count, random_state=seed)
        found = fit_excesses(sample)
        theirs = stats.genpareto.fit(sample, floc=0)
        mine = stats.genpareto.logpdf(sample, found[0], scale=found[1]).sum()
        assert mine >= stats.genpareto.logpdf(sample, theirs[0], scale=theirs[2]).sum() - 1e-6
        if count == 2000:
            error = (1 + shape) / np.sqrt(count)  # asymptotic standard error of the shape
            assert found[0] == pytest.approx(shape, abs=4 * error)


def test_an_exponential_tail_is_the_limit():
    near = [ParetoTail(1.0, 0.1, shape, 0.6).var_es(0.99) for shape in (-1e-9, 0.0, 1e-9)]
    np.testing.assert_allclose(near[0], near[1], rtol=1e-7)
    np.testing.assert_allclose(near[2], near[1], rtol=1e-7)
    assert near[1][0] == pytest.approx(1.0 + 0.6 * np.log(10))
    assert near[1][1] == pytest.approx(near[1][0] + 0.6)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [-0.2, 0.25])
def test_quantile_and_shortfall_of_the_tail_are_the_reference_distributions(level, shape):
    tail = ParetoTail(1.2, 0.1, shape, 0.6)
    var, es = tail.var_es(level)
    beyond = stats.genpareto(shape, loc=1.2, scale=0.6)
    assert var == pytest.approx(beyond.ppf(1 - (1 - level) / 0.1), rel=1e-10)
    assert es == pytest.approx(beyond.expect(lb=var, conditional=True), rel=1e-6)


def test_the_tail_of_student_samples_is_near_the_truth():
    scale = np.sqrt(1 / 2)
    for level in LEVELS:
        truth = student_tail(4.0, level)
        found = []
        for seed in range(20):
            sample = scale * stats.t.rvs(4, size=5000, random_state=seed)
            found.append(ParetoTail.fit(sample).var_es(level))
        mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(20)
        assert (np.abs(mean / truth - 1) < 0.03 + 3 * error).all()


def test_the_tail_knows_its_threshold_and_share():
    sample = np.arange(1000.0) ** 1.5
    tail = ParetoTail.fit(sample)
    assert tail.share == 0.1
    assert tail.threshold == sample[899]
    with pytest.raises(CannotFit, match="young"):
        ParetoTail.fit(sample[:150])
    with pytest.raises(CannotFit, match="no tail"):
        ParetoTail.fit(np.ones(1000))


def test_each_side_wears_its_own_tail():
    rng = np.random.default_rng(0)
    z = np.where(rng.random(4000) < 0.1, -2 * rng.exponential(1, 4000), 0.3 * rng.normal(size=4000))
    model = GjrEvt.fit(symbol_days(0.03 * (z - z.mean()) / z.std()))
    long, short = (model.tails[side].var_es(0.99)[1] for side in Side)
    assert long > 2 * short
