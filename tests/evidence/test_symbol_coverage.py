import pandas as pd

from levercap.evaluation import coin_coverage, match
from levercap.evidence.backtest_table import backtest_lines
from levercap.evidence.stability import coverage_line, symbol_lines
from levercap.evidence.symbol_coverage import symbol_coverage
from levercap.evidence.traffic_lights import traffic_light_line
from support.report_folders import simulate_outcomes, tails_of


def rows_of():
    outcomes, volatility = simulate_outcomes(400, 3, seed=4)
    tails = {"levercap": tails_of(outcomes, volatility), "B1": tails_of(outcomes, 0.5 * volatility)}
    return list(match(tails, outcomes))[:2]


def fresh(row, model):
    return coin_coverage(row.hits(model), row.symbol, row.day, row.level)


def test_it_is_the_coverage_of_the_row_and_model_asked_for():
    for row in rows_of():
        for model in ("levercap", "B1", "levercap"):
            pd.testing.assert_frame_equal(symbol_coverage(row, model), fresh(row, model))


def test_no_table_changes_what_the_others_are_made_of():
    row = rows_of()[0]
    for make in (coverage_line, symbol_lines, traffic_light_line, lambda r, m: list(backtest_lines(r, m))):
        make(row, "levercap")
        pd.testing.assert_frame_equal(symbol_coverage(row, "levercap"), fresh(row, "levercap"))


def test_what_the_last_call_found_is_kept():
    row = rows_of()[0]
    assert symbol_coverage(row, "B1") is symbol_coverage(row, "B1")
