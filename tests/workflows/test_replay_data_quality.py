"""Replay on bad data: limits are held and decay by the rule, come back at once, and a clean market stays as it was."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from levercap.core.panel import BAR_FIELDS, HOUR
from levercap.core.quality import SCORED
from levercap.limits.predictor import Predictor
from levercap.market.quality import assess_quality
from levercap.model.bundle import snapshot_of
from levercap.model.dataset import build_dataset
from levercap.model.fit import blocks_at, forecaster_at, training_inputs
from levercap.model.snapshots import make_snapshot, snapshot_inputs
from levercap.model.training_bound import with_bound
from levercap.policy import hold_weight
from levercap.venue.tiers import tiers_as_of
from levercap.workflows.replay import replay, snapshots
from support.look_ahead import parts

NIGHT = 24 * HOUR
SLACK = 1 + 1e-9


def night(day: int) -> pd.Timestamp:
    return pd.Timestamp(2023, 4, day, tz="UTC").as_unit("us")


START, STOP = night(2), night(20)
LATE = {night(4): 4, night(6): 6, night(8): 6, night(11): 30}
"""Hours for which the feed has been silent, that of half of the symbols on the eighth."""
HALF = night(8)


@pytest.fixture(scope="module")
def clean(fitted):
    """The last 250 days of a market: symbols without a missing hour in the last fifty."""
    panel = fitted.market.panel
    panel = panel.until(STOP + NIGHT).rows(panel.rows_known(STOP) - 250 * 24)
    alive = [s for j, s in enumerate(panel.symbols) if np.isfinite(panel.close[-50 * 24 :, j]).all()]
    return dataclasses.replace(fitted.market, panel=panel.select(alive))


@pytest.fixture(scope="module")
def book(fitted, clean):
    held = fitted.positions["symbol"].isin(clean.panel.symbols)
    return fitted.accounts, fitted.positions[held].reset_index(drop=True)


@pytest.fixture(scope="module")
def bad(clean):
    bars = {name: getattr(clean.panel, name).copy() for name in BAR_FIELDS}
    for as_of, hours in LATE.items():
        row = clean.panel.rows_known(as_of)
        for values in bars.values():
            values[row - hours : row, :: 2 if as_of == HALF else 1] = np.nan
    return dataclasses.replace(clean, panel=dataclasses.replace(clean.panel, **bars))


@pytest.fixture(scope="module")
def replayed(bad, book, fitted, tmp_path_factory):
    """Limits by night and account, and the evidence."""
    out = tmp_path_factory.mktemp("late") / "out"
    evidence = replay(bad, *book, START, STOP, fitted.config, out)
    limits = pd.read_parquet(out / "limits.parquet")
    return SimpleNamespace(limits=limits, table=limits.pivot(index="as_of", columns="account_id"), evidence=evidence)


@pytest.fixture(scope="module")
def last_computed(bad, book, fitted):
    """Limits, before guardrails, that scoring computes at the last good hour before each late night."""
    inputs = training_inputs(bad.panel, build_dataset(bad.panel), fitted.config)
    forecaster = forecaster_at(inputs, "levercap", START)
    blocks = blocks_at(inputs, forecaster, START)
    rows = {}
    for as_of, hours in LATE.items():
        good = as_of - hours * HOUR
        quality = assess_quality(bad.panel, good, fitted.config.market.stale_hours)
        assert quality.symbols["state"].isin(SCORED).all()
        tiers = tiers_as_of(bad.tiers, good)
        parts_of_it = (forecaster, blocks, fitted.config, quality.panel, tiers, good, "")
        limits = Predictor(snapshot_of(*parts_of_it, quality.symbols), fitted.config).predict(*book)
        rows[as_of] = limits.set_index("account_id")["unguarded_max_leverage"]
    return pd.DataFrame(rows).T


def before(replayed, as_of):
    """Limits in force on the night before, and what they were to return to."""
    limit = replayed.table["max_leverage"].loc[as_of - NIGHT].astype(float)
    return limit, replayed.table["resume_max_leverage"].loc[as_of - NIGHT].astype(float).fillna(limit)


def test_every_account_is_held_on_late_nights_and_scored_on_the_others(replayed):
    status = replayed.table["status"]
    for as_of in status.index:
        expected = "scored"
        if as_of in LATE or as_of == night(10):
            expected = "held"
        elif night(12) <= as_of < night(18):
            expected = "fallback"
        assert set(status.loc[as_of]) == {expected}, as_of


@pytest.mark.parametrize("as_of", [night(4), night(6), night(8)], ids=str)
def test_held_limits_are_the_smaller_of_the_earlier_and_the_last_computed_one(replayed, last_computed, as_of):
    earlier, resume = before(replayed, as_of)
    expected = np.minimum(earlier, np.minimum(resume, last_computed.loc[as_of, earlier.index]))
    np.testing.assert_allclose(replayed.table["max_leverage"].loc[as_of], expected, rtol=1e-12)


def test_after_a_day_the_hold_decays_and_no_limit_is_lower_than_the_rule(replayed, last_computed, fitted):
    as_of = night(11)
    earlier, resume = before(replayed, as_of)
    weight = float(hold_weight(np.array([30.0]), fitted.config.guardrails.hold_hours)[0])
    assert 0 < weight < 1
    held = np.minimum(resume, last_computed.loc[as_of, earlier.index])
    limit = replayed.table["max_leverage"].loc[as_of]
    assert (limit * SLACK >= np.minimum(earlier, weight * held)).all()
    assert (limit <= np.minimum(earlier, held) * SLACK).all()
    assert (limit < np.minimum(earlier, held)).mean() > 0.9
    fallen = replayed.table["max_leverage"].loc[night(12)]
    assert (fallen <= np.minimum(limit, fitted.config.policy.fallback_max_leverage)).all()


@pytest.mark.parametrize("as_of", [night(5), night(7), night(9), night(18)], ids=str)
def test_limits_return_at_once_to_what_they_were(replayed, as_of):
    """Whatever the rise: only what the data of the night itself allow is less."""
    now = {name: replayed.table[name].loc[as_of] for name in ("max_leverage", "unguarded_max_leverage")}
    _, resume = before(replayed, as_of)
    assert (now["max_leverage"] * SLACK >= np.minimum(now["unguarded_max_leverage"], resume)).all()
    if as_of == night(18):
        fallen = replayed.table["max_leverage"].loc[night(17)]
        assert (now["max_leverage"] > 1.5 * fallen).mean() > 0.5


def test_the_evidence_counts_the_nights_on_hold(replayed):
    evidence, nights = replayed.evidence, 18
    assert evidence["nights_on_hold"] == 5
    assert evidence["held_share"] == pytest.approx(5 / nights)
    assert evidence["fallback_share"] == pytest.approx(6 / nights)
    assert evidence["scored_share"] == pytest.approx(7 / nights)


def test_late_nights_are_the_same_on_a_shorter_market(replayed, bad, book, fitted, tmp_path):
    market = dataclasses.replace(bad, panel=bad.panel.until(HALF))
    replay(market, *book, START, HALF + NIGHT, fitted.config, tmp_path / "out")
    shorter = pd.read_parquet(tmp_path / "out" / "limits.parquet").drop(columns="data_hash")
    expected = replayed.limits[replayed.limits["as_of"] <= HALF].drop(columns="data_hash")
    pd.testing.assert_frame_equal(shorter, expected.reset_index(drop=True), check_exact=True)


def test_clean_nights_are_those_of_the_raw_market(clean, book, fitted):
    """Bit for bit what a replay that looks at no data quality makes of them."""
    origins = clean.panel.origins(START, STOP)
    inputs = training_inputs(clean.panel, build_dataset(clean.panel), fitted.config)
    forecaster = forecaster_at(inputs, "levercap", START)
    blocks = blocks_at(inputs, forecaster, START)
    raw = snapshot_inputs(clean.panel, origins, fitted.config.policy.stressed_quantile)
    for i, mine in enumerate(snapshots(clean, origins, fitted.config)):
        names = {name: getattr(mine, name) for name in ("bundle_id", "config_hash", "data_hash")}
        tiers, seed = tiers_as_of(clean.tiers, origins[i]), fitted.config.scenarios.seed
        plain = make_snapshot(forecaster, blocks, raw, i, tiers, seed, names)
        assert not mine.symbols["doubtful"].any()
        plain = with_bound(plain, (mine.bound, mine.stressed_bound))
        mine = dataclasses.replace(mine, symbols=mine.symbols.drop(columns="doubtful"))
        for (name, one), other in zip(parts(plain).items(), parts(mine).values(), strict=True):
            if isinstance(one, pd.DataFrame):
                pd.testing.assert_frame_equal(one, other, check_exact=True, obj=name)
            else:
                np.testing.assert_array_equal(one, other, err_msg=name)
        one, other = (Predictor(snapshot, fitted.config).predict(*book) for snapshot in (plain, mine))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
