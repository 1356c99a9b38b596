from levercap.core.errors import DataError, Finding, Severity


def test_what_a_finding_quotes_moves_no_cursor():
    bad = "BTC\x1b[2J\r\u202eUSDT"
    found = Finding("code", Severity.WARNING, bad, f"one\ntwo {bad}", 2, (f"row 1: {bad}\nrow 2", "row 3"), bad)
    assert found.where == r"BTC\x1b[2J\r\u202eUSDT"
    assert found.message == "one\ntwo " + found.where
    assert found.examples == (f"row 1: {found.where}" + r"\nrow 2", "row 3")
    text = str(DataError("refused", [found]))
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_finding_without_control_characters_is_as_written():
    found = Finding("code", Severity.FATAL, "bars.csv: timestamp", "Zürich 取引所", 1, ("a=1",), "hint")
    assert (found.message, found.examples, found.hint) == ("Zürich 取引所", ("a=1",), "hint")
