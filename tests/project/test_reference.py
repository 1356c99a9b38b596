"""Reference pages and the default experiment say what the code says."""

from pathlib import Path

import pytest

from levercap.config import Config, load_config
from levercap.config.reading import read_toml
from support import reference_pages as reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", reference.PAGES)
def test_page_is_up_to_date(name: str) -> None:
    written = (reference.REFERENCE / name).read_text()
    assert written == reference.PAGES[name](), "write it again: python tests/support/reference_pages.py"


def test_default_experiment_states_every_key_with_its_default() -> None:
    path = ROOT / "experiments" / "default.toml"
    assert read_toml(path) == Config().as_dict()
    assert load_config(path, {}) == Config()
