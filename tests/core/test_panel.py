"""The panel: what is known when, and what it refuses."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import DataError
from levercap.core.horizon import DAY, Horizon
from levercap.core.instrument import perpetuals
from levercap.core.panel import Panel
from levercap.core.portfolio import Portfolio
from levercap.core.scenario import ScenarioSet
from support.snapshots import make_snapshot

HOUR = pd.Timedelta(hours=1)


def make_panel(hours=100, symbols=("AAA", "BBB", "CCC"), seed=0) -> Panel:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (hours, len(symbols))), axis=0))
    return Panel(
        pd.date_range("2024-01-01", periods=hours, freq="h", tz="UTC", unit="us"),
        symbols,
        open=close * 0.999,
        high=close * 1.01,
        low=close * 0.98,
        close=close,
        volume=rng.uniform(1, 2, close.shape),
        funding_rate=rng.normal(0, 1e-4, close.shape),
    )


def test_a_bar_is_known_one_hour_after_its_open():
    panel = make_panel()
    start = panel.start
    assert panel.rows_known(start) == 0
    assert panel.rows_known(start + HOUR - pd.Timedelta(1, "us")) == 0
    assert panel.rows_known(start + HOUR) == 1
    assert panel.rows_known(start + 1.5 * HOUR) == 1
    assert panel.rows_known(panel.end) == 100
    assert panel.rows_known(panel.end + 50 * HOUR) == 100


def test_until_keeps_what_was_known_and_every_symbol():
    panel = make_panel()
    cut = panel.until(panel.start + 10.5 * HOUR)
    assert (len(cut.timestamps), cut.end, cut.symbols) == (10, panel.start + 10 * HOUR, panel.symbols)
    np.testing.assert_array_equal(cut.funding_rate, panel.funding_rate[:10])
    assert cut.open_interest is None
    assert cut.until(panel.end).data_hash() == cut.data_hash()
    with pytest.raises(DataError, match="starts at"):
        panel.until(panel.start)


def test_select_sorts_and_names_what_is_unknown():
    panel = make_panel()
    some = panel.select(["CCC", "AAA"])
    assert some.symbols == ("AAA", "CCC")
    np.testing.assert_array_equal(some.low, panel.low[:, [0, 2]])
    with pytest.raises(DataError, match="NOPE"):
        panel.select(["AAA", "NOPE"])


def test_origins_lie_on_the_asked_grid_and_within_the_market():
    panel = make_panel()
    origins = panel.origins(panel.start - 48 * HOUR, panel.end + 48 * HOUR)
    assert list(origins) == [panel.start + 24 * k * HOUR for k in (1, 2, 3, 4)]
    assert panel.origins(panel.start, panel.end, 10)[0] == panel.start + 10 * HOUR
    hourly = panel.origins(panel.start, panel.end + HOUR, 1)
    assert (hourly[0], hourly[-1], len(hourly)) == (panel.start + HOUR, panel.end, 100)


@pytest.mark.parametrize("field", ["close", "volume", "funding_rate"])
def test_the_data_hash_notices_any_value(field):
    panel = make_panel()
    values = getattr(panel, field).copy()
    values[57, 1] = np.nextafter(values[57, 1], np.inf)
    other = dataclasses.replace(panel, **{field: values})
    assert other.data_hash() != panel.data_hash()
    assert make_panel().data_hash() == panel.data_hash()
    assert dataclasses.replace(panel, funding_rate=None).data_hash() != panel.data_hash()
    renamed = dataclasses.replace(panel, symbols=("AAA", "BBB", "CCD"))
    assert renamed.data_hash() != panel.data_hash()


def test_the_data_hash_does_not_depend_on_memory_layout():
    panel = make_panel()
    other = dataclasses.replace(panel, close=np.asfortranarray(panel.close), timestamps=panel.timestamps.as_unit("ns"))
    assert other.data_hash() == panel.data_hash()


def test_wrong_shapes_and_times_are_refused():
    panel = make_panel()
    with pytest.raises(ValueError, match=r"Panel\.low has shape"):
        dataclasses.replace(panel, low=panel.low[:-1])
    with pytest.raises(ValueError, match="UTC"):
        dataclasses.replace(panel, timestamps=panel.timestamps.tz_localize(None))


def scenario_set(weights):
    shape = (1, len(weights))
    path = np.zeros((*shape, 24), np.float32)
    starts = np.zeros(len(weights), "datetime64[us]")
    return ScenarioSet(
        perpetuals(("AAA",)), np.array(weights), path - 1, path + 1, np.zeros(shape, np.float32), starts, DAY
    )


def test_scenarios_need_weights_that_are_positive_and_sum_to_one():
    scenario_set([0.25, 0.75])
    for weights in ([0.5, 0.6], [1.0, 0.0], [1.5, -0.5]):
        with pytest.raises(ValueError, match="weights"):
            scenario_set(weights)
    with pytest.raises(ValueError, match="shapes"):
        dataclasses.replace(scenario_set([1.0]), instruments=perpetuals(("AAA", "BBB")))
    with pytest.raises(ValueError, match="horizon 12 hours"):
        dataclasses.replace(scenario_set([1.0]), horizon=Horizon(12))


def test_scenarios_hold_an_instrument_once():
    one = scenario_set([1.0])
    twice = {name: np.concatenate([getattr(one, name)] * 2) for name in ("low", "high", "end")}
    with pytest.raises(ValueError, match="one name"):
        dataclasses.replace(one, instruments=perpetuals(("AAA", "AAA")), **twice)


def test_a_snapshot_has_one_horizon():
    snapshot = make_snapshot(np.random.default_rng(0))
    assert snapshot.horizon == snapshot.scenarios.horizon == DAY
    with pytest.raises(ValueError, match="horizon is 12 hours"):
        dataclasses.replace(snapshot, horizon=Horizon(12))
    day_ahead = pd.DataFrame({"horizon_hours": [24, 24]})
    dataclasses.replace(snapshot, tails=day_ahead)
    with pytest.raises(ValueError, match=r"tails state \[12, 24\]"):
        dataclasses.replace(snapshot, tails=pd.DataFrame({"horizon_hours": [24, 12]}))


def test_scenarios_scale_by_symbol():
    doubled = scenario_set([0.25, 0.75]).scaled(np.array([2.0]))
    assert (doubled.low == -2).all()
    assert (doubled.high == 2).all()
    assert doubled.low.dtype == np.float32


def portfolio(**changes):
    arguments = {
        "instruments": perpetuals(("AAA", "BBB")),
        "equity": np.array([10.0, 20.0, 30.0]),
        "offsets": np.array([0, 2, 2, 3]),
        "instrument": np.array([0, 1, -1]),
        "notional": np.array([30.0, -10.0, 5.0]),
    }
    return Portfolio(**{**arguments, **changes})


def test_a_portfolio_adds_up():
    book = portfolio()
    assert len(book) == 3
    np.testing.assert_array_equal(book.account, [0, 0, 2])
    np.testing.assert_array_equal(book.gross_notional, [40.0, 0.0, 5.0])
    np.testing.assert_array_equal(book.share, [0.75, -0.25, 1.0])


def test_a_portfolio_of_nothing():
    book = portfolio(offsets=np.zeros(4, int), instrument=np.zeros(0, int), notional=np.zeros(0))
    np.testing.assert_array_equal(book.gross_notional, [0.0, 0.0, 0.0])
    assert book.share.shape == (0,)


def test_a_zero_notional_has_no_share():
    book = portfolio(notional=np.array([0.0, 0.0, -5.0]))
    np.testing.assert_array_equal(book.share, [0.0, 0.0, -1.0])


@pytest.mark.parametrize(
    "changes",
    [
        {"offsets": np.array([0, 2, 2])},
        {"offsets": np.array([0, 2, 2, 2])},
        {"notional": np.array([1.0, 2.0])},
        {"notional": np.array([1.0, np.nan, 2.0])},
        {"equity": np.array([1.0, 0.0, 2.0])},
        {"equity": np.array([1.0, np.inf, 2.0])},
    ],
)
def test_a_portfolio_refuses_what_does_not_add_up(changes):
    with pytest.raises(ValueError, match="Portfolio"):
        portfolio(**changes)
