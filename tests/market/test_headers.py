"""A file whose columns have other names, or none, is refused with the lines that mend it, and they do."""

import re

import pandas as pd
import pytest

from levercap.config import MarketConfig
from levercap.core.errors import DataError
from levercap.market import load_market, market_from_tables
from support.market_tables import HOURS, bars, series, write

CONFIG = MarketConfig()


def refused(folder):
    with pytest.raises(DataError) as error:
        load_market(folder, CONFIG)
    (found,) = error.value.findings
    return found


def archive():
    """Bars of one symbol as venues publish them: epoch milliseconds, their own names, further columns."""
    frame = bars()[:HOURS].drop(columns="symbol").rename(columns={"timestamp": "open_time"})
    opened = frame["open_time"].astype("int64") // 1000
    return frame.assign(open_time=opened, close_time=opened + 3_599_999, quote_volume=1.0, ignore=0)


def test_other_names_are_refused_with_the_lines_to_write(tmp_path):
    archive().to_csv(tmp_path / "bars.csv", index=False)
    found = refused(tmp_path)
    assert (found.code, found.message, found.count) == ("column_missing", "missing columns: timestamp, symbol", 2)
    assert found.examples[0].startswith("found: open_time, open, high, low, close, volume, close_time")
    names = {"df": pd.read_csv(tmp_path / "bars.csv")}
    for line in found.examples[1:]:
        exec(line.partition(": ")[2], names)
    market = market_from_tables({"bars": names["df"]}, CONFIG)
    assert market.findings == ()
    assert market.panel.close.shape == (HOURS, 1)


def test_a_file_without_a_header_is_refused_with_the_line_to_write(tmp_path):
    archive().to_csv(tmp_path / "bars.csv", index=False, header=False)
    found = refused(tmp_path)
    assert found.code == "header_missing"
    assert "1704067200000, 100.0" in found.message
    frame = eval(found.hint, {"pd": pd, "path": tmp_path / "bars.csv"})
    assert market_from_tables({"bars": frame}, CONFIG).panel.close.shape == (HOURS, 1)


def test_names_of_other_case_are_renamed(tmp_path):
    found = refused(write(tmp_path, bars=bars().rename(columns=str.capitalize)))
    assert "'Close': 'close'" in found.examples[1]
    assert "'Timestamp': 'timestamp'" in found.examples[1]


def test_the_column_of_a_series_by_another_name(tmp_path):
    found = refused(write(tmp_path, funding=series("lastFundingRate", 1e-4).rename(columns={"symbol": "Pair"})))
    assert re.search(r"\{'Pair': 'symbol'\}", found.examples[1])
