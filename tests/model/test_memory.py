"""What a bundle remembers of its training, and that it is read as it was written."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import BundleError
from levercap.features import feature_table, stressed_volatility
from levercap.forecast.history import volatility
from levercap.model.absence import state_factors, table_factors, unseen_factor
from levercap.model.memory_files import read_memory, write_memory
from levercap.model.series import SERIES, hours_since_value, series_columns

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def memory(fitted):
    return fitted.bundle.memory


def test_written_and_read_it_is_the_same(memory, tmp_path):
    for given in (memory, dataclasses.replace(memory, tiers=None)):
        folder = tmp_path / str(given.tiers is None)
        write_memory(given, folder)
        other = read_memory(folder)
        assert other.until == given.until
        for name in ("table_factors", "state_factors", "unseen_factor"):
            assert getattr(other, name) == getattr(given, name)
        for name in ("symbols", "levels", "series"):
            pd.testing.assert_frame_equal(getattr(other, name), getattr(given, name), check_exact=True)
        if given.tiers is None:
            assert other.tiers is None
        else:
            pd.testing.assert_frame_equal(other.tiers, given.tiers, check_exact=True)


def test_levels_are_those_of_the_market_then(fitted, memory):
    panel = fitted.market.panel
    for stamp in memory.levels["as_of"].drop_duplicates().iloc[[5, 30, -1]]:
        known = memory.levels[memory.levels["as_of"] == stamp].set_index("symbol")
        n = panel.rows_known(stamp)
        hours = pd.Series((~np.isnan(panel.close[:n])).sum(axis=0), panel.symbols)
        assert (known["hours"] == hours.reindex(known.index)).all()
        rows = feature_table(panel, pd.DatetimeIndex([stamp])).set_index("symbol")
        np.testing.assert_array_equal(known["slow_level"], rows["slow_level"].reindex(known.index))
        sigma = pd.Series(volatility(fitted.bundle.forecaster.scale, rows.reset_index()), rows.index)
        np.testing.assert_allclose(known["volatility"], sigma.reindex(known.index))
        own = pd.Series(stressed_volatility(panel, pd.DatetimeIndex([stamp]), 0.95)[0], panel.symbols)
        assert (known["stressed_volatility"] >= own.reindex(known.index) * (1 - 1e-12)).all()
    assert (memory.levels["as_of"].max(), memory.until) == (fitted.until, fitted.until)


def test_a_year_of_stress_outweighs_a_calm_history_before_it(fitted, memory):
    """The level is the largest of those over all the past, two years and one: never below any of them."""
    last = memory.at(memory.until)
    panel = fitted.market.panel.until(fitted.until)
    for days in (365, 10**4):
        part = panel.rows(max(0, len(panel.timestamps) - 24 * days))
        own = pd.Series(stressed_volatility(part, pd.DatetimeIndex([fitted.until]), 0.95)[0], panel.symbols)
        old = last.index[last["hours"] > 366 * 24]
        assert (last["stressed_volatility"] >= 0.97 * own.reindex(last.index))[old].all()


def test_nothing_later_than_the_instant_is_remembered(fitted, memory):
    as_of = fitted.until - 100 * DAY
    known = memory.at(as_of)
    assert (known["as_of"] <= as_of).all()
    assert (known["as_of"] > as_of - 8 * DAY)["SIM01USDT"]
    assert memory.at(fitted.market.panel.start).empty
    assert (memory.tiers["as_of"] <= fitted.until).all()
    assert (memory.series["last"] <= fitted.until).all()


def test_symbols_are_those_of_the_scenarios(fitted, memory):
    blocks = fitted.bundle.blocks
    assert tuple(memory.symbols["symbol"]) == blocks.symbols
    row = memory.symbols.set_index("symbol").loc["SIM01USDT"]
    j = blocks.symbols.index("SIM01USDT")
    assert row["largest_fall"] == pytest.approx(-blocks.low[j].min())
    assert row["largest_rise"] == pytest.approx(blocks.high[j].max())
    assert row["volatility_median"] <= row["volatility_highest"]
    assert row["first_bar"] == fitted.market.panel.start
    assert (memory.symbols["turnover_median"] > 0).all()


def test_series_cover_what_the_market_covered(fitted, memory):
    panel = fitted.market.panel.until(fitted.until)
    for series in SERIES:
        values = series.values(panel)
        some = tuple(s for s, there in zip(panel.symbols, ~np.isnan(values).all(axis=0), strict=True) if there)
        rows = memory.series[memory.series["table"] == series.table]
        assert tuple(rows["symbol"]) == some
        assert (rows["low"] <= rows["median"]).all()
        assert (rows["median"] <= rows["high"]).all()
        assert set(memory.expected(series, fitted.until + 50 * DAY)) <= set(some)
        assert memory.expected(series, fitted.market.panel.start) == ()


def test_table_factors_are_the_largest_ratio_with_and_without(fitted, memory):
    scale = fitted.bundle.forecaster.scale
    features = fitted.data.features[fitted.data.features["as_of"] <= fitted.until]
    names = [n for n in series_columns("implied_vol") if n in features]
    assert names
    ratio = volatility(scale, features) / volatility(scale, features.assign(**dict.fromkeys(names, np.nan)))
    assert memory.table_factors["implied_vol"] == pytest.approx(ratio.max())
    assert memory.table_factors["funding"] == memory.table_factors["open_interest"] == 1.0
    without = features.drop(columns=names)
    sigma = volatility(fitted.bundle.forecaster.scale, without)
    assert table_factors(fitted.bundle.forecaster, without, sigma)["implied_vol"] == 1.0


def test_state_factors_are_at_least_one_and_bound_every_row(fitted, memory):
    b = fitted.bundle.forecaster
    rows = fitted.data.features[fitted.data.features["as_of"] <= fitted.until].iloc[-200:]
    complete = b.predict(rows).tails
    assert set(memory.state_factors) == set(b.recipe.tail.state)
    for name, factor in memory.state_factors.items():
        without = b.predict(rows.assign(**{name: np.nan})).tails
        assert factor >= 1.0
        assert (without["path_es"] * factor >= complete["path_es"] * (1 - 1e-9)).all()
    assert state_factors(b, rows, volatility(b.scale, rows)).keys() == memory.state_factors.keys()


def test_the_unseen_factor_does_not_depend_on_the_order_of_symbols(fitted, memory):
    b = fitted.bundle
    seed = fitted.config.scenarios.seed
    assert unseen_factor(b.forecaster, b.blocks, seed) == memory.unseen_factor >= 1.0
    heavy = b.blocks.high.copy()
    heavy[0] *= np.where(heavy[0] > np.quantile(heavy[0], 0.999), 5.0, 1.0)
    assert unseen_factor(b.forecaster, dataclasses.replace(b.blocks, high=heavy), seed) > memory.unseen_factor


def test_hours_since_the_last_value():
    values = np.array([[1.0, np.nan, 1.0], [np.nan, np.nan, 2.0]])
    assert hours_since_value(values).tolist() == [1.0, np.inf, 0.0]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("memory.json", lambda p: p.write_text(p.read_text().replace('"funding": 1.0', '"funding": 0.5'))),
        ("memory.json", lambda p: p.write_text(p.read_text()[:-10])),
        ("levels.parquet", lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2])),
        ("levels.parquet", lambda p: pd.read_parquet(p).assign(stressed_volatility=-1.0).to_parquet(p)),
        ("series.parquet", lambda p: pd.read_parquet(p).drop(columns="median").to_parquet(p)),
    ],
)
def test_a_damaged_memory_is_refused_and_named(memory, tmp_path, file, damage):
    write_memory(memory, tmp_path / "memory")
    damage(tmp_path / "memory" / file)
    with pytest.raises(BundleError, match=file):
        read_memory(tmp_path / "memory")
