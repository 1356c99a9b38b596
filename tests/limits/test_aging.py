"""An old snapshot: the same up to its age, then held and at last at the bound; never milder."""

import numpy as np
import pandas as pd
import pytest

from levercap.config import Config
from levercap.core.quality import SCORED
from levercap.limits.aging import aged
from levercap.limits.predictor import Predictor
from support.snapshots import AS_OF, make_book, make_snapshot

HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def snapshot():
    return make_snapshot(np.random.default_rng(5))


@pytest.fixture(scope="module")
def book():
    return make_book(np.random.default_rng(6), accounts=200, unknown_symbols=False)


def test_up_to_its_age_a_snapshot_is_itself(snapshot):
    for hours in (0, 1, 3):
        assert aged(snapshot, AS_OF + hours * HOUR, 3) is snapshot


def test_beyond_it_nothing_is_scored_from_data(snapshot):
    old = aged(snapshot, AS_OF + 4 * HOUR, 3)
    assert old.as_of == AS_OF + 4 * HOUR
    assert not old.symbols["state"].isin(SCORED).any()
    fresh = snapshot.symbols["state"].isin(SCORED)
    assert (old.symbols.loc[fresh, "hours_out"] == 4).all()
    assert len(old.tails) == 0
    assert snapshot.symbols["state"].isin(SCORED).any(), "the snapshot itself is left as it was"


def test_the_future_is_refused(snapshot):
    with pytest.raises(ValueError, match="after"):
        aged(snapshot, AS_OF - HOUR, 3)


@pytest.mark.parametrize("hours", [4, 6, 30, 72])
def test_limits_of_an_old_snapshot_are_held_then_bounded(snapshot, book, hours):
    """Within the hold the limit is that of the night before; at no age is it above it; without it, it is the bound."""
    config = Config()
    fresh = Predictor(snapshot, config).predict(*book)
    old = Predictor(aged(snapshot, AS_OF + hours * HOUR, 3), config)
    known, unknown = old.predict(*book, previous=fresh), old.predict(*book)
    assert (known["max_leverage"] <= fresh["max_leverage"]).all()
    assert (unknown["max_leverage"] <= fresh["max_leverage"] * (1 + 1e-12)).all()
    if hours <= config.guardrails.hold_hours:
        scored = (fresh["status"] == "scored") & (fresh["reasons"].fillna("") == "")
        assert scored.any()
        pd.testing.assert_series_equal(known.loc[scored, "max_leverage"], fresh.loc[scored, "max_leverage"])
