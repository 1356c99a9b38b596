"""Headroom per side of accounts without a position: what one new position could be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import Config
from levercap.limits.flat_headroom import SIDE_COLUMNS
from levercap.limits.predictor import Predictor
from support.properties import examples
from support.snapshots import SYMBOLS, make_snapshot, make_tiers, with_out

SNAPSHOT = make_snapshot(np.random.default_rng(11), tiers=make_tiers())
PREDICTOR = Predictor(SNAPSHOT, Config())
SIDES = list(SIDE_COLUMNS.values())
LARGE = SYMBOLS[: Config().policy.reference_symbols]


def book(equity, held=(), previous=np.nan):
    accounts = pd.DataFrame({"account_id": ["a"], "equity": [equity], "segment": "institutional"})
    positions = pd.DataFrame([("a", *row) for row in held], columns=["account_id", "symbol", "notional"])
    return accounts.assign(previous_max_leverage=previous), positions.astype({"symbol": "str", "notional": "float64"})


def predict(equity, held=(), previous=np.nan, predictor=PREDICTOR):
    return predictor.predict(*book(equity, held, previous)).iloc[0]


@pytest.mark.parametrize("equity", [1000.0, 1e6, 1e7])
def test_each_side_is_the_smallest_limit_of_its_reference_positions(equity):
    """Asked for one by one, with a position so small that it changes nothing."""
    row = predict(equity)
    for name, size in zip(SIDES, (1e-3, -1e-3), strict=True):
        limits = [predict(equity, [(symbol, size)])["max_leverage"] for symbol in LARGE]
        assert row[name] == min(limits) * equity, name
    assert equity > 1e5 or row[SIDES].nunique() == 2, "a large account meets the tiers, the same on both sides"
    assert row["headroom"] == row[SIDES].min()


@examples(60)
@given(st.floats(1.0, 1e9), st.none() | st.floats(0.0, 200.0))
def test_the_smaller_side_is_the_headroom_whatever_the_guardrails_do(equity, previous):
    row = predict(equity, previous=np.nan if previous is None else previous)
    free = predict(equity)
    assert row["headroom"] == row[SIDES].min()
    assert (row[SIDES] <= free[SIDES]).all()


def test_a_side_rises_by_the_daily_rise_only():
    free = predict(1000.0)
    earlier = free["max_leverage"] / 2
    row = predict(1000.0, previous=earlier)
    assert row[SIDES].tolist() == [row["headroom"]] * 2
    assert row["headroom"] == pytest.approx(earlier * 1000.0 * (1 + Config().guardrails.max_rise_per_day))


def test_with_positions_and_for_rejected_accounts_there_is_none():
    assert predict(1000.0, [("AAA", 10.0)])[SIDES].isna().all()
    assert predict(-1.0)[SIDES].isna().all()


@pytest.mark.parametrize("previous", [np.nan, 1.5])
def test_while_data_are_out_both_sides_have_the_limit_in_force(previous):
    out = Predictor(with_out(SNAPSHOT, 5.0, LARGE[0]), Config())
    row = predict(1000.0, previous=previous, predictor=out)
    assert row["status"] == ("fallback" if np.isnan(previous) else "held")
    assert row[SIDES].tolist() == [row["headroom"]] * 2
