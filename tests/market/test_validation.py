import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import MarketConfig
from levercap.core.errors import DataError, Severity
from levercap.market import market_from_tables
from support.market_tables import HOURS, START, SYMBOLS, bars, series, stamps, tiers
from support.properties import examples

CONFIG = MarketConfig()
SOUND = market_from_tables({"bars": bars()}, CONFIG).panel


def fatal(config=CONFIG, **tables):
    """Findings by code of tables that must be refused."""
    with pytest.raises(DataError) as error:
        market_from_tables({"bars": bars(), **tables}, config)
    assert any(f.severity == Severity.FATAL for f in error.value.findings)
    return {f.code: f for f in error.value.findings}


def accepted(config=CONFIG, **tables):
    """Market and findings by code of tables that must be accepted."""
    market = market_from_tables({"bars": bars(), **tables}, config)
    assert all(f.severity == Severity.WARNING for f in market.findings)
    return market, {f.code: f for f in market.findings}


def edited(row, **values):
    frame = bars()
    frame.loc[row, [*values]] = [*values.values()]
    return frame


BAD_BARS = [
    ("price_not_positive", {"low": 0.0}, 1, "prices at or below zero"),
    ("price_not_positive", {"low": -3.0}, 1, "prices at or below zero"),
    ("price_not_finite", {"high": np.inf}, 1, "infinite prices"),
    ("high_low_inconsistent", {"high": 99.0}, 1, "high below"),
    ("high_low_inconsistent", {"low": 190.0}, 1, "low above"),
    ("volume_negative", {"volume": -1.0}, 1, "negative volumes"),
    ("volume_not_finite", {"volume": np.inf}, 1, "infinite volumes"),
]


@pytest.mark.parametrize(("code", "values", "count", "words"), BAD_BARS)
def test_an_impossible_bar_is_a_disputed_hole(code, values, count, words):
    market, found = accepted(bars=edited(4, **values))
    assert [*found] == [code, "holes"]
    at = START + pd.Timedelta(hours=4)
    assert market.disputes.to_dict("records") == [{"symbol": "AAAUSDT", "timestamp": at, "reason": code}]
    assert np.isnan(market.panel.close[4, 0])
    without = accepted(bars=bars().drop(index=4))[0]
    assert market.panel.data_hash() == without.panel.data_hash()
    assert found[code].count == count
    assert words in found[code].message
    assert found[code].examples[0].startswith("row 5: timestamp=2024-01-01T04:00+0000 symbol=AAAUSDT")
    assert found[code].hint


@pytest.mark.parametrize(
    ("row", "values"), [(4, {"low": 103.5}), (4, {"high": 103.5}), (7, {"low": 103.0}), (7, {"high": 103.0})]
)
def test_high_and_low_must_span_both_open_and_close(row, values):
    frame = edited(row, **values)
    assert frame.loc[row, ["open", "close"]].tolist() == ([103.0, 104.0] if row == 4 else [106.0, 100.0])
    assert accepted(bars=frame)[1]["high_low_inconsistent"].count == 1


def test_half_hour_bars_are_disputed_in_the_hour_they_lie_in():
    frame = bars()
    frame.loc[[7, 9], "timestamp"] += pd.Timedelta(minutes=30)
    market, found = accepted(bars=frame)
    assert market.disputes["timestamp"].tolist() == [START + pd.Timedelta(hours=h) for h in (7, 9)]
    found = found["timestamp_not_hourly"]
    assert found.count == 2
    assert "2024-01-01T07:30" in found.examples[0]
    assert "2025-06-30T13:00:00+00:00" in found.hint


@pytest.mark.parametrize("year", ["1970", "2261"])
def test_timestamps_of_a_wrong_unit_are_left_out_and_many_are_fatal(year):
    frame = bars()
    frame.loc[0, "timestamp"] = pd.Timestamp(f"{year}-01-20", tz="UTC")
    market, found = accepted(bars=frame)
    assert found["timestamp_implausible"].count == 1
    assert len(market.disputes) == 0, "which hour the row belongs to is not known"
    assert market.panel.timestamps.equals(stamps())
    frame["timestamp"] = pd.date_range(f"{year}-01-20", periods=2 * HOURS, freq="h", tz="UTC")
    assert fatal(bars=frame)["timestamp_implausible"].count == 2 * HOURS


def test_repeated_bars_that_agree_are_a_warning_and_the_market_is_the_same():
    frame = pd.concat([bars(), bars().iloc[[3, 3, 50]]], ignore_index=True)
    market, found = accepted(bars=frame)
    assert found["duplicate_rows"].count == 3
    assert found["duplicate_rows"].examples[0].startswith("row 97: ")
    assert "drop_duplicates" in found["duplicate_rows"].hint
    assert market.panel.data_hash() == SOUND.data_hash()


def test_repeated_bars_that_disagree_are_disputed_and_all_of_them_are_shown():
    frame = pd.concat([bars(), bars().iloc[[3]].assign(close=103.2)], ignore_index=True)
    market, found = accepted(bars=frame)
    assert market.disputes["reason"].tolist() == ["duplicate_rows_disagree"]
    assert np.isnan(market.panel.close[3, 0])
    found = found["duplicate_rows_disagree"]
    assert found.count == 2
    assert [line.split(":")[0] for line in found.examples] == ["row 4", "row 97"]


def test_one_hour_of_one_coin_twice_leaves_the_others_alone():
    """Five rows, two of them one hour of one coin with other values: that coin is named, the other one is whole."""
    hours = [START, START + pd.Timedelta(hours=1)]
    calm = pd.DataFrame({"timestamp": hours, "symbol": "BTCUSDT", "open": 107_000.0, "close": 107_200.0})
    twice = pd.DataFrame(
        {"timestamp": [hours[0], *hours], "symbol": "TRXUSDT", "open": 0.27, "close": [0.27, 0.28, 0.27]}
    )
    frame = pd.concat([calm, twice], ignore_index=True).assign(volume=1.0)
    frame = frame.assign(high=frame[["open", "close"]].max(axis=1), low=frame[["open", "close"]].min(axis=1))
    market, found = accepted(bars=frame)
    assert market.disputes[["symbol", "timestamp"]].values.tolist() == [["TRXUSDT", START]]
    assert "symbol=TRXUSDT" in found["duplicate_rows_disagree"].examples[0]
    np.testing.assert_array_equal(np.isnan(market.panel.close), [[False, True], [False, False]])


@pytest.mark.parametrize("share", [0.18, 0.22])
def test_more_than_a_fifth_of_the_rows_bad_puts_the_table_in_doubt(share):
    frame = pd.concat([bars(), bars().iloc[:HOURS].assign(symbol="CCCUSDT")], ignore_index=True)
    for symbol in range(3):  # the symbol with the most bad rows does not count
        first = symbol * HOURS
        frame.loc[first : first + int(share * HOURS) - 1 + (symbol == 2), "volume"] = -1.0
    if share > 0.2:
        assert fatal(bars=frame)["volume_negative"].severity == Severity.FATAL
        assert "volume_negative" in accepted(MarketConfig(bad_rows_share=0.5), bars=frame)[1]
    else:
        assert len(accepted(bars=frame)[0].disputes) == 3 * int(share * HOURS) + 1


def test_a_symbol_all_of_whose_bars_are_bad_stops_no_other():
    frame = bars()
    frame.loc[frame["symbol"] == "AAAUSDT", "close"] = 0.0
    market, found = accepted(bars=frame)
    assert market.panel.symbols == ("BBBUSDT",)
    assert found["price_not_positive"].count == HOURS
    assert set(market.disputes["symbol"]) == {"AAAUSDT"}
    frame.loc[:, "close"] = 0.0
    assert "price_not_positive" in fatal(bars=frame)


@pytest.mark.parametrize("gap", [1e-9, 9e-7, 2e-6])
def test_a_high_or_low_that_misses_by_a_rounding_error_is_widened(gap):
    top = bars().loc[[4, 60], ["open", "close"]].max(axis=1)
    bottom = bars().loc[[5, 70], ["open", "close"]].min(axis=1)
    frame = bars()
    frame.loc[[4, 60], "high"] = top * (1 - gap)
    frame.loc[[5, 70], "low"] = bottom * (1 + gap)
    market, found = accepted(bars=frame)
    if gap > 1e-6:
        assert (found["high_low_inconsistent"].count, len(market.disputes)) == (4, 4)
        return
    assert [*found] == ["high_low_widened"]
    assert found["high_low_widened"].count == 4
    assert {"symbol=AAAUSDT" in line or "symbol=BBBUSDT" in line for line in found["high_low_widened"].examples} == {
        True
    }
    assert len(market.disputes) == 0
    assert market.panel.high[4, 0] == top.loc[4]
    assert market.panel.low[5, 0] == bottom.loc[5]
    at_zero = accepted(MarketConfig(price_tolerance=1e-12), bars=frame)[0]
    assert len(at_zero.disputes) == 4


def test_disputes_are_sorted_and_name_every_reason_once():
    frame = edited(4, high=99.0, volume=-1.0)
    frame.loc[2, "low"] = -1.0
    frame = pd.concat([frame, frame.loc[[60]].assign(close=1.0, low=0.5), frame.loc[[60]]], ignore_index=True)
    disputes = accepted(bars=frame)[0].disputes
    assert [str(kind) for kind in disputes.dtypes] == ["str", "datetime64[us, UTC]", "str"]
    got = [(symbol, int((at - START) / pd.Timedelta(hours=1)), reason) for symbol, at, reason in disputes.values]
    assert got == [
        ("AAAUSDT", 2, "price_not_positive"),
        ("AAAUSDT", 4, "high_low_inconsistent"),
        ("AAAUSDT", 4, "volume_negative"),
        ("BBBUSDT", 12, "duplicate_rows_disagree"),
    ]
    assert len(accepted(bars=bars())[0].disputes) == 0


def test_findings_name_the_first_ten_symbols():
    frame = pd.concat([bars().iloc[:HOURS].assign(symbol=f"C{i:02d}") for i in range(14)], ignore_index=True)
    frame.loc[[i * HOURS + h for i in range(13) for h in (5, 6, 7, 8)], "volume"] = -1.0
    found = accepted(bars=frame)[1]["volume_negative"]
    assert found.count == 13 * 4
    named = [line.split("symbol=")[1].split()[0] for line in found.examples[:-1]]
    assert named == ["C00"] * 3 + [f"C{i:02d}" for i in range(1, 10)]
    assert found.examples[-1] == "and 3 more symbols"


def test_bars_that_agree_in_being_incomplete_do_not_disagree():
    frame = pd.concat([edited(3, volume=np.nan), edited(3, volume=np.nan).iloc[[3]]], ignore_index=True)
    _, found = accepted(bars=frame)
    assert found["duplicate_rows"].count == 1


def test_rows_out_of_order_are_a_warning_and_sorted():
    frame = bars()
    order = np.arange(len(frame))
    order[[5, 6]] = order[[6, 5]]
    market, found = accepted(bars=frame.iloc[order])
    assert found["rows_out_of_order"].count == 1
    assert found["rows_out_of_order"].examples[0].startswith("row 7: timestamp=2024-01-01T05:00")
    assert market.panel.data_hash() == SOUND.data_hash()


def test_rows_sorted_by_time_rather_than_symbol_are_in_order():
    market, found = accepted(bars=bars().sort_values(["timestamp", "symbol"]))
    assert found == {}
    assert market.panel.data_hash() == SOUND.data_hash()


@examples(20)
@given(st.integers(0, 2**32 - 1))
def test_any_order_of_rows_gives_the_same_panel(seed):
    frame = bars().sample(frac=1, random_state=seed)
    assert market_from_tables({"bars": frame}, CONFIG).panel.data_hash() == SOUND.data_hash()


def test_a_bar_without_a_price_is_a_hole_and_a_bar_without_volume_keeps_its_prices():
    frame = edited(5, low=np.nan)
    frame.loc[8, "volume"] = np.nan
    market, found = accepted(bars=frame)
    assert (found["price_missing"].count, found["volume_missing"].count, found["holes"].count) == (1, 1, 1)
    panel = market.panel
    assert np.isnan([panel.open[5, 0], panel.high[5, 0], panel.low[5, 0], panel.close[5, 0], panel.volume[5, 0]]).all()
    assert np.isnan(panel.volume[8, 0])
    assert panel.close[8, 0] == SOUND.close[8, 0]
    assert np.isnan(panel.close).sum() == 1


def test_bars_none_of_which_is_complete_are_an_empty_table():
    assert fatal(bars=bars().assign(open=np.nan))["table_empty"].count == 2 * HOURS


def test_holes_are_counted_per_symbol_and_stay_missing():
    keep = np.ones(2 * HOURS, dtype=bool)
    keep[[10, 11, 12, 20, HOURS + 30]] = False
    market, found = accepted(bars=bars()[keep])
    assert found["holes"].count == 5
    assert found["holes"].examples == (
        "AAAUSDT: 4 hours in 2 holes, the longest 3 h from 2024-01-01T10:00Z",
        "BBBUSDT: 1 hours in 1 holes, the longest 1 h from 2024-01-02T06:00Z",
    )
    expected = np.where(keep.reshape(2, HOURS).T, SOUND.close, np.nan)
    np.testing.assert_array_equal(market.panel.close, expected)


def test_an_hour_that_no_symbol_has_is_a_row_of_missing_values():
    frame = bars()
    market, _ = accepted(bars=frame[frame["timestamp"] != START + pd.Timedelta(hours=9)])
    assert market.panel.timestamps.equals(stamps())
    assert np.isnan(market.panel.close[9]).all()


@pytest.mark.parametrize(("lost", "stale"), [(3, False), (4, True)])
def test_a_symbol_is_stale_beyond_the_configured_hours(lost, stale):
    frame = bars()
    gone = (frame["symbol"] == "BBBUSDT") & (frame["timestamp"] >= START + pd.Timedelta(hours=HOURS - lost))
    _, found = accepted(bars=frame[~gone])
    assert ("stale_symbols" in found) == stale
    if stale:
        assert found["stale_symbols"].count == 1
        assert found["stale_symbols"].examples == ("BBBUSDT: last bar closed 2024-01-02T20:00Z",)
        assert "end 2024-01-03T00:00Z" in found["stale_symbols"].message


def test_a_stale_symbol_of_many_is_listed_and_the_rest_counted():
    parts = [bars()[:HOURS].assign(symbol=f"A{i:02d}") for i in range(13)]
    parts += [bars()[: 20 + i].assign(symbol=f"C{i:02d}") for i in range(13)]
    found = accepted(bars=pd.concat(parts))[1]["stale_symbols"]
    assert found.count == 13
    assert (len(found.examples), found.examples[-1]) == (11, "and 3 more")
    assert found.examples[0].startswith("C12: "), "the one that ended last comes first"


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_redenomination_is_a_warning(factor):
    frame = bars()
    late = (frame["symbol"] == "AAAUSDT") & (frame["timestamp"] >= START + pd.Timedelta(hours=24))
    frame.loc[late, ["open", "high", "low", "close"]] *= factor
    market, found = accepted(bars=frame)
    assert found["unit_jump"].count == 1
    assert found["unit_jump"].examples[0].startswith("AAAUSDT: close 102 of 2024-01-01T23:00Z, open ")
    assert market.panel.close[24, 0] == pytest.approx(SOUND.close[24, 0] * factor)
    assert "unit_jump" not in accepted(MarketConfig(unit_jump_ratio=12.0), bars=frame)[1]


def test_unit_jump_does_not_compare_symbols_with_each_other():
    frame = bars()
    frame.loc[frame["symbol"] == "BBBUSDT", ["open", "high", "low", "close"]] *= 1000.0
    assert accepted(bars=frame)[1] == {}


SERIES = {"funding": "funding_rate", "open_interest": "open_interest", "implied_vol": "implied_vol"}
IMPOSSIBLE = [
    ("funding", 1.5),
    ("funding", -np.inf),
    ("open_interest", -1.0),
    ("open_interest", np.inf),
    ("implied_vol", 0.0),
    ("implied_vol", 85.0),
]


@pytest.mark.parametrize(("table", "value"), IMPOSSIBLE)
def test_impossible_optional_values_are_left_out_with_a_warning(table, value):
    name = SERIES[table]
    frame = series(name, 0.5)
    frame.loc[4, name] = value
    market, found = accepted(**{table: frame})
    assert (found["value_implausible"].count, found["value_implausible"].where) == (1, f"{table}: {name}")
    values = getattr(market.panel, name)
    assert np.isnan(values[3, 0])  # stamped 04:00, known at 04:00: the row of the bar 03:00
    assert (values[~np.isnan(values)] == 0.5).all()
    assert (~np.isnan(values)).sum() == HOURS - 2  # the first stamp lies before the first bar's hour


def test_missing_optional_values_stay_missing():
    frame = series("open_interest", 2.0)
    frame.loc[4, "open_interest"] = np.nan
    market, found = accepted(open_interest=frame)
    assert found["value_missing"].count == 1
    assert np.isnan(market.panel.open_interest[3, 0])


def test_repeated_optional_rows_that_disagree_are_left_out():
    frame = series("open_interest", 2.0)
    frame = pd.concat([frame, frame.iloc[[4]].assign(open_interest=3.0), frame.iloc[[6]]], ignore_index=True)
    market, found = accepted(open_interest=frame)
    assert (found["duplicate_rows_disagree"].count, found["duplicate_rows"].count) == (2, 1)
    assert np.isnan(market.panel.open_interest[3, 0])
    assert market.panel.open_interest[5, 0] == 2.0


def test_optional_symbols_without_bars_are_ignored():
    frame = pd.concat([series("funding_rate", 1e-4), series("funding_rate", 1e-3).assign(symbol="ZZZUSDT")])
    unlisted = pd.concat([tiers(), tiers().assign(symbol="ZZZUSDT")])
    market, found = accepted(funding=frame, leverage_tiers=unlisted)
    assert found["symbol_without_bars"].message == "symbols without bars, ignored: ZZZUSDT"
    assert market.panel.symbols == SYMBOLS
    assert set(market.tiers["symbol"]) == {"AAAUSDT"}
    alone, _ = accepted(funding=series("funding_rate", 1e-4), leverage_tiers=tiers())
    assert market.panel.data_hash() == alone.panel.data_hash()


def test_rows_are_numbered_as_in_the_file_when_symbols_are_ignored():
    frame = pd.concat([series("funding_rate", 1e-4).assign(symbol="ZZZUSDT"), series("funding_rate", 1e-4)])
    frame.iloc[HOURS + 4, 2] = 7.0
    found = accepted(funding=frame)[1]["value_implausible"]
    assert found.examples[0].startswith(f"row {HOURS + 5}: ")


BAD_TIERS = [
    ("tier_bounds", {"notional_floor": [0.0, 1e4, 1e6]}),
    ("tier_bounds", {"notional_floor": [-1.0, 1e4, 1e5]}),
    ("tier_leverage", {"max_leverage": [50.0, 20.0, 0.0]}),
    ("tier_leverage", {"max_leverage": [np.inf, 20.0, 10.0]}),
    ("tier_rate", {"maintenance_margin_rate": [0.0, 0.02, 0.05]}),
    ("tier_rate", {"maintenance_margin_rate": [0.01, 0.02, 5.0]}),
    ("tier_amount", {"maintenance_amount": [0.0, -1.0, np.nan]}),
    ("tier_value_missing", {"max_leverage": [50.0, np.nan, 10.0]}),
    ("tier_order", {"notional_floor": [0.0, 2e4, 1e5]}),
    ("tier_order", {"notional_floor": [5.0, 1e4, 1e5]}),
    ("tier_order", {"max_leverage": [20.0, 50.0, 10.0]}),
    ("tier_order", {"maintenance_margin_rate": [0.02, 0.01, 0.05]}),
]


@pytest.mark.parametrize(("code", "values"), BAD_TIERS)
def test_impossible_tiers_are_fatal(code, values):
    found = fatal(leverage_tiers=tiers().assign(**values))[code]
    assert found.severity == Severity.FATAL
    assert found.count == 1
    assert "symbol=AAAUSDT" in found.examples[0]
    assert found.hint


@pytest.mark.parametrize(("code", "values"), BAD_TIERS)
def test_the_impossible_ladder_of_one_symbol_stops_no_other(code, values):
    others = pd.concat([bars().iloc[:HOURS].assign(symbol=f"C{i}USDT") for i in range(4)])
    sound = pd.concat([tiers().assign(symbol=f"C{i}USDT") for i in range(4)])
    earlier = pd.concat([tiers(), sound])
    now = pd.concat([tiers().assign(**values), sound]).assign(as_of=START + pd.Timedelta(days=1))
    frame = pd.concat([earlier, now], ignore_index=True)
    market, found = accepted(bars=pd.concat([bars(), others]), leverage_tiers=frame)
    assert found[code].severity == Severity.WARNING
    assert "symbol=AAAUSDT" in found[code].examples[0]
    kept = market.tiers.groupby("as_of")["symbol"].agg(lambda names: sorted(set(names)))
    assert kept.tolist() == [["AAAUSDT", *(f"C{i}USDT" for i in range(4))], [f"C{i}USDT" for i in range(4)]]


def test_a_snapshot_of_impossible_ladders_is_fatal_however_many_sound_ones_there_are():
    names = [f"C{i}USDT" for i in range(4)]
    sound = pd.concat([tiers().assign(symbol=name) for name in names])
    snapshots = [sound.assign(as_of=START - pd.Timedelta(days=30 * i)) for i in range(1, 20)]
    bad = sound.assign(maintenance_margin_rate=0.0)
    frame = pd.concat([*snapshots, bad], ignore_index=True)
    others = pd.concat([bars().iloc[:HOURS].assign(symbol=name) for name in names])
    assert fatal(bars=others, leverage_tiers=frame)["tier_rate"].severity == Severity.FATAL


def test_tier_rates_above_initial_margin_and_jumping_amounts_are_warnings():
    frame = tiers().assign(maintenance_margin_rate=[0.03, 0.03, 0.05], maintenance_amount=[0.0, 0.0, 7.0])
    market, found = accepted(leverage_tiers=frame)
    assert found["tier_maintenance_above_initial"].count == 1
    assert found["tier_amount_discontinuous"].count == 1
    assert market.tiers["maintenance_amount"].tolist() == [0.0, 0.0, 7.0]


def test_tiers_are_sorted_whatever_the_order_of_their_rows():
    frame = pd.concat([tiers(), tiers(START + pd.Timedelta(days=1))], ignore_index=True)
    expected = accepted(leverage_tiers=frame)[0].tiers
    for seed in range(5):
        market, found = accepted(leverage_tiers=frame.sample(frac=1, random_state=seed))
        assert found == {}
        pd.testing.assert_frame_equal(market.tiers, expected)


def test_of_several_ladders_the_first_listed_is_kept():
    other = tiers().assign(max_leverage=[25.0, 10.0, 5.0])
    market, found = accepted(leverage_tiers=pd.concat([tiers(), other, tiers()], ignore_index=True))
    assert found["tier_ladders"].count == 6
    assert found["tier_ladders"].examples[0].startswith("row 4: ")
    assert market.tiers["max_leverage"].tolist() == [50.0, 20.0, 10.0]


def test_a_ladder_listed_twice_counts_once():
    market, found = accepted(leverage_tiers=pd.concat([tiers(), tiers()], ignore_index=True))
    assert found["duplicate_rows"].count == 3
    assert len(market.tiers) == 3


def test_ladders_whose_rows_are_mixed_up_are_fatal():
    other = tiers().assign(max_leverage=[25.0, 10.0, 5.0])
    both = pd.concat([tiers(), other]).sort_values("tier", kind="stable", ignore_index=True)
    assert fatal(leverage_tiers=both)["tier_ladders_mixed"].count == 2


def test_missing_maintenance_amounts_are_allowed_and_so_is_the_missing_column():
    market, found = accepted(leverage_tiers=tiers().drop(columns="maintenance_amount"))
    assert found == {}
    assert market.tiers["maintenance_amount"].isna().all()
