import numpy as np
import pytest
from scipy.stats import binom, chi2
from scipy.stats import t as student

from levercap.evaluation.comparison.predictive_ability import diebold_mariano, giacomini_white

REPETITIONS = 1000


def accepted(rate: float, repetitions: int = REPETITIONS) -> tuple[float, float]:
    """Shares that a binomial with this rate leaves out once in ten thousand times."""
    return binom.ppf(0.00005, repetitions, rate) / repetitions, binom.ppf(0.99995, repetitions, rate) / repetitions


def moving_average(rng, days: int, order: int) -> np.ndarray:
    return np.convolve(rng.normal(size=days + order), np.ones(order + 1), mode="valid")


def slow_diebold_mariano(d, horizon, lags):
    n, mean = len(d), sum(d) / len(d)
    variance = sum((x - mean) ** 2 for x in d) / n
    for lag in range(1, lags + 1):
        covariance = sum((d[i] - mean) * (d[i - lag] - mean) for i in range(lag, n)) / n
        variance += 2 * (1 - lag / (lags + 1)) * covariance
    correction = ((n + 1 - 2 * horizon + horizon / n * (horizon - 1)) / n) ** 0.5
    return mean, (variance / n) ** 0.5, correction * mean / (variance / n) ** 0.5


@pytest.mark.parametrize(("horizon", "lags"), [(1, 0), (1, 5), (3, 2), (7, 12)])
def test_diebold_mariano_agrees_with_plain_loops(horizon, lags):
    d = moving_average(np.random.default_rng(0), 150, 3) + 0.4
    result = diebold_mariano(d, horizon, lags)
    got = (result.mean_difference, result.standard_error, result.statistic)
    assert got == pytest.approx(slow_diebold_mariano(list(d), horizon, lags))
    assert result.p_value == pytest.approx(2 * student.cdf(-abs(result.statistic), 149))
    assert result.p_better == pytest.approx(1 - result.p_value / 2)  # the model is worse here


def test_standard_error_agrees_with_a_regression_on_a_constant():
    sm = pytest.importorskip("statsmodels.api")
    d = moving_average(np.random.default_rng(1), 300, 4)
    fit = sm.OLS(d, np.ones(300)).fit(cov_type="HAC", cov_kwds={"maxlags": 6, "use_correction": False})
    assert diebold_mariano(d, lags=6).standard_error == pytest.approx(fit.bse[0])


def test_the_sign_says_who_is_better():
    d = np.random.default_rng(2).normal(size=200) - 0.5
    better, worse = diebold_mariano(d), diebold_mariano(-d)
    assert better.mean_difference < 0
    assert better.p_better < 0.001 < 0.999 < worse.p_better
    assert better.p_value == worse.p_value
    assert better.statistic == -worse.statistic


def test_lags_cover_the_horizon_and_the_memory_of_the_data():
    rng = np.random.default_rng(0)
    independent = rng.normal(size=1000)
    assert diebold_mariano(independent).lags < 10 <= diebold_mariano(independent, horizon_days=11).lags
    assert diebold_mariano(moving_average(rng, 1000, 10)).lags > 10


@pytest.mark.parametrize("shift", [0.0, -0.25])
def test_diebold_mariano_size_and_power(shift):
    rng = np.random.default_rng(3)
    results = [diebold_mariano(rng.standard_t(5, size=250) + shift) for _ in range(REPETITIONS)]
    rejected = np.mean([r.p_value < 0.05 for r in results])
    better = np.mean([r.p_better < 0.05 for r in results])
    if shift:
        assert min(rejected, better) > 0.7
    else:  # four Bartlett lags at 250 days cost a percent of size; wrong formulas cost several
        assert accepted(0.05)[0] <= rejected <= accepted(0.065)[1]
        assert accepted(0.05)[0] <= better <= accepted(0.06)[1]


def test_overlapping_horizons_need_the_lags():
    rng = np.random.default_rng(4)
    series = [moving_average(rng, 1000, 6) for _ in range(300)]
    naive = np.mean([diebold_mariano(d, lags=0).p_value < 0.05 for d in series])
    robust = np.mean([diebold_mariano(d, horizon_days=7, lags=20).p_value < 0.05 for d in series])
    assert naive > 0.35
    assert robust < accepted(0.075, 300)[1]


def known(d, extra, horizon):
    return np.column_stack([np.ones(len(d) - horizon), d[:-horizon], extra[horizon:]])


def test_giacomini_white_is_n_times_the_fit_of_a_constant():
    rng = np.random.default_rng(5)
    d, extra = rng.normal(size=200) + 0.1, rng.normal(size=(200, 2))
    moments = known(d, extra, 1) * d[1:, None]
    ones = np.ones(199)
    fitted = moments @ np.linalg.lstsq(moments, ones, rcond=None)[0]
    result = giacomini_white(d, extra)
    assert result.statistic == pytest.approx(fitted @ fitted)  # n R^2 without centring: Giacomini and White, eq. 6
    assert result.p_value == pytest.approx(chi2.sf(fitted @ fitted, 4))
    assert (result.instruments, result.days) == (4, 199)


def test_giacomini_white_at_several_steps_agrees_with_plain_loops():
    rng = np.random.default_rng(6)
    d, extra, horizon = moving_average(rng, 150, 2), rng.normal(size=150), 3
    moments = known(d, extra[:, None], horizon) * d[horizon:, None]
    n = len(moments)
    covariance = sum(np.outer(m, m) for m in moments) / n
    for lag in (1, 2):
        product = sum(np.outer(moments[i], moments[i - lag]) for i in range(lag, n)) / n
        covariance = covariance + (1 - lag / 3) * (product + product.T)
    mean = moments.mean(axis=0)
    result = giacomini_white(d, extra, horizon, lags=2)
    assert result.statistic == pytest.approx(n * mean @ np.linalg.inv(covariance) @ mean)


def test_giacomini_white_does_not_depend_on_units():
    rng = np.random.default_rng(7)
    d, extra = rng.normal(size=300), rng.normal(size=300)
    base = giacomini_white(d, extra)
    scaled = giacomini_white(1e-7 * d, 1e6 * extra)
    assert scaled.statistic == pytest.approx(base.statistic)
    assert scaled.share_better == base.share_better


@pytest.mark.parametrize("horizon", [1, 2])
def test_giacomini_white_size(horizon):
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(REPETITIONS):
        d = moving_average(rng, 400, horizon - 1)
        rejected += giacomini_white(d, rng.normal(size=400), horizon).p_value < 0.05
    assert accepted(0.04)[0] <= rejected / REPETITIONS <= accepted(0.06)[1]


def test_giacomini_white_sees_what_averages_out():
    """One model is better in calm, the other in storm: equal on average, yet foreseeable."""
    rng = np.random.default_rng(9)
    conditional = unconditional = 0
    for _ in range(200):
        calm = np.where(rng.random(300) < 0.5, 1.0, -1.0)
        d = 0.3 * calm + rng.normal(size=300)
        result = giacomini_white(d, calm)
        conditional += result.p_value < 0.05
        unconditional += diebold_mariano(d).p_value < 0.05
    assert conditional > 180
    assert unconditional < 30
    assert result.coefficients[2] == pytest.approx(0.3, abs=0.2)
    assert result.share_better == pytest.approx((calm[1:] < 0).mean(), abs=0.15)


def test_models_that_never_differ_are_equal():
    same = diebold_mariano(np.zeros(50))
    assert (same.statistic, same.p_value, same.p_better) == (0, 1, 1)
    conditional = giacomini_white(np.zeros(50))
    assert (conditional.statistic, conditional.p_value) == (0, 1)


def test_what_cannot_be_tested_is_refused_with_the_reason():
    d = np.random.default_rng(0).normal(size=50)
    with pytest.raises(ValueError, match="without variation"):
        diebold_mariano(np.full(50, 0.1))
    with pytest.raises(ValueError, match="1 of 50 daily loss differences are missing"):
        diebold_mariano(np.where(np.arange(50) == 3, np.nan, d))
    with pytest.raises(ValueError, match="at least 10 daily"):
        diebold_mariano(d[:5])
    with pytest.raises(ValueError, match="lags must be"):
        diebold_mariano(d, lags=50)
    with pytest.raises(ValueError, match="horizon_days"):
        giacomini_white(d, horizon_days=0)
    with pytest.raises(ValueError, match="must vary"):
        giacomini_white(d, np.ones(50))
    with pytest.raises(ValueError, match="each of the 50 days"):
        giacomini_white(d, np.ones(49))
