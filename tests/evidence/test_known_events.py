"""Days on which the market changed: known ones, and those found from volatility without looking ahead."""

import numpy as np
import pandas as pd
import pytest

from levercap.evidence.known_events import EVENTS, events_within, volatility_jumps
from support.known_truth import day

BITCOIN = ("ETHUSDT", "BTCUSDT")


def test_events_are_days_in_order():
    spans = [(pd.Timestamp(first), pd.Timestamp(last)) for first, last in EVENTS.values()]
    assert all(first <= last for first, last in spans)
    assert spans == sorted(spans)
    assert all(name.startswith(first[:7]) for name, (first, _) in EVENTS.items())


def test_only_events_of_the_period_count():
    assert list(events_within(day("2020-03-13"), day("2021-05-19"), BITCOIN)) == ["2020-03 covid crash"]
    assert list(events_within(day("2020-03-14"), day("2021-05-20"), BITCOIN)) == ["2021-05 deleveraging"]
    assert events_within(day("2020-03-14"), day("2021-05-19"), BITCOIN) == {}
    assert len(events_within(day("2019-01-01"), day("2026-01-01"), BITCOIN)) == len(EVENTS)


def test_a_market_without_bitcoin_had_other_events():
    assert events_within(day("2019-01-01"), day("2026-01-01"), ("SIM01USDT",)) == {}


def market(days=400, seed=3, jumps=()):
    random = np.random.default_rng(seed)
    level = np.full(days, np.log(0.03)) + 0.05 * random.standard_normal(days)
    for place in jumps:
        level[place : place + 10] += 1.0
    as_of = pd.date_range("2022-01-01", periods=days, tz="UTC").as_unit("us")
    parts = [
        pd.DataFrame({"as_of": as_of, "symbol": f"S{k}", "realised_volatility": np.exp(level + 0.1 * k)})
        for k in range(3)
    ]
    return pd.concat(parts, ignore_index=True), as_of


def test_a_jump_of_the_whole_market_is_found_on_its_day():
    outcomes, as_of = market(jumps=(150, 300))
    found = volatility_jumps(outcomes, as_of[0], as_of[-1])
    assert {as_of[150], as_of[300]} <= set(found)
    assert (np.diff(found) > np.timedelta64(60, "D")).all()
    assert list(volatility_jumps(outcomes, as_of[140], as_of[160])) == [as_of[150]]


def test_a_jump_of_one_symbol_is_not_the_markets():
    outcomes, as_of = market()
    alone = outcomes.copy()
    wild = (alone["symbol"] == "S0") & alone["as_of"].between(as_of[150], as_of[160])
    alone.loc[wild, "realised_volatility"] *= 0.01
    calm = volatility_jumps(outcomes, as_of[0], as_of[-1])
    moved = volatility_jumps(alone, as_of[0], as_of[-1])
    assert as_of[150] not in set(calm) | set(moved)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_break_depends_on_what_came_after(seed):
    outcomes, as_of = market(seed=seed, jumps=(120, 250))
    whole = volatility_jumps(outcomes, as_of[0], as_of[-1])
    assert len(whole) > 1
    for cut in (121, 180, 251, 330):
        before = outcomes[outcomes["as_of"] <= as_of[cut]]
        assert list(volatility_jumps(before, as_of[0], as_of[-1])) == [d for d in whole if d <= as_of[cut]]


def test_a_past_of_sixty_days_is_needed():
    outcomes, as_of = market(days=75, jumps=(70,))
    assert len(volatility_jumps(outcomes, as_of[0], as_of[-1])) == 0
