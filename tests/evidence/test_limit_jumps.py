"""Limits that jump from the champion's are refused and the symbol is named; ordinary differences pass."""

import pandas as pd
import pytest

from levercap.evidence.checks import failures
from levercap.evidence.limit_jumps import JumpRule, limit_jump_checks

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


def limits(factor=1.0, symbol=None, status="scored"):
    keys = [(name, side) for name in SYMBOLS for side in ("long", "short")]
    table = pd.DataFrame(keys, columns=["symbol", "side"]).assign(status="scored", max_leverage=10.0)
    rows = table["symbol"].eq(symbol) if symbol else table["symbol"].notna()
    table.loc[rows, "max_leverage"] *= factor
    table.loc[rows, "status"] = status
    return table


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.1])
def test_ordinary_differences_pass(factor):
    assert failures(limit_jump_checks(limits(factor), limits(), "now")) == []


@pytest.mark.parametrize(("factor", "what"), [(1.7, "largest rise"), (0.3, "largest cut")])
def test_a_jump_of_one_symbol_is_named(factor, what):
    failed = failures(limit_jump_checks(limits(factor, "CCC"), limits(), "now"))
    assert len(failed) == 1
    assert what in failed[0]
    assert "CCC long" in failed[0]


@pytest.mark.parametrize("factor", [1.2, 0.7])
def test_a_shift_of_all_is_refused(factor):
    assert any("median" in text for text in failures(limit_jump_checks(limits(factor), limits(), "now")))


def test_a_symbol_that_only_the_champion_scores_is_named():
    failed = failures(limit_jump_checks(limits(symbol="BBB", status="fallback"), limits(), "now"))
    assert any("BBB" in text for text in failed)
    assert failures(limit_jump_checks(limits(status="fallback"), limits(status="fallback"), "now"))
    assert JumpRule().smallest_symbols == 1
