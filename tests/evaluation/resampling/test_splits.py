import contextlib
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from levercap.evaluation.resampling.splits import CombinatorialPurgedKFold, PurgedKFold, PurgedWalkForward
from support.properties import examples

START = pd.Timestamp("2024-01-01", tz="UTC")


def stamps(hours):
    return START + pd.to_timedelta(np.asarray(hours, dtype=float), unit="h")


def overlap(s: float, t: float, horizon: float) -> bool:
    """Do (s, s + horizon] and (t, t + horizon] share an instant? By the definition of intervals."""
    return max(s, t) < min(s + horizon, t + horizon)


panels = st.lists(st.integers(0, 400), min_size=12, max_size=60).filter(lambda hours: len(set(hours)) >= 8)
horizons, embargoes = st.sampled_from([1, 4, 24, 30.5]), st.sampled_from([0, 7, 24])


def every_split(splitter, hours):
    hours = np.asarray(hours)
    with contextlib.suppress(ValueError):  # purging may leave nothing, which has a test of its own
        for train, test in splitter.split(None, None, stamps(hours)):
            yield hours[train], hours[test], train, test


@examples(60)
@given(hours=panels, horizon=horizons, embargo=embargoes, test_groups=st.integers(1, 2))
def test_no_training_label_overlaps_a_test_label_and_nothing_more_is_lost(hours, horizon, embargo, test_groups):
    splitter = CombinatorialPurgedKFold(4, test_groups, horizon, embargo)
    for train, test, train_rows, test_rows in every_split(splitter, hours):
        assert not any(overlap(s, t, horizon) for s, t in itertools.product(train, test))
        assert not any(t <= s < t + horizon + embargo for s, t in itertools.product(train, test))
        left_out = np.setdiff1d(np.arange(len(hours)), np.concatenate([train_rows, test_rows]))
        for row in left_out:  # each was left out for a reason
            s = hours[row]
            assert any(overlap(s, t, horizon) or t <= s < t + horizon + embargo for t in test)


@examples(60)
@given(hours=panels, horizon=horizons, embargo=embargoes)
def test_walk_forward_trains_only_on_labels_settled_before_the_test(hours, horizon, embargo):
    for train, test, _, _ in every_split(PurgedWalkForward(3, horizon, embargo), hours):
        assert train.max() + horizon + embargo <= test.min()
        kept = {s for s in hours if s + horizon + embargo <= test.min()}
        assert set(train) == kept
    for train, test, _, _ in every_split(PurgedWalkForward(3, horizon, embargo, train_hours=100), hours):
        assert train.min() >= test.min() - 100


@examples(40)
@given(hours=panels, horizon=horizons, seed=st.integers(0, 9))
def test_rows_of_one_origin_stay_together_in_any_order(hours, horizon, seed):
    hours = np.random.default_rng(seed).permutation(np.repeat(hours, 3))
    for splitter in (PurgedWalkForward(3, horizon), PurgedKFold(3, horizon)):
        seen = []
        for train, test, train_rows, test_rows in every_split(splitter, hours):
            assert not set(train) & set(test)
            assert set(test_rows) == set(np.flatnonzero(np.isin(hours, test)))
            assert set(train_rows) == set(np.flatnonzero(np.isin(hours, train)))
            seen += list(test_rows)
        assert len(seen) == len(set(seen))  # a row is tested once at most


def test_k_fold_tests_every_row_once_and_stretches_are_equal():
    hours = np.repeat(np.arange(100) * 24, 5)
    tests = [test for _, test in PurgedKFold(5).split(groups=stamps(hours))]
    assert sorted(np.concatenate(tests)) == list(range(500))
    assert [len(test) for test in tests] == [100] * 5


def test_daily_labels_of_24_hours_lose_no_neighbour_and_weekly_ones_lose_six_days():
    days = np.arange(100) * 24
    train, test = next(itertools.islice(PurgedKFold(5, 24).split(groups=stamps(days)), 2, None))
    assert (len(train), len(test)) == (80, 20)
    train, _ = next(itertools.islice(PurgedKFold(5, 168).split(groups=stamps(days)), 2, None))
    assert len(train) == 80 - 12
    train, _ = next(itertools.islice(PurgedKFold(5, 168, 48).split(groups=stamps(days)), 2, None))
    assert len(train) == 80 - 12 - 2


def test_combinatorial_paths_cover_time_once_and_use_every_forecast():
    splitter = CombinatorialPurgedKFold(6, 2)
    paths = splitter.backtest_paths()
    assert splitter.get_n_splits() == 15
    assert paths.shape == (5, 6)  # 15 * 2 / 6 paths
    choices = list(itertools.combinations(range(6), 2))
    used = [(split, group) for path in paths for group, split in enumerate(path)]
    assert all(group in choices[split] for split, group in used)
    assert len(set(used)) == 30 == len(used)


@pytest.mark.parametrize(
    "splitter", [PurgedWalkForward(4), PurgedKFold(4, 48, 24), CombinatorialPurgedKFold(4, 2)], ids=lambda s: str(s)[:9]
)
def test_scikit_learn_accepts_them(splitter):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    target = frame["a"] + rng.normal(size=300)
    groups = pd.Series(stamps(np.repeat(np.arange(100) * 24, 3)))
    scores = cross_val_score(Ridge(), frame, target, groups=groups, cv=splitter)
    assert len(scores) == splitter.get_n_splits(frame, target, groups)
    by_hand = [
        Ridge().fit(frame.iloc[a], target.iloc[a]).score(frame.iloc[b], target.iloc[b])
        for a, b in splitter.split(frame, target, groups)
    ]
    assert scores == pytest.approx(by_hand)
    GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=splitter).fit(frame, target, groups=groups)
    if isinstance(splitter, PurgedKFold):
        assert len(cross_val_predict(Ridge(), frame, target, groups=groups, cv=splitter)) == 300


def test_a_leak_through_overlapping_labels_is_stopped():
    """A sum of the next 240 hourly noises cannot be foretold, yet the label of a near origin knows most of it."""
    noise = np.random.default_rng(3).normal(size=3000)
    hours = np.arange(0, 2700, 6)
    target = np.array([noise[h : h + 240].sum() for h in hours])

    def skill(splitter):
        model = KNeighborsRegressor(1)
        forecast = cross_val_predict(model, hours[:, None], target, groups=stamps(hours), cv=splitter)
        return r2_score(target, forecast)

    assert skill(PurgedKFold(45, horizon_hours=1)) > 0.4  # labels taken to be short: neighbours give it away
    assert skill(PurgedKFold(45, horizon_hours=240)) < 0


def test_numpy_dates_and_time_zones_are_the_same_instants():
    hours = np.arange(0, 2400, 24)
    aware = pd.Series(stamps(hours))
    for other in (aware.dt.tz_localize(None).to_numpy(), aware.dt.tz_convert("Asia/Tokyo"), aware.dt.as_unit("s")):
        for one, two in zip(PurgedKFold(4).split(groups=aware), PurgedKFold(4).split(groups=other), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_what_cannot_be_split_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r'groups=frame\["as_of"\]'):
        next(PurgedKFold().split(np.zeros(5)))
    with pytest.raises(ValueError, match="3 distinct origins cannot be cut into 5"):
        next(PurgedKFold(5).split(groups=stamps([0, 24, 48])))
    with pytest.raises(ValueError, match="1 of 3 are missing"):
        next(PurgedKFold(2).split(groups=[START, pd.NaT, START]))
    with pytest.raises(ValueError, match="nothing left to train on"):
        next(PurgedWalkForward(2, 240).split(groups=stamps(np.arange(9) * 24)))
    for make in (
        lambda: PurgedKFold(1),
        lambda: PurgedWalkForward(0),
        lambda: PurgedKFold(horizon_hours=0),
        lambda: PurgedKFold(embargo_hours=-1),
        lambda: CombinatorialPurgedKFold(2, 2),
        lambda: PurgedWalkForward(train_hours=24),
    ):
        with pytest.raises(ValueError, match="must"):
            make()
