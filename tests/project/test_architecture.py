"""The picture of the architecture says what the import contracts and the folders say."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "levercap"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def contract_layers() -> list[set[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [set(layer.split(" | ")) for layer in layers]


def test_the_picture_is_the_contract():
    picture = re.search(r"```\n(.*?)```", PAGE, flags=re.DOTALL)
    assert picture is not None
    assert [set(line.split(" | ")) for line in picture[1].strip().split("\n")] == contract_layers()


def test_every_package_is_in_a_layer_and_in_the_table():
    assert set().union(*contract_layers()) == FOLDERS
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) == FOLDERS


def test_directly_under_the_package_there_are_folders_and_little_else():
    names = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert names - FOLDERS == {"__init__.py", "__main__.py", "py.typed"}
    assert len(names) <= 24


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "decisions"
    index = set(re.findall(r"\]\((\w+\.md)\)", (folder / "README.md").read_text()))
    assert index == {path.name for path in folder.glob("*.md")} - {"README.md"}


def test_tests_mirror_the_package():
    """Every folder of tests is one of the package, down to its subfolders; that of the project apart."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    assert all((PACKAGE / folder).is_dir() for folder in folders if folder.parts[0] != "project"), folders
    assert {folder.parts[0] for folder in folders} >= FOLDERS
