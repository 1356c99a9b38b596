import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.evaluation import leaderboard, match
from levercap.evaluation.comparison.influential_days import influence, influential_days, leave_events_out
from levercap.evaluation.comparison.multiple import daily_differences
from levercap.evaluation.resampling.bootstrap import interval


def series(values) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2020-01-01", periods=len(values), freq="D", tz="UTC"), dtype=float)


@given(values=st.lists(st.integers(-9, 9), min_size=2, max_size=7), removed=st.integers(0, 3))
def test_the_worst_case_is_the_worst_of_all_choices(values, removed):
    removed = min(removed, len(values) - 1)
    result = influence(series(values), removed)
    sign = 1 if sum(values) > 0 else -1
    left = [np.mean(c) for c in itertools.combinations(values, len(values) - removed)]
    assert result.mean_without_helpful == pytest.approx(sign * min(sign * x for x in left))
    turning = [
        count
        for count in range(1, len(values))
        if any(sign * sum(c) <= 0 for c in itertools.combinations(values, len(values) - count))
    ]
    expected = turning[0] if turning and sum(values) != 0 else None
    assert result.days_to_overturn == expected


def test_a_gain_of_one_day_is_overturned_by_it():
    values = [-50.0] + [0.1] * 99
    result = influence(series(values), removed=1)
    assert result.mean == pytest.approx(-0.401)
    assert result.mean_without == result.mean_without_helpful == pytest.approx(0.1)
    assert result.days_to_overturn == 1
    steady = influence(series([-1.0] * 50))
    assert (steady.mean_without, steady.days_to_overturn) == (-1.0, None)
    assert influence(series([-1.0, 1.0]), 1).days_to_overturn is None


def test_the_most_influential_days_are_those_of_the_leaderboard(world, noise):
    tails = {"model": world.tails(), "B1": world.tails(noise)}
    board = leaderboard(tails, world.outcomes, draws=5)
    board = board[board["model"] == "model"]
    daily = daily_differences(match(tails, world.outcomes))
    got = [influence(daily[c].dropna()).mean_without for c in daily]
    assert got == pytest.approx(board["d_fz0_without_top10_days"].tolist())


def test_days_by_influence():
    daily = series([1.0, -4.0, 0.5, 3.0])
    table = influential_days(daily, 3)
    assert table["day"].tolist() == [daily.index[1], daily.index[3], daily.index[0]]
    assert table["difference"].tolist() == [-4.0, 3.0, 1.0]
    assert table["contribution"].tolist() == [-1.0, 0.75, 0.25]
    assert table["mean_without"].tolist() == pytest.approx([4.5 / 3, -2.5 / 3, -0.5 / 3])
    assert table["cumulative_without"].tolist() == pytest.approx([1.5, 0.75, 0.5])
    whole = influential_days(daily, 10)
    assert whole["contribution"].sum() == pytest.approx(daily.mean())
    assert np.isnan(whole["cumulative_without"].iloc[-1])
    assert np.isnan(influential_days(series([2.0]))["mean_without"].iloc[0])


def test_events_left_out_one_by_one_and_together():
    rng = np.random.default_rng(0)
    daily = series(rng.normal(size=200))
    daily.iloc[20:25] = -30.0
    daily.iloc[100] = 40.0
    events = {"crash": ("2020-01-21", "2020-01-25"), "squeeze": (pd.Timestamp("2020-04-10", tz="UTC"),) * 2,
              "elsewhere": ("2019-01-01", "2019-02-01")}  # fmt: skip
    table = leave_events_out(daily, events, draws=50).set_index("event")
    assert table.index.tolist() == ["nothing", "crash", "squeeze", "elsewhere", "all events"]
    assert table["days"].tolist() == [0, 5, 1, 0, 6]
    assert table["difference"].tolist() == pytest.approx([np.nan, -30, 40, np.nan, (-150 + 40) / 6], nan_ok=True)
    keep = np.r_[0:20, 25:200]
    assert table.loc["nothing", "without"] == pytest.approx(daily.mean())
    assert table.loc["crash", "without"] == pytest.approx(daily.iloc[keep].mean())
    assert (table.loc["crash", "low"], table.loc["crash", "high"]) == interval(daily.iloc[keep].to_numpy(), draws=50)
    assert table.loc["all events", "without"] == pytest.approx(daily.iloc[np.setdiff1d(keep, [100])].mean())
    assert table.loc["elsewhere", "without"] == table.loc["nothing", "without"]
    assert table.loc["crash", "end"] == pd.Timestamp("2020-01-25", tz="UTC")


def test_an_event_that_is_everything_leaves_nothing():
    table = leave_events_out(series([1.0, 2.0]), {"all": ("2020", "2021")}, draws=10).set_index("event")
    assert table.loc["all", ["without", "low", "high"]].isna().all()


def test_input_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="1 of 2 are not"):
        influence(series([1.0, np.nan]))
    with pytest.raises(ValueError, match="from 0 to 1 of 2 days, got 10"):
        influence(series([1.0, 2.0]))
    with pytest.raises(ValueError, match="end before they start: late, later"):
        leave_events_out(
            series([1.0]), {"late": ("2020-02-01", "2020-01-01"), "later": ("2021", "2020"), "ok": ("2020",) * 2}
        )
