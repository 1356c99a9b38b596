"""The sources keep to plain terms and to the sizes that CONTRIBUTING states."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TEXTS = [*SOURCES, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
WORDS = re.compile(
    r"\b(nobody|strangers?|taught|culprit|surroundings|the house|by the same road|leans)\b", flags=re.IGNORECASE
)
IDENTIFIERS = {"said", "blind", "strange", "around", "agree", "realise", "prove"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 45
KERNEL = ROOT / "src" / "levercap" / "risk" / "kernel.py"


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name) | ast.Name(id=name):
                yield name
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield name


def lines_of_body(function: ast.FunctionDef) -> int:
    """Lines of a function after its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_words_are_found_where_they_stand() -> None:
    assert WORDS.search("Nobody knows") is not None
    assert WORDS.search("cleans") is None
    assert set(identifiers(ast.parse("def said(blind): around.agree = prove(realise=1)"))) >= IDENTIFIERS - {"strange"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_use_terms_of_the_field(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if WORDS.search(line)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_and_sizes(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert set(identifiers(tree)) & IDENTIFIERS == set()
    assert path == KERNEL or text.count("\n") <= LONGEST_FILE
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [f"{f.name}: {n}" for f in functions if (n := lines_of_body(f)) > LONGEST_FUNCTION] == []
