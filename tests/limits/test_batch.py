import numpy as np
import pandas as pd
import pytest

from levercap.book import clean_book
from levercap.core.instrument import perpetuals
from levercap.limits.batch import batch_change, batch_figures, scored_share


def limits(*rows):
    return pd.DataFrame(rows, columns=["account_id", "status", "max_leverage"])


def symbols(*rows):
    return pd.DataFrame(rows, columns=["state", "turnover"])


BOOK = clean_book(
    pd.DataFrame({"account_id": ["a", "b", "c"], "equity": [100.0, -1.0, 50.0], "segment": "retail"}),
    pd.DataFrame(
        [("a", "BTC", 5.0), ("a", "ETH", -2.0), ("b", "BTC", 1.0), ("x", "BTC", 9.0), ("x", "ETH", 0.0)],
        columns=["account_id", "symbol", "notional"],
    ),
    perpetuals(("BTC", "ETH")),
)
LIMITS = limits(("a", "fallback", 1.0), ("b", "rejected", 0.0), ("c", "scored", 5.0), ("x", "rejected", 0.0))


def change(now, before, figures=None, market=(("fresh", 1.0),)):
    return batch_change(now, batch_figures(BOOK, LIMITS), before, figures or {}, symbols(*market))


def test_figures_count_the_accounts_of_the_table_and_positions_of_some_size():
    figures = batch_figures(BOOK, LIMITS)
    assert (figures.accounts, figures.rejected, figures.flat, figures.fallback) == (3, 1, 1, 1)
    assert (figures.positions, figures.orphaned) == (4, 1)
    assert (figures.equity, figures.gross_notional) == (150.0, 7.0)


def test_cuts_are_of_accounts_limited_in_both_runs():
    before = limits(("a", "scored", 4.0), ("b", "scored", 9.0), ("c", "rejected", 0.0), ("gone", "fallback", 1.0))
    changed = change(LIMITS, before)
    assert changed.cuts.tolist() == [0.75]
    assert (changed.accounts, changed.gone) == (3, 1)
    assert changed.fallback == pytest.approx(1 / 3)


def test_a_limit_that_falls_to_zero_is_cut_whole_and_a_rise_is_negative():
    now = limits(("a", "scored", 0.0), ("b", "scored", 3.0), ("c", "scored", 1.0))
    before = limits(("a", "scored", 4.0), ("b", "scored", 2.0), ("c", "scored", 0.0))
    assert sorted(change(now, before).cuts.tolist()) == [-0.5, 1.0]


def test_an_account_known_from_positions_only_is_gone():
    assert change(LIMITS, limits(("x", "scored", 2.0))).gone == 1


def test_previous_limits_without_a_status_or_with_an_account_twice():
    before = limits(("a", "scored", 4.0), ("a", "scored", 2.0)).drop(columns="status")
    assert change(LIMITS, before).cuts.tolist() == [0.5]
    assert change(LIMITS, before).fallback == 0.0


def test_figures_of_the_previous_run_are_compared_where_they_are_stated():
    stated = {"positions": 2, "equity": 300.0, "gross_notional": None, "other": 1}
    assert change(LIMITS, LIMITS, stated).factors == {"number of positions": 2.0, "equity": 0.5}
    assert change(LIMITS, LIMITS, {"equity": 0.0, "positions": "many"}).factors == {}


def test_share_of_the_turnover_that_is_scored_from_data():
    assert scored_share(symbols(("fresh", 3.0), ("young", 1.0), ("stale", 4.0), ("disputed", np.nan))) == 0.5
    assert scored_share(symbols(("fresh", np.nan), ("frozen", np.nan))) == 0.5
    assert scored_share(symbols()) == 0.0
