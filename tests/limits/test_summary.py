"""Counts of a scoring run: what is above its limit, rejected accounts included, and nothing below zero."""

import numpy as np
import pandas as pd

from levercap.limits.summary import summarise


def limits(**changed: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "account_id": ["a", "b", "c", "d"],
        "status": ["scored", "rejected", "rejected", "rejected"],
        "action": ["none", "reduce_only", "no_new_risk", "reduce_only"],
        "binding": ["profile", "rejected", "rejected", "rejected"],
        "reasons": ["", "equity_missing", "equity_missing", "notional_not_finite"],
        "max_leverage": [5.0, 0.0, 0.0, 0.0],
        "effective_leverage": [1.0, np.nan, np.nan, np.nan],
        "headroom": [40.0, -30.0, 0.0, np.nan],
    }
    return pd.DataFrame(columns | changed)


ACCOUNTS = pd.DataFrame({"account_id": ["a", "b", "c", "d"], "segment": "retail", "equity": [10.0, None, None, 1.0]})


def test_rejected_accounts_that_hold_something_are_above_their_limit_of_zero() -> None:
    summary = summarise(limits(), ACCOUNTS, ())
    assert (summary["over_limit"], summary["over_limit_share"]) == (2, 0.5)
    assert summary["totals"] == {"equity": 10.0, "gross_notional": 10.0, "to_reduce": 30.0, "to_grow": 40.0}


def test_nothing_to_reduce_is_zero_without_a_sign() -> None:
    summary = summarise(limits(headroom=[40.0, 0.0, 0.0, 0.0]), ACCOUNTS, ())
    assert summary["over_limit"] == 0
    assert str(summary["totals"]["to_reduce"]) == "0.0"
