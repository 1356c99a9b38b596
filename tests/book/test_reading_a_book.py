import pandas as pd
import pytest

from levercap.book import clean_book, read_book
from levercap.core.errors import DataError
from levercap.core.instrument import perpetuals

ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["007", "NA", "c"],
        "equity": [100.0, 50.5, 1e6],
        "segment": ["retail", "null", ""],
        "desk": [1, 2, 3],
    }
)
POSITIONS = pd.DataFrame({"account_id": ["007", "NA"], "symbol": ["1INCHUSDT", "NAN"], "notional": [-5.0, 1e5]})


def written(folder, form):
    for name, frame in (("accounts", ACCOUNTS), ("positions", POSITIONS)):
        if form == "parquet":
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        elif form == "csv":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            (folder / name).mkdir()
            frame[:1].to_csv(folder / name / "part-0.csv", index=False)
            frame[1:].to_parquet(folder / name / "part-1.parquet", index=False)
    suffix = "" if form == "folder" else f".{form}"
    return folder / f"accounts{suffix}", folder / f"positions{suffix}"


@pytest.mark.parametrize("form", ["parquet", "csv", "folder"])
def test_a_book_comes_back_as_it_was_written(tmp_path, form):
    accounts, positions = read_book(*written(tmp_path, form))
    pd.testing.assert_frame_equal(accounts, ACCOUNTS, check_dtype=False)
    pd.testing.assert_frame_equal(positions, POSITIONS, check_dtype=False)


def test_paths_may_be_text(tmp_path):
    paths = written(tmp_path, "csv")
    assert len(read_book(*map(str, paths))[0]) == 3


def refused(accounts, positions):
    with pytest.raises(DataError) as error:
        read_book(accounts, positions)
    assert error.value.exit_code == 3
    return {(f.code, f.where): f for f in error.value.findings}


def test_every_missing_file_and_column_is_reported_at_once(tmp_path):
    ACCOUNTS.drop(columns=["equity", "segment"]).to_csv(tmp_path / "accounts.csv", index=False)
    found = refused(tmp_path / "accounts.csv", tmp_path / "none.parquet")
    assert set(found) == {("column_missing", "accounts.csv"), ("file_missing", "none.parquet")}
    column = found["column_missing", "accounts.csv"]
    assert (column.message, column.count) == ("missing columns: equity, segment", 2)
    assert column.hint == "account_id, equity, segment"
    assert "account_id, symbol, notional" in found["file_missing", "none.parquet"].hint


@pytest.mark.parametrize("name", ["positions.parquet", "positions.csv", "positions.xlsx", "positions"])
def test_files_that_cannot_be_read(tmp_path, name):
    accounts, _ = written(tmp_path, "parquet")
    path = tmp_path / name
    path.mkdir() if name == "positions" else path.write_bytes(b"")
    assert set(refused(accounts, path)) == {("file_unreadable", name)}


def test_csv_with_only_a_header_is_a_book_without_positions(tmp_path):
    accounts, _ = written(tmp_path, "csv")
    (tmp_path / "positions.csv").write_text("account_id,symbol,notional\n")
    frames = read_book(accounts, tmp_path / "positions.csv")
    book = clean_book(*frames, perpetuals(("BTCUSDT",)))
    assert len(book.portfolio) == 3
    assert book.portfolio.gross_notional.tolist() == [0.0, 0.0, 0.0]


def test_csv_with_text_among_numbers_rejects_those_accounts_only(tmp_path):
    (tmp_path / "a.csv").write_text("account_id,equity,segment\n1,ten,retail\n2,10,retail\n03,,retail\n")
    (tmp_path / "p.csv").write_text("account_id,symbol,notional\n2,BTCUSDT,5\n2,BTCUSDT,2 000\n")
    book = clean_book(*read_book(tmp_path / "a.csv", tmp_path / "p.csv"), perpetuals(("BTCUSDT",)))
    assert book.accounts["account_id"].tolist() == ["1", "2", "03"]
    assert book.reasons == (("equity_not_a_number",), ("notional_not_finite",), ("equity_missing",))


def test_a_column_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("account_id,equity,equity,segment\na,1,2,retail\n")
    (tmp_path / "p.csv").write_text("account_id,symbol,notional\na,X,1\n")
    with pytest.raises(DataError) as caught:
        read_book(tmp_path / "a.csv", tmp_path / "p.csv")
    assert [(f.code, f.count) for f in caught.value.findings] == [("column_twice", 1)]
