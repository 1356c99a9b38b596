"""Tails against hand computation and a known distribution."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone

from levercap.core.names import KINDS, LEVELS, Side
from levercap.core.outcomes import loss_column
from levercap.forecast.tail.historical import ShrunkTail, losses_table, standardise, tail_ratios
from support.properties import examples
from support.standardised import standardised_losses

COLUMNS = [(side, kind, loss_column(side, kind)) for side in Side for kind in KINDS]


def names(*symbols):
    return pd.Series(symbols, dtype="str")


def by_hand(values, level):
    """Linear-interpolation quantile, and the mean of what lies at or beyond it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * level
    k = int(place)
    var = ordered[k] + (place - k) * (ordered[min(k + 1, len(ordered) - 1)] - ordered[k])
    beyond = [v for v in ordered if v >= var]
    return var, sum(beyond) / len(beyond)


@pytest.mark.parametrize("shrinkage", [0.0, 500.0, 1e12])
def test_the_ratios_are_those_computed_by_hand(shrinkage):
    z = pd.concat([standardised_losses(700, 1, ("AAA",)), standardised_losses(300, 2, ("BBB",))], ignore_index=True)
    z.loc[5, "long"] = np.nan
    tail = ShrunkTail(shrinkage).fit(z)
    for side, kind, column in COLUMNS:
        for level in LEVELS:
            pooled = by_hand(z[column].dropna(), level)
            for symbol in ("AAA", "BBB"):
                own = z.loc[z["symbol"] == symbol, column].dropna()
                weight = len(own) / (len(own) + shrinkage)
                expected = [weight * o + (1 - weight) * p for o, p in zip(by_hand(own, level), pooled, strict=True)]
                found = tail.ratios(names(symbol), str(side), kind, level)
                assert [found[0][0], found[1][0]] == pytest.approx(expected, rel=1e-12)


def test_symbols_never_seen_or_hardly_seen_get_the_pooled_ratios():
    z = pd.concat([standardised_losses(2000, 1, ("AAA",)), standardised_losses(100, 2, ("NEW",))], ignore_index=True)
    tail = ShrunkTail(500.0).fit(z)
    for level in LEVELS:
        var, es = tail.ratios(names("NEVER", "NEW", "AAA"), "long", "path", level)
        pooled = by_hand(z["path_long"], level)
        assert (var[0], es[0]) == pytest.approx(pooled)
        assert (var[1], es[1]) == pytest.approx(pooled)
        assert var[2] != var[0]


def test_the_ratios_of_a_student_distribution():
    z = standardised_losses(200_000, 3)
    tail = ShrunkTail(500.0).fit(z)
    t = stats.t(4)
    for level in LEVELS:
        quantile = t.ppf(level)
        shortfall = t.pdf(quantile) * (4 + quantile**2) / 3 / (1 - level)  # McNeil, Frey and Embrechts 2015, 2.26
        for side in ("long", "short"):
            var, es = tail.ratios(names("AAA"), side, "end", level)
            assert var[0] == pytest.approx(quantile, rel=0.03)
            assert es[0] == pytest.approx(shortfall, rel=0.04)


@examples(40)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=300),
    level=st.sampled_from([0.5, *LEVELS, 0.999]),
)
def test_the_shortfall_is_never_below_the_value_at_risk(values, level):
    var, es = tail_ratios(np.sort(np.array(values)), level)
    assert es >= var - 1e-9 * max(1.0, abs(var))


@examples(20)
@given(seed=st.integers(0, 9999), rows=st.integers(150, 400), shrinkage=st.sampled_from([0.0, 10.0, 500.0]))
def test_the_tails_table_is_ordered(seed, rows, shrinkage):
    tail = ShrunkTail(shrinkage).fit(standardised_losses(rows, seed))
    stamps = pd.DatetimeIndex(["2024-01-01"] * 3, tz="UTC").as_unit("us")
    forecasts = pd.DataFrame({"as_of": stamps, "symbol": names("BBB", "AAA", "NEW"), "volatility": [0.03, 0.05, 0.0]})
    tails = tail.predict(forecasts)
    assert len(tails) == 3 * 2 * len(LEVELS)
    assert (tails["es"] >= tails["var"]).all()
    assert (tails["path_es"] >= tails["path_var"]).all()
    assert (tails["path_var"] >= tails["var"] - 1e-12).all()
    assert tails[["as_of", "symbol", "side", "level"]].equals(
        tails[["as_of", "symbol", "side", "level"]].sort_values(["as_of", "symbol", "side", "level"])
    )
    for _, part in tails.groupby(["symbol", "side"]):
        assert part["var"].is_monotonic_increasing
        assert part["path_es"].is_monotonic_increasing
    assert (tails.loc[tails["symbol"] == "NEW", ["var", "es", "path_var", "path_es"]] == 0).all(axis=None)


def test_tails_are_proportional_to_the_volatility():
    tail = ShrunkTail().fit(standardised_losses())
    stamps = pd.DatetimeIndex(["2024-01-01"], tz="UTC").as_unit("us")
    one, three = (
        tail.predict(pd.DataFrame({"as_of": stamps, "symbol": names("AAA"), "volatility": [v]})) for v in (0.02, 0.06)
    )
    columns = ["var", "es", "path_var", "path_es"]
    np.testing.assert_allclose(three[columns], 3 * one[columns], rtol=1e-12)


def test_standardising_divides_by_the_volatility():
    outcomes = standardised_losses(5)
    z = standardise(outcomes, np.array([0.5, 2.0, 1.0, np.nan, 0.1]))
    assert z["long"].iloc[0] == outcomes["long"].iloc[0] / 0.5
    assert z["path_short"].iloc[1] == outcomes["path_short"].iloc[1] / 2.0
    assert z.iloc[3][[column for _, _, column in COLUMNS]].isna().all()
    assert list(z["symbol"]) == list(outcomes["symbol"])


def test_ends_may_have_a_volatility_of_their_own():
    outcomes = standardised_losses(5)
    z = standardise(outcomes, np.full(5, 2.0), np.full(5, 0.5))
    np.testing.assert_array_equal(z["long"], outcomes["long"] / 0.5)
    np.testing.assert_array_equal(z["path_long"], outcomes["path_long"] / 2.0)
    tail = ShrunkTail().fit(standardised_losses())
    stamps = pd.DatetimeIndex(["2024-01-01"], tz="UTC").as_unit("us")
    frame = pd.DataFrame({"as_of": stamps, "symbol": names("AAA"), "volatility": [0.05]})
    same, own = tail.predict(frame), tail.predict(frame.assign(end_volatility=0.02))
    np.testing.assert_allclose(own[["var", "es"]], 0.4 * same[["var", "es"]], rtol=1e-12)
    np.testing.assert_array_equal(own[["path_var", "path_es"]], same[["path_var", "path_es"]])


def test_numbers_that_contradict_each_other_give_way_to_the_larger():
    class Wild:
        def row_ratios(self, forecasts, side, kind, level):
            values = {("end", 0.975): (3.0, 2.0), ("end", 0.99): (1.0, 5.0), ("path", 0.975): (2.0, 4.0)}
            var, es = values.get((kind, level), (0.5, 0.6))
            return np.full(len(forecasts), var), np.full(len(forecasts), es)

    frame = pd.DataFrame({"as_of": [0], "symbol": names("AAA"), "volatility": [1.0]})
    found = losses_table(Wild(), frame).iloc[0]
    assert list(found[["long_975", "long_975_es"]]) == [3.0, 3.0]
    assert list(found[["long_990", "long_990_es"]]) == [3.0, 5.0]
    assert list(found[["path_long_975", "path_long_975_es"]]) == [3.0, 4.0]
    assert list(found[["path_short_990", "path_short_990_es"]]) == [3.0, 5.0]


def test_scikit_learn_conventions():
    tail = ShrunkTail(77.0).fit(standardised_losses(500))
    assert clone(tail).get_params() == {"shrinkage": 77.0, "smallest_own_sample": 100}
    assert not hasattr(clone(tail), "ratios_")
