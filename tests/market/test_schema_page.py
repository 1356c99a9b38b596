"""The page on schemas lists every column and every finding, with the severity that the code gives it."""

import re
from pathlib import Path

from levercap.book import ACCOUNT_COLUMNS, POSITION_COLUMNS, REJECTION_REASONS
from levercap.limits.frame import limit_columns
from levercap.market.tables import SCHEMAS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "schemas.md").read_text()
SECTIONS = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
SOURCES = [*(ROOT / "src" / "levercap" / "market").glob("*.py"), *(ROOT / "src" / "levercap" / "book").glob("*.py")]
VARIABLE = {"table_empty", "duplicate_rows_disagree"}  # severity depends on the table


def named(section, column=0):
    """Names in backquotes in a column of the tables of a section."""
    rows = [line.split("|")[1:-1] for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row[column])]


def test_every_column_of_every_table_is_listed():
    for schema in SCHEMAS.values():
        assert schema.name in named("Market folder")
        assert {*schema.columns} <= {*named("Market folder", 1)}
    assert {*ACCOUNT_COLUMNS, *POSITION_COLUMNS} <= {*named("Book", 1)}
    assert {name for name in limit_columns() if not name.startswith("cap_")} == {*named("Limits")}


def test_every_finding_is_listed_with_its_severity():
    text = "\n".join(path.read_text() for path in SOURCES)
    given = dict(re.findall(r'"(\w+)",\s*Severity\.(FATAL|WARNING)', text))
    rows = [line.split("|")[1:3] for line in SECTIONS["Findings"].splitlines() if line.startswith("| `")]
    listed = {name: row[1].strip() for row in reversed(rows) for name in re.findall(r"`(\w+)`", row[0])}
    text_listed = {*re.findall(r"`(\w+)`", SECTIONS["Findings"])}
    for code, severity in given.items():
        assert code in text_listed
        if code in listed and code not in VARIABLE:
            assert listed[code] == severity.lower(), code
    assert {*REJECTION_REASONS} <= {*listed}
    for code in listed:
        assert f'"{code}"' in text, f"{code} is listed and not in the code"
