"""The walk-forward of the baselines: each month by what was known at its start, the filters by every day."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from levercap.config import MarketConfig
from levercap.core.errors import DataError
from levercap.forecast.baselines import BASELINES, fit_baseline
from levercap.market import load_market
from levercap.model.baselines import walk_baseline, walk_baselines
from levercap.model.dataset import Dataset, build_dataset
from levercap.model.walk_forward import Month, refits

QUICK = ("hs_250", "ewma_fhs", "vol_target")
NUMBERS = ["var", "es", "path_var", "path_es"]


def day(text):
    return pd.Timestamp(text, tz="UTC").as_unit("us")


MONTHS = refits(day("2023-02-15"), day("2023-03-20"))


def known_at(data, instant):
    """The dataset as it was at an instant: no later row, no outcome that was not known yet."""
    rows = (data.features["as_of"] <= instant).to_numpy()
    outcomes = data.outcomes[rows].copy()
    unknown = (outcomes["as_of"] > instant - pd.Timedelta(days=1)).to_numpy()
    outcomes.loc[unknown, outcomes.columns[2:]] = np.nan
    return Dataset(data.features[rows], outcomes)


def test_the_return_known_at_a_midnight_is_the_outcome_of_the_one_before(fitted):
    """The feature that the filters live on and the outcome they are scored on are one day apart."""
    features, outcomes = fitted.data.features, fitted.data.outcomes
    known = features[["as_of", "symbol"]].assign(
        growth=np.expm1(features["return_24h"] * np.exp(features["slow_level"])),
        before=features["as_of"] - pd.Timedelta(days=1),
    )
    both = known.merge(outcomes, left_on=["before", "symbol"], right_on=["as_of", "symbol"]).dropna(subset="short")
    assert len(both) > 3000
    np.testing.assert_allclose(both["growth"], both["short"], atol=1e-12)


@pytest.mark.parametrize("name", QUICK)
def test_each_night_could_have_made_its_forecasts_with_what_it_knew(name, fitted):
    walked = walk_baselines([name], fitted.data, MONTHS)[name]
    for night in ("2023-02-15", "2023-02-16", "2023-03-01", "2023-03-19"):
        then = known_at(fitted.data, day(night))
        month = next(m for m in MONTHS if m.start <= day(night) < m.stop)
        alone = next(walk_baseline(name, then, [Month(month.start, day(night) + pd.Timedelta(hours=1))]))[2].tails
        left, right = (t[t["as_of"] == day(night)].reset_index(drop=True) for t in (walked, alone))
        assert len(left) >= 4
        pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_every_row_that_our_own_forecaster_serves_is_forecast_once(fitted):
    rows = fitted.data.features[(fitted.data.features["as_of"] >= MONTHS[0].start).to_numpy()]
    rows = rows[(rows["as_of"] < MONTHS[-1].stop).to_numpy()]
    calls = []
    walked = walk_baselines(QUICK, fitted.data, MONTHS, progress=lambda done, total: calls.append((done, total)))
    assert list(walked) == list(QUICK)
    assert calls == [(k + 1, 2 * len(QUICK)) for k in range(2 * len(QUICK))]
    for tails in walked.values():
        keys = tails[["as_of", "symbol", "side", "level"]]
        assert not keys.duplicated().any()
        assert len(keys) == 4 * len(rows)


def test_a_month_is_forecast_by_the_fit_at_its_start(fitted):
    data = fitted.data
    for month, baseline, forecast in walk_baseline("ewma_fhs", data, MONTHS):
        assert baseline.until == month.start
        again = fit_baseline("ewma_fhs", data.features, data.outcomes, month.start)
        rows = ((data.features["as_of"] >= month.start) & (data.features["as_of"] < month.stop)).to_numpy()
        expected = again.predict(data.features[rows], data.outcomes[rows])
        pd.testing.assert_frame_equal(forecast.tails, expected.tails, check_exact=True)


def test_months_without_a_forecast_are_an_error(fitted):
    with pytest.raises(DataError, match="no symbol could be forecast"):
        walk_baselines(["hs_250"], fitted.data, [Month(day("2030-01-01"), day("2030-02-01"))])


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif("LEVERCAP_MARKET" not in os.environ, reason="LEVERCAP_MARKET does not name a market folder")
def test_every_baseline_bears_the_month_in_which_luna_died():
    market = load_market(Path(os.environ["LEVERCAP_MARKET"]) / "spot", MarketConfig())
    panel = market.panel.until(day("2022-06-01"))
    data = build_dataset(dataclasses.replace(market, panel=panel).panel)
    for tails in walk_baselines(tuple(BASELINES), data, refits(day("2022-05-01"), day("2022-06-01"))).values():
        assert tails["symbol"].nunique() == 30
        assert np.isfinite(tails[NUMBERS]).all(axis=None)
        assert (tails["es"] >= tails["var"]).all()
        assert (tails.loc[tails["side"] == "long", NUMBERS] <= 1).all(axis=None)
