"""A redenomination or a new ticker that is stated leaves the market as if it had not happened."""

import numpy as np
import pandas as pd
import pytest

from levercap.config import MarketConfig
from levercap.market import load_market, market_from_tables
from support.market_tables import HOURS, START, bars, series, tiers, write

CONFIG = MarketConfig()
HOUR = pd.Timedelta(hours=1)
AT = START + 24 * HOUR
PRICES = ["open", "high", "low", "close"]


def changes(*rows):
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "ratio", "new_symbol"])
    return frame.astype({"ratio": "float64"})


def everything():
    return {
        "bars": bars(),
        "funding": series("funding_rate", 1e-4),
        "open_interest": series("open_interest", 5e6),
        "implied_vol": series("implied_vol", 0.6),
        "leverage_tiers": tiers(),
    }


def older(frame, name, at=AT, symbol="AAAUSDT"):
    """Rows that state something of before `at`: bars and tiers are stamped at its begin, series at its end."""
    time = "as_of" if name == "leverage_tiers" else "timestamp"
    before = frame[time] < at if name in ("bars", "leverage_tiers") else frame[time] <= at
    return before & (frame["symbol"] == symbol)


def in_old_units(tables, ratio, at=AT):
    out = dict(tables)
    for name, columns in (("bars", [*PRICES, "volume"]), ("open_interest", ["open_interest"])):
        frame = out[name].copy()
        rows = older(frame, name, at)
        for column in columns:
            frame.loc[rows, column] *= 1 / ratio if column in PRICES else ratio
        out[name] = frame
    return out


def with_old_name(tables, old, at=AT):
    return {n: t.assign(symbol=t["symbol"].mask(older(t, n, at), old)) for n, t in tables.items()}


def assert_same(market, expected):
    assert market.panel.symbols == expected.panel.symbols
    assert market.panel.timestamps.equals(expected.panel.timestamps)
    for name in (*PRICES, "volume", "funding_rate", "open_interest", "implied_vol"):
        np.testing.assert_allclose(getattr(market.panel, name), getattr(expected.panel, name), rtol=1e-12)
    pd.testing.assert_frame_equal(market.tiers, expected.tiers)


EXPECTED = market_from_tables(everything(), CONFIG)


@pytest.mark.parametrize("ratio", [1000.0, 0.2, 1e-6])
def test_a_stated_redenomination_gives_the_market_without_one(ratio):
    tables = in_old_units(everything(), ratio)
    if not 1 / 8 < ratio < 8:
        assert "unit_jump" in [f.code for f in market_from_tables(tables, CONFIG).findings]
    market = market_from_tables({**tables, "symbol_changes": changes((AT, "AAAUSDT", ratio, None))}, CONFIG)
    assert market.findings == ()
    assert_same(market, EXPECTED)


@pytest.mark.parametrize("old", ["AAOLDUSDT", "ZZOLDUSDT"])
def test_a_stated_ticker_change_continues_the_history_in_every_table(old):
    tables = with_old_name(everything(), old)
    apart = market_from_tables(tables, CONFIG)
    assert old in apart.panel.symbols
    market = market_from_tables({**tables, "symbol_changes": changes((AT, old, None, "AAAUSDT"))}, CONFIG)
    assert market.findings == ()
    assert_same(market, EXPECTED)


def test_changes_follow_on_each_other():
    """First a new name, then a new unit, then another name and unit at once; listed in any order."""
    later, last = AT + 6 * HOUR, AT + 12 * HOUR
    tables = in_old_units(everything(), 10.0, last)
    tables = in_old_units(tables, 1000.0, later)
    tables = with_old_name(with_old_name(tables, "MIDUSDT", last), "OLDUSDT", AT)
    tables = {n: t.assign(symbol=t["symbol"].mask(older(t, n, AT, "MIDUSDT"), "OLDUSDT")) for n, t in tables.items()}
    stated = changes(
        (last, "MIDUSDT", 10.0, "AAAUSDT"), (AT, "OLDUSDT", None, "MIDUSDT"), (later, "MIDUSDT", 1000.0, None)
    )
    market = market_from_tables({**tables, "symbol_changes": stated}, CONFIG)
    assert market.findings == ()
    assert_same(market, EXPECTED)


def test_a_ticker_used_again_by_another_coin_stays_apart():
    frame = bars().assign(symbol=lambda t: t["symbol"].mask(older(t, "bars"), "BBBOLDUSDT"))
    reused = bars()[HOURS : HOURS + 10].assign(symbol="BBBOLDUSDT", timestamp=AT + HOUR * np.arange(10))
    stated = changes((AT, "BBBOLDUSDT", None, "AAAUSDT"))
    market = market_from_tables({"bars": pd.concat([frame, reused]), "symbol_changes": stated}, CONFIG)
    assert market.panel.symbols == ("AAAUSDT", "BBBOLDUSDT", "BBBUSDT")
    assert (~np.isnan(market.panel.close)).sum(axis=0).tolist() == [HOURS, 10, HOURS]


UNUSABLE = [
    (AT, "AAAUSDT", None, None),
    (AT, "AAAUSDT", 0.0, None),
    (AT, "AAAUSDT", -2.0, "XUSDT"),
    (AT, "AAAUSDT", np.inf, None),
    (AT, "AAAUSDT", None, "X\x1bUSDT"),
    (AT, "NOTHEREUSDT", 10.0, None),
    (START, "AAAUSDT", 10.0, None),
    (None, "AAAUSDT", 10.0, None),
]


@pytest.mark.parametrize("row", UNUSABLE, ids=str)
def test_changes_that_cannot_be_used_change_nothing_and_are_named(row):
    good = (AT, "BBBUSDT", 1.0, None)
    filler = [(AT + i * HOUR, "BBBUSDT", 1.0, None) for i in range(1, 6)]
    market = market_from_tables({**everything(), "symbol_changes": changes(row, good, *filler)}, CONFIG)
    found = {f.code: f for f in market.findings}["symbol_change_unusable"]
    assert (found.count, found.where) == (1, "symbol_changes")
    assert f"symbol={row[1]}" in found.examples[0]
    assert found.examples[0].isprintable()
    assert_same(market, EXPECTED)


def test_contradicting_changes_are_not_applied_and_repeated_ones_once():
    twice = changes((AT, "AAAUSDT", 1000.0, None), (AT, "AAAUSDT", 1000.0, None))
    tables = in_old_units(everything(), 1000.0)
    assert_same(market_from_tables({**tables, "symbol_changes": twice}, CONFIG), EXPECTED)
    against = changes((AT, "AAAUSDT", 1000.0, None), (AT, "AAAUSDT", 10.0, None), (AT, "AAAUSDT", 10.0, None))
    market = market_from_tables({**everything(), "symbol_changes": against}, CONFIG)
    assert [(f.code, f.count) for f in market.findings] == [("symbol_change_unusable", 3)]
    assert_same(market, EXPECTED)


def test_a_change_after_the_market_s_end_is_not_applied_yet():
    end = START + HOURS * HOUR
    stated = changes((end + HOUR, "AAAUSDT", None, "NEWUSDT"))
    market = market_from_tables({**everything(), "symbol_changes": stated}, CONFIG)
    assert [f.code for f in market.findings] == ["symbol_change_ahead"]
    assert_same(market, EXPECTED)
    now = market_from_tables({**everything(), "symbol_changes": changes((end, "AAAUSDT", None, "NEWUSDT"))}, CONFIG)
    assert now.panel.symbols == ("BBBUSDT", "NEWUSDT")


def test_the_table_is_read_from_a_folder_with_or_without_the_new_names(tmp_path):
    tables = in_old_units(everything(), 1000.0)
    write(tmp_path, **tables)
    changes((AT, "AAAUSDT", 1000.0, None)).drop(columns="new_symbol").to_csv(
        tmp_path / "symbol_changes.csv", index=False
    )
    market = load_market(tmp_path, CONFIG)
    assert market.findings == ()
    assert_same(market, EXPECTED)
