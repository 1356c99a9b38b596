"""Every column is described, truly, and every description has its column."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import levercap.features.table as table_module
from levercap.core.panel import Panel
from levercap.features import feature_table
from levercap.features.catalogue import CHOSEN, EXTENSIONS, GROUPS
from levercap.features.table import KEYS
from support import feature_page

ROOT = Path(__file__).parents[2]
TABLES = {"funding": "funding_rate", "open_interest": "open_interest", "implied_vol": "implied_vol"}
BY_NAME = {d.name: d for group in GROUPS.values() for d in group}
EXTENDED = {d.name for extension in EXTENSIONS for d in extension.descriptions}


@pytest.fixture(scope="module")
def panel(fitted) -> Panel:
    """The simulated market with its leader called Bitcoin."""
    panel = fitted.market.panel
    return dataclasses.replace(panel, symbols=("BTCUSDT", *panel.symbols[1:]))


@pytest.fixture(scope="module")
def origins(panel) -> pd.DatetimeIndex:
    return panel.origins(panel.start + pd.Timedelta(days=300, hours=5), panel.end, 731)


@pytest.fixture(scope="module")
def whole(panel, origins) -> pd.DataFrame:
    return feature_table(panel, origins, extended=True)


def columns(table: pd.DataFrame) -> set[str]:
    return set(table.columns) - set(KEYS)


def same(mine: pd.Series, other: pd.Series) -> bool:
    return bool(np.array_equal(mine.to_numpy(), other.to_numpy(), equal_nan=True))


def test_the_page_is_up_to_date():
    assert feature_page.PAGE.read_text() == feature_page.feature_page(), (
        "write it again: python tests/support/feature_page.py"
    )


def test_every_column_is_described_and_every_description_has_a_column(whole):
    assert columns(whole) == set(BY_NAME)
    assert len(BY_NAME) == sum(len(group) for group in GROUPS.values())
    assert whole.notna().any().all(), "a column that is never known proves nothing"


def test_descriptions_are_complete():
    for d in BY_NAME.values():
        assert re.fullmatch(r"[a-z][a-z0-9_.]*", d.name), d
        assert d.meaning, d
        assert d.unit, d
        assert not re.search(r"[{}|]", d.meaning + d.unit + d.source), d
        assert d.source == "" or re.search(r" (19|20)\d\d$", d.source), d
        assert d.needs[0] == "bars", d
        assert set(d.needs) <= {"bars", *TABLES}, d


def test_models_learn_from_the_features_chosen_and_from_no_other(panel, origins, whole):
    table = feature_table(panel, origins)
    assert columns(table) == set(BY_NAME) - (EXTENDED - CHOSEN)
    pd.testing.assert_frame_equal(table, whole[table.columns], check_exact=True)


def test_choosing_an_extension_adds_its_column_alone(panel, origins, whole, monkeypatch):
    made = []
    monkeypatch.setattr(table_module, "CHOSEN", frozenset({"move_7d", "leverage_proxy"}))
    monkeypatch.setattr(
        table_module,
        "EXTENSIONS",
        [dataclasses.replace(e, make=lambda *a, e=e: made.append(e.descriptions) or e.make(*a)) for e in EXTENSIONS],
    )
    table = feature_table(panel, origins)
    assert columns(table) == (set(BY_NAME) - EXTENDED) | {"move_7d", "leverage_proxy"}
    assert len(made) == 2, "the other extensions are not computed"
    pd.testing.assert_frame_equal(table, whole[table.columns], check_exact=True)


@pytest.mark.parametrize("table", TABLES)
def test_without_a_table_exactly_its_features_are_left_out(panel, origins, whole, table):
    less = feature_table(dataclasses.replace(panel, **{TABLES[table]: None}), origins, extended=True)
    assert columns(whole) - columns(less) == {d.name for d in BY_NAME.values() if table in d.needs}
    pd.testing.assert_frame_equal(less, whole[less.columns], check_exact=True)


@pytest.mark.parametrize("table", TABLES)
def test_exactly_the_features_that_name_a_table_depend_on_it(panel, origins, whole, table):
    values = getattr(panel, TABLES[table])
    rng = np.random.default_rng(3)
    changed = dataclasses.replace(panel, **{TABLES[table]: values * np.exp(rng.normal(0, 0.5, values.shape))})
    other = feature_table(changed, origins, extended=True)
    for d in BY_NAME.values():
        assert same(whole[d.name], other[d.name]) == (table not in d.needs), d.name


@pytest.mark.parametrize("table", TABLES)
def test_values_are_used_from_their_lag_on_and_not_before(panel, table):
    """Values stamped less than the lag before an instant change nothing; the one stamped at it changes something."""
    as_of = panel.start + pd.Timedelta(days=300, hours=8)
    panel = panel.until(as_of)
    row = len(panel.timestamps) - 1
    known = feature_table(panel, pd.DatetimeIndex([as_of]), extended=True)
    names = [d.name for d in BY_NAME.values() if d.needs == ("bars", table) and d.name in EXTENDED]
    (lag,) = {BY_NAME[name].lag_hours for name in names}

    def differ(rows: slice) -> list[str]:
        values = getattr(panel, TABLES[table]).copy()
        values[rows] *= 1.5
        other = feature_table(dataclasses.replace(panel, **{TABLES[table]: values}), pd.DatetimeIndex([as_of]), True)
        return [name for name in names if not same(known[name], other[name])]

    assert differ(slice(row - lag + 1, None)) == []
    assert len(differ(slice(row - lag, row - lag + 1))) > 0


def test_the_lag_of_a_feature_of_two_tables_is_the_longer_one():
    lag = {d.needs[1]: d.lag_hours for d in BY_NAME.values() if len(d.needs) == 2 and d.name in EXTENDED}
    for d in BY_NAME.values():
        if d.name in EXTENDED:
            assert d.lag_hours == max((lag[table] for table in d.needs[1:]), default=0), d.name
