import numpy as np
import pandas as pd
import pytest

from levercap.config import MarketConfig
from levercap.core.errors import ConfigError, DataError, Severity
from levercap.market import load_market, market_from_tables, validate_market, write_market
from support.market_tables import HOURS, START, SYMBOLS, bars, series, stamps, tiers, write

CONFIG = MarketConfig()


def problems(folder):
    """Findings by code, after checking that loading fails exactly when one is fatal."""
    findings = validate_market(folder, CONFIG)
    if any(f.severity == Severity.FATAL for f in findings):
        with pytest.raises(DataError) as error:
            load_market(folder, CONFIG)
        assert error.value.exit_code == 3
        assert error.value.findings == findings
        assert all(f.code in str(error.value) for f in findings)
    else:
        assert load_market(folder, CONFIG).findings == findings
    assert len({(f.code, f.where) for f in findings}) == len(findings)
    return {f.code: f for f in findings}


def test_bars_alone_are_a_market(tmp_path):
    market = load_market(write(tmp_path), CONFIG)
    assert market.findings == ()
    assert market.tiers is None
    assert market.panel.symbols == SYMBOLS
    assert market.panel.start == START
    assert market.panel.end == START + pd.Timedelta(hours=HOURS)
    assert market.panel.funding_rate is None
    assert market.panel.open_interest is None
    assert market.panel.implied_vol is None


def everything():
    return {
        "bars": bars(),
        "funding": series("funding_rate", 1e-4),
        "open_interest": series("open_interest", 5e6),
        "implied_vol": series("implied_vol", 0.6),
        "leverage_tiers": tiers(),
    }


@pytest.mark.parametrize("form", ["csv", "folder of parquet", "folder of csv", "folders of both"])
def test_every_form_of_a_folder_gives_the_same_market(tmp_path, form):
    expected = market_from_tables(everything(), CONFIG)
    for name, frame in everything().items():
        if form == "csv":
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
            continue
        (tmp_path / name).mkdir()
        half = len(frame) // 2
        for number, part in enumerate((frame[:half], frame[half:])):
            if form == "folder of csv" or (form == "folders of both" and number):
                part.to_csv(tmp_path / name / f"{number}.csv", index=False)
            else:
                part.to_parquet(tmp_path / name / f"{number}.parquet", index=False)
    market = load_market(tmp_path, CONFIG)
    assert market.findings == ()
    assert market.panel.data_hash() == expected.panel.data_hash()
    pd.testing.assert_frame_equal(market.tiers, expected.tiers)


def test_write_market_and_load_market_are_inverse(tmp_path):
    write_market(everything(), tmp_path / "new" / "market")
    market = load_market(tmp_path / "new" / "market", CONFIG)
    assert market.panel.data_hash() == market_from_tables(everything(), CONFIG).panel.data_hash()


def test_a_market_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = tmp_path / "market"
    write_market(everything(), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(pd.DataFrame, "to_parquet", killed_at("implied_vol.parquet"))
    with pytest.raises(KeyboardInterrupt):
        write_market({name: frame[:5] for name, frame in everything().items()}, folder)
    with pytest.raises(KeyboardInterrupt):
        write_market(everything(), tmp_path / "other")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "other").exists()


def killed_at(name, to_parquet=pd.DataFrame.to_parquet):
    """Writing of frames that ends with a kill when it comes to file `name`, half of it written."""

    def write(frame, path, **options):
        if path.name == name:
            path.write_bytes(b"PAR1")
            raise KeyboardInterrupt
        to_parquet(frame, path, **options)

    return write


def test_files_that_no_earlier_run_wrote_are_not_replaced(tmp_path):
    (tmp_path / "mine.csv").write_text("a,b")
    with pytest.raises(ConfigError, match="holds files that no earlier run wrote"):
        write_market(everything(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("name", ["bars.csv.gz", "bars.tsv", "bars.tsv.gz", "bars.csv"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_other_forms_of_csv_are_read(tmp_path, name, separator):
    bars().to_csv(tmp_path / name, sep=separator, index=False)
    market = load_market(tmp_path, CONFIG)
    assert market.findings == ()
    assert market.panel.data_hash() == market_from_tables({"bars": bars()}, CONFIG).panel.data_hash()


def test_decimal_commas_are_no_numbers_and_are_shown(tmp_path):
    bars().to_csv(tmp_path / "bars.csv", sep=";", decimal=",", index=False)
    found = problems(tmp_path)
    assert found["not_a_number"].severity == Severity.FATAL
    assert "found '10,0'" in str(found["not_a_number"].examples)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+05:30"])
def test_any_unit_and_timezone_is_the_same_instant(tmp_path, unit, zone):
    frame = bars()
    frame["timestamp"] = frame["timestamp"].dt.as_unit(unit).dt.tz_convert(zone)
    market = load_market(write(tmp_path, bars=frame), CONFIG)
    assert market.panel.data_hash() == market_from_tables({"bars": bars()}, CONFIG).panel.data_hash()
    assert market.panel.timestamps.equals(stamps())
    assert market.panel.timestamps.unit == "us"


def test_symbols_and_extra_columns_of_other_kinds_are_read(tmp_path):
    frame = bars().assign(note="x", trades=3)
    frame["symbol"] = frame["symbol"].astype("category")
    frame["volume"] = frame["volume"].astype("int64")
    assert load_market(write(tmp_path, bars=frame), CONFIG).findings == ()


def test_missing_folder_names_the_files_expected(tmp_path):
    found = problems(tmp_path / "nowhere")
    assert [*found] == ["market_missing"]
    assert "nowhere does not exist" in found["market_missing"].message
    assert "bars.parquet (required)" in found["market_missing"].hint


@pytest.mark.parametrize("others", [{}, {"funding": series("funding_rate", 1e-4)}])
def test_folder_without_bars_names_the_files_expected(tmp_path, others):
    for name, frame in others.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    found = problems(tmp_path)
    assert [*found] == ["table_missing"]
    assert "has no bars table" in found["table_missing"].message
    for name in everything():
        assert f"{name}.parquet" in found["table_missing"].hint


def test_empty_table_folder_is_a_missing_table(tmp_path):
    (tmp_path / "bars").mkdir()
    assert problems(tmp_path)["table_missing"].where == "bars/"


def test_empty_bars_are_fatal_and_an_empty_optional_table_is_as_good_as_none(tmp_path):
    found = problems(write(tmp_path, bars=bars()[:0], funding=series("funding_rate", 0.0)[:0]))
    assert found["table_empty"].severity == Severity.WARNING  # the last one under this code: funding
    severities = {f.where: f.severity for f in validate_market(tmp_path, CONFIG)}
    assert severities == {"bars.parquet": Severity.FATAL, "funding.parquet": Severity.WARNING}
    market = load_market(write(tmp_path, funding=series("funding_rate", 0.0)[:0]), CONFIG)
    assert market.panel.funding_rate is None


def test_table_in_two_forms_is_ambiguous(tmp_path):
    write(tmp_path)
    bars().to_csv(tmp_path / "bars.csv", index=False)
    found = problems(tmp_path)["table_ambiguous"]
    assert found.count == 2
    assert "bars.parquet, bars.csv" in found.message


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv"])
def test_file_that_is_not_what_its_name_says(tmp_path, name):
    (tmp_path / name).write_bytes(b"" if name.endswith("csv") else b"this is no parquet file")
    assert problems(tmp_path)["file_unreadable"].where == name


def test_all_problems_of_all_tables_are_reported_at_once(tmp_path):
    spoiled = bars().drop(columns=["volume", "low"])
    spoiled.loc[3, "close"] = -1.0
    rates = series("funding_rate", 1e-4)
    rates["timestamp"] = rates["timestamp"].dt.tz_localize(None)
    steep = tiers().assign(maintenance_margin_rate=[0.05, 0.02, 1.5])
    found = problems(write(tmp_path, bars=spoiled, funding=rates, leverage_tiers=steep))
    assert found["column_missing"].message == "missing columns: low, volume"
    assert found["column_missing"].count == 2
    assert found["column_missing"].hint == "timestamp, symbol, open, high, low, close, volume"
    assert found["price_not_positive"].examples[0].startswith("row 4: timestamp=2024-01-01T03:00+0000 symbol=AAAUSDT")
    assert found["timestamp_naive"].count == HOURS
    assert found["timestamp_naive"].where == "funding.parquet: timestamp"
    assert found["tier_rate"].count == 1
    assert "tier_order" in found
    assert "price_missing" not in found
    assert "volume_missing" not in found


@pytest.mark.parametrize("column", ["timestamp", "symbol"])
def test_missing_key_column_is_reported_once(tmp_path, column):
    found = problems(write(tmp_path, bars=bars().drop(columns=column)))
    assert [*found] == ["column_missing"]
    assert found["column_missing"].message == f"missing column: {column}"


def test_one_file_of_many_lacks_a_column(tmp_path):
    (tmp_path / "bars").mkdir()
    frame = bars()
    frame[:HOURS].to_csv(tmp_path / "bars" / "a.csv", index=False)
    frame[HOURS:].drop(columns="volume").to_csv(tmp_path / "bars" / "b.csv", index=False)
    found = problems(tmp_path)
    assert found["column_missing"].where == "bars/b.csv"


def test_naive_timestamps(tmp_path):
    frame = bars()
    frame["timestamp"] = frame["timestamp"].dt.tz_localize(None)
    found = problems(write(tmp_path, bars=frame))["timestamp_naive"]
    assert (found.severity, found.count) == (Severity.FATAL, 2 * HOURS)
    assert [line.split(":")[0] for line in found.examples] == ["row 1", "row 2", "row 3", f"row {HOURS + 1}"]
    assert found.examples[1].endswith("found 2024-01-01 01:00:00")
    assert "df['timestamp'] = df['timestamp'].dt.tz_localize('UTC')" in found.hint


@pytest.mark.parametrize("naive", [2, 2 * HOURS])
def test_texts_without_timezone_are_naive_one_by_one(tmp_path, naive):
    """A few rows are left out; a table of them is refused."""
    frame = bars()
    text = frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S")
    frame["timestamp"] = (text + "Z").where(frame.index >= naive, text)
    frame.to_csv(tmp_path / "bars.csv", index=False)
    found = problems(tmp_path)
    assert found["timestamp_naive"].severity == (Severity.WARNING if naive == 2 else Severity.FATAL)
    assert found["timestamp_naive"].count == naive
    assert found["timestamp_naive"].examples[1].startswith("row 2: ")
    assert found["timestamp_naive"].examples[1].endswith("found '2024-01-01 01:00:00'")
    assert "pd.to_datetime(df['timestamp']).dt.tz_localize('UTC')" in found["timestamp_naive"].hint


def test_mixed_timezones_in_one_file(tmp_path):
    frame = bars()
    local = frame["timestamp"].dt.tz_convert("+02:00")
    texts = frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    frame["timestamp"] = texts.where(frame.index < HOURS, local.dt.strftime("%Y-%m-%dT%H:%M:%S+02:00"))
    frame.to_csv(tmp_path / "bars.csv", index=False)
    found = problems(tmp_path)
    assert [*found] == ["timezone_mixed"]
    assert found["timezone_mixed"].message == "more than one timezone: UTC, +02:00"


def test_mixed_timezones_over_files(tmp_path):
    (tmp_path / "bars").mkdir()
    frame = bars()
    frame[:HOURS].to_parquet(tmp_path / "bars" / "a.parquet")
    frame[HOURS:].assign(timestamp=lambda d: d["timestamp"].dt.tz_convert("Asia/Tokyo")).to_parquet(
        tmp_path / "bars" / "b.parquet"
    )
    assert problems(tmp_path)["timezone_mixed"].message == "more than one timezone: UTC, Asia/Tokyo"


def test_spellings_of_utc_are_one_timezone(tmp_path):
    frame = bars()
    z = frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    frame["timestamp"] = z.where(frame.index % 2 == 0, frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S+00:00"))
    frame.to_csv(tmp_path / "bars.csv", index=False)
    assert load_market(tmp_path, CONFIG).panel.timestamps.equals(stamps())


def test_values_that_are_no_instants_symbols_or_numbers(tmp_path):
    frame = bars().astype({"timestamp": "str", "close": "object", "volume": "object"})
    frame.loc[1, "timestamp"] = "yesterday"
    frame.loc[2, "timestamp"] = ""
    frame.loc[3, "symbol"] = None
    frame.loc[4, "close"] = "1,234.5"
    frame.loc[5, "volume"] = "many"
    frame.loc[6, "volume"] = None
    frame.to_csv(tmp_path / "bars.csv", index=False)
    frame.loc[7, "symbol"] = "AAA\x1b[2JUSDT"
    frame.to_csv(tmp_path / "bars.csv", index=False)
    market = load_market(tmp_path, CONFIG)
    got = {(f.code, f.where): f.count for f in market.findings}
    assert got == {
        ("timestamp_unreadable", "bars.csv: timestamp"): 1,
        ("timestamp_missing", "bars.csv: timestamp"): 1,
        ("symbol_missing", "bars.csv: symbol"): 1,
        ("symbol_unprintable", "bars.csv: symbol"): 1,
        ("not_a_number", "bars.csv: close"): 1,
        ("not_a_number", "bars.csv: volume"): 1,
        ("volume_missing", "bars.csv: volume"): 1,
        ("holes", "bars.csv: timestamp"): 6,
    }
    first = market.findings[0]
    assert first.examples[0].startswith("row 2: ")
    assert first.examples[0].endswith("found 'yesterday'")
    assert "df['timestamp'] = pd.to_datetime(df['timestamp'], utc=True)" in first.hint
    assert market.disputes["reason"].tolist() == ["not_a_number", "not_a_number"]
    assert market.disputes["timestamp"].tolist() == [START + pd.Timedelta(hours=h) for h in (4, 5)]
    assert np.isnan(market.panel.close[[1, 2, 3, 4, 5, 7], 0]).all()
    assert all(str(f).isprintable() or "\n" in str(f) for f in market.findings)


@pytest.mark.parametrize("column", ["close", "symbol"])
def test_a_column_of_which_most_values_cannot_be_read_is_fatal(tmp_path, column):
    frame = bars().astype({column: "object"})
    frame.loc[frame.index % 3 == 0, column] = {"close": "n/a!", "symbol": ""}[column]
    frame.to_csv(tmp_path / "bars.csv", index=False)
    found = problems(tmp_path)
    (code,) = (c for c, f in found.items() if f.severity == Severity.FATAL)
    assert code == {"close": "not_a_number", "symbol": "symbol_missing"}[column]


@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_numbers_that_are_no_epoch_are_refused_with_the_value_and_the_line_to_write(tmp_path, kind):
    frame = bars()
    frame["timestamp"] = (frame["timestamp"].astype("int64") // 60_000_000).astype(kind)  # minutes
    found = problems(write(tmp_path, bars=frame))
    assert [*found] == ["timestamp_unreadable"]
    found = found["timestamp_unreadable"]
    assert (found.severity, found.count) == (Severity.FATAL, 2 * HOURS)
    assert "found 28401120" in found.examples[0]
    assert "pd.to_datetime(df['timestamp'], unit='ms', utc=True)" in found.hint
    assert "tz_localize" not in found.hint


def test_row_numbers_count_within_each_file(tmp_path):
    (tmp_path / "bars").mkdir()
    frame = bars()
    frame.loc[HOURS + 2, "low"] = -5.0
    frame[:HOURS].to_parquet(tmp_path / "bars" / "a.parquet")
    frame[HOURS:].to_parquet(tmp_path / "bars" / "b.parquet")
    found = problems(tmp_path)["price_not_positive"]
    assert found.where == "bars/: open, high, low, close"
    assert found.examples[0].startswith("bars/b.parquet row 3: ")
