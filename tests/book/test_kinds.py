import numpy as np
import pandas as pd
import pytest

from levercap.book.kinds import groups_apart, unsupported_positions


def rows(*kinds, notional=1.0, symbol="BTCUSDT"):
    return pd.DataFrame({"symbol": symbol, "notional": notional, "kind": pd.Series(kinds, dtype="object")})


def unsupported(*kinds, notional=1.0):
    frame = rows(*kinds, notional=notional)
    return unsupported_positions(frame, frame["notional"].to_numpy()).tolist()


@pytest.mark.parametrize(
    "kind",
    ["perp", "PERP", " Perp ", "perpetual", "Perpetual Future", "swap", "SWAP", "linear", "linear_swap",
     "LinearPerpetual", "perpetual-swap", "", "  ", None, np.nan],
)  # fmt: skip
def test_what_means_a_linear_perpetual(kind):
    assert unsupported(kind) == [False]


@pytest.mark.parametrize("kind", ["option", "inverse", "spot", "future", "inverse_perpetual", "perp?x", 7])
def test_what_does_not(kind):
    assert unsupported(kind, "perp") == [True, False]


def test_no_column_no_rows_and_no_size():
    assert not unsupported_positions(rows("option").drop(columns="kind"), np.ones(1)).any()
    assert unsupported_positions(rows(), np.zeros(0)).tolist() == []
    assert unsupported("option", notional=0.0) == [False]


def test_groups_keep_symbol_kind_and_side_apart_in_this_order():
    frame = pd.DataFrame(
        [("B", "x", 1.0), ("A", "y", 1.0), ("A", "x", -1.0), ("A", "x", 2.0), ("B", "x", 3.0)],
        columns=["symbol", "kind", "notional"],
    )
    assert groups_apart(frame, frame["notional"].to_numpy()).tolist() == [3, 2, 1, 0, 3]
    assert groups_apart(frame[:0], np.zeros(0)).tolist() == []
