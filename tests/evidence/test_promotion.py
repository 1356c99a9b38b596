"""Comparison of two bundles on the days that both forecast, or with the baseline."""

import dataclasses

from levercap.evidence.gate import GateRule
from levercap.evidence.promotion import compare
from levercap.evidence.promotion import out_of_sample as read
from support.known_bundles import out_of_sample


def test_compare_uses_the_common_days_or_else_the_baseline():
    mine = out_of_sample(start="2024-06-01", days=200)
    overlapping, apart = (
        out_of_sample(start="2024-03-01", days=160, informed=False),
        out_of_sample(days=160, factor=0.9),
    )
    decision, opponent, days = compare(mine, overlapping, GateRule())
    assert (opponent, days) == ("champion", 68)
    assert set(decision.table["days"]) == {68}
    assert set(decision.table["opponent"]) == {"champion"}
    decision, opponent, days = compare(mine, apart, GateRule())
    assert (opponent, days) == ("baseline", 200)
    assert set(decision.table["opponent"]) == {"B1"}


def test_a_champion_of_another_market_is_no_opponent():
    mine, other = out_of_sample(), out_of_sample()
    renamed = dataclasses.replace(other, tails=other.tails.assign(symbol="OTHER" + other.tails["symbol"]))
    decision, opponent, days = compare(mine, renamed, GateRule())
    assert (opponent, days, decision.promote) == ("baseline", 150, True)


def test_out_of_sample_forecasts_of_a_real_training_are_read(trained):
    found = read(trained.bundle)
    assert set(found.tails["as_of"]) <= set(found.outcomes["as_of"])
    assert found.tails.columns.tolist() == found.baseline.columns.tolist()
    assert found.tails["as_of"].nunique() >= 60
