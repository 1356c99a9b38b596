"""Funding, open interest and implied volatility: by hand and against slow twins."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from levercap.core.panel import BAR_FIELDS, OPTIONAL_FIELDS, Panel
from levercap.features import feature_table
from levercap.features.funding import funding_features, funding_known, signed_log
from levercap.features.implied import implied_features
from levercap.features.open_interest import log_open_interest, open_interest_features, run_up
from levercap.features.returns import ingredients
from levercap.features.volatility import slow_level

NAN = math.nan


@pytest.fixture(scope="module")
def panel(fitted) -> Panel:
    """170 days of the simulated market, one symbol listed on the way."""
    rows = slice(24 * 150, 24 * 320)
    panel = fitted.market.panel
    cut = {n: getattr(panel, n)[rows].copy() for n in (*BAR_FIELDS, *OPTIONAL_FIELDS)}
    return dataclasses.replace(panel, timestamps=panel.timestamps[rows], **cut)


def made(features, panel: Panel) -> dict[str, np.ndarray]:
    x = ingredients(panel)
    return dict(features(panel, x, slow_level(x)))


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_funding_counts_for_the_hours_since_the_last_charge():
    rate = np.full((40, 1), NAN)
    rate[[8, 16, 20, 36]] = column(1e-4, 2e-4, 1e-4, 3e-4)
    expected = np.full((40, 1), NAN)
    expected[8:16] = 3.0  # the first charge counts for eight hours: 1 bp three times a day
    expected[16:20] = 6.0
    expected[20:33] = 6.0  # four hours after the last one: 1 bp six times a day; known for twelve hours more
    expected[36:] = 9.0  # sixteen hours are a hole, not an interval
    assert_allclose(funding_known(rate), expected, rtol=1e-12)


def test_charges_every_hour_every_four_and_every_eight_compare():
    rate = np.full((24 * 20, 3), NAN)
    for j, hours in enumerate((1, 4, 8)):
        rate[::hours, j] = 1e-4 * hours / 8
    assert_allclose(funding_known(rate)[24:], 3.0, rtol=1e-12)


def test_signed_log_is_linear_near_zero_and_logarithmic_far_out():
    assert signed_log(np.array([0.03]))[0] == pytest.approx(0.01, rel=1e-4)
    assert signed_log(np.array([3000.0]))[0] == pytest.approx(math.log(2000.0), rel=1e-6)
    assert_array_equal(signed_log(np.array([-5.0, NAN])), -signed_log(np.array([5.0, NAN])))


def test_funding_features_against_a_slow_twin(panel):
    got = made(funding_features, panel)
    funding = funding_known(panel.funding_rate)
    symbols = range(len(panel.symbols))
    for i in (24 * 60 + 5, 24 * 169):
        week = [_mean(funding[i - 167 : i + 1, j], 84) for j in symbols]
        signed = [math.asinh(w / 3.0) for w in week]
        there = [s for s in signed if not math.isnan(s)]
        assert len(there) >= 3
        score = []
        for j in symbols:
            past = [math.asinh(v / 3.0) for v in funding[: i + 1, j] if not math.isnan(v)]
            w = [0.5 ** (k / (90 * 24)) for k in range(len(past))][::-1]
            mean = _weighted(past, w)
            deviation = math.sqrt(max(_weighted([p * p for p in past], w) - mean**2, 0.01))
            level = math.asinh(funding[i, j] / 3.0)
            score.append((level - mean) / deviation if len(past) >= 720 else NAN)
            assert_allclose(got["funding"][i, j], level)
        dispersion = math.sqrt(np.mean([(s - np.mean(there)) ** 2 for s in there]))
        absolute = [math.asinh(_mean(np.abs(funding[i - 167 : i + 1, j]), 84) / 3.0) for j in symbols]
        assert_allclose(got["funding_7d"][i], signed)
        assert_allclose(got["funding_absolute_7d"][i], absolute)
        assert_allclose(got["funding_score"][i], score, rtol=1e-6)
        assert_allclose(got["funding_to_market_7d"][i], np.array(signed) - np.mean(there), atol=1e-12)
        assert_allclose(got["market_funding_7d"][i], np.mean(there))
        assert_allclose(got["market_funding_score"][i], np.nanmean(score), rtol=1e-6)
        assert_allclose(got["funding_dispersion_7d"][i], dispersion)


def _mean(values: np.ndarray, minimum: int) -> float:
    there = [v for v in values if not math.isnan(v)]
    return sum(there) / len(there) if len(there) >= minimum else NAN


def _weighted(values: list[float], weights: list[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights) if values else NAN


def test_funding_that_never_changes_has_no_score_but_zero(panel):
    rate = np.where(np.isnan(panel.funding_rate), NAN, 1e-4)
    got = made(funding_features, dataclasses.replace(panel, funding_rate=rate))
    assert np.nanmax(np.abs(got["funding_score"])) < 1e-6
    assert_allclose(got["market_funding_7d"][-1], math.asinh(1.0))
    assert np.nanmax(got["funding_dispersion_7d"]) < 1e-9


def test_funding_of_two_symbols_has_no_dispersion(panel):
    rate = panel.funding_rate.copy()
    rate[:, 2:] = NAN
    got = made(funding_features, dataclasses.replace(panel, funding_rate=rate))
    assert np.isnan(got["funding_dispersion_7d"]).all()
    assert np.isfinite(got["market_funding_7d"][-1]).all(), "the market's is that of the symbols that have one"
    assert np.isnan(got["funding_7d"][-1, 2:]).all()


def test_open_interest_is_known_an_hour_after_its_stamp_and_for_three_hours():
    got = log_open_interest(column(1.0, math.e, NAN, NAN, NAN, NAN, 0.0, math.e**2, NAN))
    assert_allclose(got, column(NAN, 0.0, 1.0, 1.0, 1.0, 1.0, NAN, NAN, 2.0))


def test_run_up_by_hand():
    interest = np.zeros((830, 1))
    interest[100] = -1.0
    interest[400:] = 0.5
    got = run_up(interest)[:, 0]
    assert np.isnan(got[:359]).all(), "half of the 30 days are needed"
    assert_array_equal(got[[399, 400, 819, 820]], [1.0, 1.5, 1.5, 0.5])
    assert run_up(interest * 10.0)[819, 0] == 2.0


def test_open_interest_features_against_a_slow_twin(panel):
    got = made(open_interest_features, panel)
    x = ingredients(panel)
    slow = slow_level(x)
    interest = log_open_interest(panel.open_interest)
    i = len(interest) - 7
    for label, hours in (("6h", 6), ("24h", 24), ("7d", 168), ("30d", 720)):
        change = interest[i] - interest[i - hours]
        assert np.isfinite(change).sum() >= 3
        assert_allclose(got[f"open_interest_change_{label}"][i], change)
        assert_allclose(got[f"market_open_interest_change_{label}"][i], np.nanmean(change))
        if label in ("24h", "7d"):
            moved = (x.price[i] - x.price[i - hours]) / (np.exp(slow[i]) * math.sqrt(hours / 24))
            assert_allclose(got[f"open_interest_with_return_{label}"][i], change * np.clip(moved, -5, 5))
    rise = np.array([interest[i, j] - np.nanmin(interest[i - 719 : i + 1, j]) for j in _present(interest, i)])
    assert_allclose(got["open_interest_run_up_30d"][i, _present(interest, i)], rise)
    assert_allclose(got["market_open_interest_run_up_30d"][i], rise.mean())
    ratios = []
    for j in _present(interest, i):
        series = []
        for k in range(i + 1):
            window = x.turnover[max(k - 719, 0) : k + 1, j]
            window = window[~np.isnan(window)]
            value = interest[k, j] + x.price[k, j]
            if len(window) >= 72 and not math.isnan(value):
                series.append(value - math.log(24 * window.mean() + 1.0))
        weights = [0.5 ** (n / (180 * 24)) for n in range(len(series))][::-1]
        ratios.append(series[-1] - _weighted(series, weights))
    assert_allclose(got["leverage_proxy"][i, _present(interest, i)], ratios, rtol=1e-6)
    assert_allclose(got["market_leverage_proxy"][i], np.mean(ratios), rtol=1e-6)


def _present(values: np.ndarray, row: int) -> list[int]:
    return [j for j in range(values.shape[1]) if not math.isnan(values[row, j])]


def test_open_interest_in_other_units_is_the_same(panel):
    factor = np.geomspace(1e-3, 1e6, len(panel.symbols))
    mine = made(open_interest_features, panel)
    other = made(open_interest_features, dataclasses.replace(panel, open_interest=panel.open_interest * factor))
    for name, values in mine.items():
        assert_allclose(values, other[name], atol=1e-9, err_msg=name)


def test_the_market_run_up_reaches_symbols_without_open_interest(panel):
    table = feature_table(panel, pd.DatetimeIndex([panel.end]), extended=True)
    without = table["open_interest_run_up_30d"].isna()
    assert without.any()
    assert not without.all()
    assert table["market_open_interest_run_up_30d"].notna().all()
    assert table["market_open_interest_run_up_30d"].nunique() == 1


def test_implied_features_of_a_known_market(panel):
    """Implied volatility 0.8 a year, realised 1 % an hour: every ratio in closed form."""
    n, m = panel.close.shape
    close = 100.0 * np.exp(np.where(np.arange(n) % 2, 0.01, 0.0))[:, None] * np.ones((1, m))
    implied = np.full((n, m), NAN)
    implied[:, 0] = 0.8
    implied[-1, 0] = 80.0  # not known yet
    market = dataclasses.replace(panel, open=close, high=close, low=close, close=close, implied_vol=implied)
    got = made(implied_features, market)
    log_ratio = math.log(0.8 / math.sqrt(365)) - math.log(0.01 * math.sqrt(24))
    for label in ("24h", "7d", "30d"):
        assert_allclose(got[f"implied_to_realised_{label}"][-1], log_ratio)
    assert_allclose(got["implied_to_slow"][-1], log_ratio)
    for name in ("implied_to_own_mean", "implied_change_6h", "implied_change_24h", "implied_change_7d"):
        assert_allclose(got[name][-1], 0.0, atol=1e-9)


def test_implied_volatility_is_known_an_hour_late_and_for_a_day(panel):
    implied = np.full(panel.close.shape, NAN)
    implied[2000, 0] = 0.5
    implied[2001, 0] = 0.0  # not a volatility
    got = made(implied_features, dataclasses.replace(panel, implied_vol=implied))["implied_to_slow"][:, 0]
    assert_array_equal(np.flatnonzero(~np.isnan(got)), np.arange(2001, 2026))
