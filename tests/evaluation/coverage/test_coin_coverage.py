"""Tables of coverage: counted by hand, against the tests they are made of, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from levercap.evaluation.coverage.coin_coverage import (
    coin_coverage,
    coverage_by,
    coverage_by_year,
    post_break_coverage,
    share_passing,
)
from levercap.evaluation.coverage.hit_tests import Light, kupiec, pooled_coverage

DAYS = pd.date_range("2021-01-01", periods=1200, freq="D", tz="UTC", unit="us")


def test_every_instrument_has_its_test_and_its_lights():
    hits = np.zeros((1200, 3), dtype=bool)
    hits[100:460:40, 0] = True  # nine in one year, none since
    hits[1199 - np.arange(13) * 20, 1] = True  # thirteen in the last year
    order = np.random.default_rng(0).permutation(3600)
    day, symbol = DAYS.repeat(3), np.tile(["AAA", "BBB", "CCC"], 1200)
    table = coin_coverage(hits.ravel()[order], symbol[order], day[order], 0.99).set_index("symbol")
    assert table["hits"].tolist() == [9, 13, 0]
    assert table["rows"].tolist() == [1200] * 3
    for name, count in (("AAA", 9), ("BBB", 13), ("CCC", 0)):
        expected = kupiec(count, 1200, 0.99).p_value
        assert table.loc[name, "p_value"] == expected
        assert table.loc[name, "passes"] == (expected > 0.05)
    assert table["last_light"].tolist() == [Light.GREEN, Light.RED, Light.GREEN]
    assert table["worst_light"].tolist() == [Light.YELLOW, Light.RED, Light.GREEN]
    assert table["worst_hits"].tolist() == [9, 13, 0]
    assert table.loc["AAA", "worst_until"] == DAYS[420]  # the first window with all nine
    assert share_passing(table) == pytest.approx(2 / 3)


def test_lights_count_calendar_days_and_forecasts_that_were_made():
    keep = np.r_[0:300, 700:900]  # a gap of more than a year
    hits = np.zeros(1200, dtype=bool)
    hits[[5, 290, 299, 700, 899]] = True
    table = coin_coverage(hits[keep], np.repeat("A", len(keep)), DAYS[keep], 0.99).iloc[0]
    assert table["last_hits"] == 2  # those of the last 365 days, not of the last 365 rows
    places, best = keep[hits[keep]], None
    for end in keep[keep >= 364]:
        inside = (keep > end - 365) & (keep <= end)
        count = int(((places > end - 365) & (places <= end)).sum())
        surprise = binom.sf(count - 1, inside.sum(), 0.01)
        if best is None or surprise < best[0]:
            best = (surprise, count, DAYS[end])
    assert (table["worst_hits"], table["worst_until"]) == best[1:]


def test_a_young_instrument_has_one_window():
    hits = np.zeros(100, dtype=bool)
    hits[0] = True  # the first window of a day or two would be red
    table = coin_coverage(hits, np.repeat("A", 100), DAYS[:100], 0.99).iloc[0]
    assert (table["worst_hits"], table["last_hits"]) == (1, 1)
    assert table["worst_light"] == Light.GREEN
    assert table["worst_until"] == DAYS[99]


def test_the_share_that_passes_is_at_least_nominal_under_the_truth():
    rng = np.random.default_rng(1)
    hits = rng.random((900, 60)) < 0.025
    symbol = np.tile([f"S{i:02d}" for i in range(60)], 900)
    right = coin_coverage(hits.ravel(), symbol, DAYS[:900].repeat(60), 0.975)
    assert share_passing(right) >= binom.ppf(0.001, 60, 0.95) / 60
    wrong = coin_coverage((hits | (rng.random(hits.shape) < 0.025)).ravel(), symbol, DAYS[:900].repeat(60), 0.975)
    assert share_passing(wrong) < 0.3


def test_overlapping_or_repeated_rows_are_refused():
    with pytest.raises(ValueError, match="1 of 3 rows"):
        coin_coverage([0, 1, 0], ["A", "A", "B"], [DAYS[0], DAYS[0] + pd.Timedelta(hours=4), DAYS[0]], 0.99)
    with pytest.raises(ValueError, match="confidence"):
        coin_coverage([0], ["A"], DAYS[:1], 0.01)


def test_groups_have_the_coverage_of_their_rows():
    rng = np.random.default_rng(2)
    hits, day = rng.random(2400) < 0.03, DAYS.repeat(2)
    symbol = np.tile(["B", "A"], 1200)
    table = coverage_by(hits, day, symbol, 0.975)
    assert list(table.index) == ["A", "B"]
    expected = pooled_coverage(hits[symbol == "B"], day[symbol == "B"], 0.975)
    assert table.loc["B", ["hit_rate", "low", "high", "p_value", "effective_rows"]].tolist() == pytest.approx(
        [expected.hit_rate, expected.low, expected.high, expected.p_value, expected.effective_rows]
    )
    assert table["hits"].sum() == hits.sum()
    years = coverage_by_year(hits, day, 0.975)
    assert list(years.index) == [2021, 2022, 2023, 2024]
    assert years.index.name == "year"
    assert years["rows"].tolist() == [730, 730, 730, 210]
    assert years.loc[2024, "hit_rate"] == pytest.approx(hits[2190:].mean())


def test_periods_after_breaks_by_hand():
    day = DAYS[:200]
    hits = np.zeros(200, dtype=bool)
    hits[[50, 51, 60, 61, 150, 199]] = True
    table = post_break_coverage(hits, day, [DAYS[50], DAYS[55], "2021-05-31"], days=10, level=0.975)
    # breaks on days 50, 55 and 150; after them 51-54, 56-65, 151-160
    assert table.loc["after", ["days", "hits"]].tolist() == [24, 3]
    assert table.loc["break", ["days", "hits"]].tolist() == [3, 2]
    assert table.loc["elsewhere", ["days", "hits"]].tolist() == [173, 1]
    assert table.loc["difference", "hit_rate"] == pytest.approx(3 / 24 - 1 / 173)
    assert table.loc["difference", "low"] <= table.loc["difference", "hit_rate"] <= table.loc["difference", "high"]
    assert (table["breaks"] == 3).all()
    expected = pooled_coverage(hits[51:66][[0, 1, 2, 3, *range(5, 15)]], np.arange(14), 0.975)
    assert expected.hit_rate == pytest.approx(3 / 14)


def test_periods_without_rows_are_missing_and_breaks_after_the_end_do_not_count():
    table = post_break_coverage(np.zeros(50, dtype=bool), DAYS[:50], [DAYS[300]], level=0.99)
    assert np.isnan(table.loc["after", "hit_rate"])
    assert np.isnan(table.loc["difference", "hit_rate"])
    assert (table["breaks"] == 0).all()
    assert table.loc["elsewhere", "days"] == 50
    none = post_break_coverage(np.zeros(50, dtype=bool), DAYS[:50], [], level=0.99)
    assert none.loc["elsewhere", "days"] == 50


def test_the_interval_of_the_difference_covers_the_truth_and_sees_slow_recovery():
    rng = np.random.default_rng(3)
    breaks = DAYS[[100, 300, 500, 700, 900, 1100]]
    after = np.zeros(1200, dtype=bool)
    for place in (100, 300, 500, 700, 900, 1100):
        after[place + 1 : place + 61] = True
    covered, seen = [], []
    for i in range(25):
        bad_day = rng.random((1200, 1))
        for rate, kept in ((0.03, covered), (0.12, seen)):
            chance = np.where(after, rate, 0.03)[:, None] * np.where(bad_day < 0.2, 3.0, 0.5)
            hits = rng.random((1200, 5)) < chance
            table = post_break_coverage(hits.ravel(), DAYS.repeat(5), breaks, level=0.97, draws=199, seed=i)
            low, high = table.loc["difference", ["low", "high"]]
            kept.append(low <= 0 <= high if rate == 0.03 else low > 0)
    assert np.mean(covered) >= binom.ppf(0.001, 25, 0.9) / 25  # bootstrap intervals of 95 % are a little short
    assert np.mean(seen) > 0.9
