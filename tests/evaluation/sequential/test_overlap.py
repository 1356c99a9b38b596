"""Overlapping horizons: enumeration of a world of coin flips, and the worst dependence between p-values."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from levercap.evaluation.coverage.hit_tests import kupiec
from levercap.evaluation.sequential.anytime import bet, fractions_from_evalues
from levercap.evaluation.sequential.overlap import (
    combine_p_values,
    harmonic_factor,
    interleaved_bets,
    interleaved_p_values,
    overlap_counts,
    subsample,
)


def test_rows_of_a_subsample_are_a_horizon_apart_and_rows_of_an_origin_together():
    origin = np.array([5, 1, 1, 9, 2, 3, 5])
    assert subsample(origin, 3).tolist() == [0, 0, 0, 1, 1, 2, 0]
    assert (subsample(origin, 1) == 0).all()
    with pytest.raises(ValueError, match="at least 1"):
        subsample(origin, 0)


def test_counts_say_how_little_there_is():
    origin = np.arange(30).repeat(2)
    hits = np.isin(origin, (3, 4, 5, 9, 25))
    counts = overlap_counts(hits, origin, 7, 0.9)
    assert (counts.origins, counts.rows, counts.independent_origins) == (30, 60, 4)
    assert (counts.hits, counts.expected_hits) == (10, pytest.approx(6.0))
    assert counts.episodes == 2  # days 3 to 9 hang together
    assert overlap_counts(np.zeros(60, dtype=bool), origin, 7, 0.9).episodes == 0


def worst_sum(count: int, points: int = 1500) -> float:
    """Largest possible minimum of sum 1 / U_i over dependences of uniform numbers: the rearrangement algorithm."""
    column = 1.0 / ((np.arange(points) + 0.5) / points)
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.permutation(column) for _ in range(count)])
    for _ in range(60):
        for i in range(count):
            others = table.sum(axis=1) - table[:, i]
            table[np.argsort(others), i] = np.sort(column)[::-1]
    return float(table.sum(axis=1).min())


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_the_harmonic_factor_is_the_one_of_the_worst_dependence(count):
    # p-values that are all below size with probability size: their harmonic mean is at most size / factor, no less
    assert worst_sum(count) == pytest.approx(count * harmonic_factor(count), rel=0.02)


def test_the_harmonic_factor_lies_between_its_published_bounds():
    assert (harmonic_factor(1), harmonic_factor(2)) == (1.0, 2.0)
    for count in (3, 7, 24, 168):
        assert np.log(count) < harmonic_factor(count) < np.e * np.log(count)
    ratios = [harmonic_factor(10**k) / np.log(10**k) for k in (1, 2, 4, 6)]
    assert (np.diff(ratios) < 0).all()
    assert 1 < ratios[-1] < 1.3
    with pytest.raises(ValueError, match="at least one"):
        harmonic_factor(0)


def test_combinations_by_hand():
    p = [0.01, 0.04, 0.5]
    assert combine_p_values(p) == pytest.approx(0.03)
    assert combine_p_values(p, "average") == pytest.approx(2 * 0.55 / 3)
    assert combine_p_values(p, "harmonic") == pytest.approx(harmonic_factor(3) * 3 / (100 + 25 + 2))
    for method in ("bonferroni", "harmonic", "average"):
        assert combine_p_values([0.2], method) == 0.2
        assert combine_p_values([1.0, 1.0], method) == 1.0
        assert combine_p_values([0.0, 0.0, 0.0], method) == 0.0
    with pytest.raises(ValueError, match="one of"):
        combine_p_values(p, "fisher")
    with pytest.raises(ValueError, match="at least one p-value"):
        combine_p_values([])
    with pytest.raises(ValueError, match="all in"):
        combine_p_values([0.5, np.nan])


def weekly(rng: np.random.Generator, days: int, rate: float, horizon: int) -> np.ndarray:
    """Hits of forecasts of the sum of the next `horizon` normal steps, at their true value at risk or a part of it."""
    from scipy.stats import norm

    steps = rng.normal(size=days + horizon)
    total = np.array([steps[day : day + horizon].sum() for day in range(days)])
    return total > np.sqrt(horizon) * norm.ppf(1 - rate)


def test_combined_tests_keep_the_size_that_a_naive_test_loses():
    rng = np.random.default_rng(1)
    runs, horizon = 300, 7
    rejected, naive = [], []
    for _ in range(runs):
        hits = weekly(rng, 730, 0.025, horizon)

        def p_value(rows: np.ndarray, hits: np.ndarray = hits) -> float:
            return kupiec(int(hits[rows].sum()), len(rows), 0.975).p_value

        p = interleaved_p_values(p_value, np.arange(730), horizon)
        assert len(p) == horizon
        rejected.append([combine_p_values(p, method) <= 0.05 for method in ("bonferroni", "harmonic", "average")])
        naive.append(kupiec(int(hits.sum()), 730, 0.975).p_value <= 0.05)
    limit = binom.ppf(0.999, runs, 0.05) / runs
    assert (np.mean(rejected, axis=0) <= limit).all()
    assert np.mean(naive) > 3 * limit


def test_combined_tests_have_power():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(40):
        hits = weekly(rng, 1500, 0.1, 7)
        p = interleaved_p_values(lambda rows, hits=hits: kupiec(int(hits[rows].sum()), len(rows), 0.975).p_value,
                                 np.arange(1500), 7)  # fmt: skip
        found.append([combine_p_values(p, method) <= 0.05 for method in ("bonferroni", "harmonic", "average")])
    assert (np.mean(found, axis=0) > 0.9).all()


def test_tests_get_their_rows_in_time_order_and_all_of_them():
    origin = np.array([3, 0, 2, 1, 4, 0])
    seen = []
    interleaved_p_values(lambda rows: seen.append(rows.tolist()) or 0.5, origin, 2)
    assert seen == [[1, 5, 2, 4], [3, 0]]
    assert len(interleaved_p_values(lambda rows: 0.5, [0, 1], 5)) == 2


@pytest.mark.parametrize("horizon", [2, 3])
def test_bets_on_overlapping_coin_flips_are_fair_by_enumeration(horizon):
    # A forecast is hit when its next `horizon` flips all fall the same rare way, so that open bets can be foreseen.
    origins, flip = 8, 0.6
    rate = flip**horizon
    ended, alarmed = 0.0, 0.0
    for flips in product((0, 1), repeat=origins + horizon - 1):
        chance = np.prod([flip if f else 1 - flip for f in flips])
        hits = np.array([all(flips[t : t + horizon]) for t in range(origins)])
        bets = interleaved_bets(hits / rate, horizon, alarm=1.5)
        ended += chance * bets.mean_wealth
        alarmed += chance * (bets.alarm is not None)
    assert ended == pytest.approx(1.0)
    assert 0 < alarmed <= 1 / 1.5


def test_assured_wealth_is_what_the_worst_end_of_the_open_bets_leaves():
    rng = np.random.default_rng(3)
    horizon, origins = 4, 30
    values = (rng.random(origins) < 0.3) / 0.1
    bets = interleaved_bets(values, horizon)
    shares = [fractions_from_evalues(values[k::horizon]) for k in range(horizon)]
    for stop in range(origins):
        ends = []
        for k in range(horizon):
            wealth = 1.0
            for turn, origin in enumerate(range(k, origins, horizon)):
                if origin <= stop:
                    wealth *= 1 - shares[k][turn] + shares[k][turn] * values[origin]
                elif origin < stop + horizon:
                    wealth *= 1 - shares[k][turn]
            ends.append(wealth)
        assert bets.assured[stop] == pytest.approx(np.mean(ends))
    assert bets.assured[-1] == pytest.approx(bets.mean_wealth)
    assert bets.p_value == pytest.approx(1 / max(1.0, bets.assured.max()))


def test_without_overlap_interleaved_bets_are_bets():
    values = (np.random.default_rng(4).random(80) < 0.1) / 0.05
    values[7] = np.nan
    bets, plain = interleaved_bets(values, 1), bet(values, fractions_from_evalues(values))
    assert bets.assured == pytest.approx(plain.wealth)
    assert (bets.p_value, bets.alarm) == (plain.p_value, plain.alarm)
    short = interleaved_bets([20.0], 7)
    assert (short.mean_wealth, short.p_value, short.alarm) == (1.0, 1.0, None)


def test_interleaved_bets_find_forecasts_that_are_too_small():
    rng = np.random.default_rng(5)
    alarms = [interleaved_bets(weekly(rng, 1200, 0.08, 7) / 0.025, 7).alarm for _ in range(12)]
    assert np.mean([alarm is not None for alarm in alarms]) > 0.8
    right = [interleaved_bets(weekly(rng, 400, 0.025, 7) / 0.025, 7).alarm for _ in range(40)]
    assert sum(alarm is not None for alarm in right) <= binom.ppf(0.999, 40, 0.05)
