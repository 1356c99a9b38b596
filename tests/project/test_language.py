"""Plain language and small units: words, identifiers, lengths of files and functions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TEXTS = [*SOURCES, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

WORDS = r"\b(nobody|strangers?|taught|culprit|surroundings|the\s+house|by\s+the\s+same\s+road|leans)\b"
IDENTIFIERS = {"said", "blind", "strange", "around", "agree", "realise", "prove"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 45
KERNEL = "kernel.py"
"""Everything that numba compiles into the hot loop is in one file."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Names of variables, attributes, arguments, functions, classes, imports and keywords."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from value.split(".")


@pytest.mark.parametrize("path", TEXTS, ids=relative)
def test_words(path: Path) -> None:
    assert re.findall(WORDS, path.read_text(), flags=re.IGNORECASE) == []


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=relative)
def test_identifiers(path: Path) -> None:
    assert IDENTIFIERS & set(identifiers(ast.parse(path.read_text()))) == set()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((first.end_lineno or 0) - first.lineno + 1)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_lengths(path: Path) -> None:
    text = path.read_text()
    assert path.name == KERNEL or len(text.splitlines()) <= LONGEST_FILE
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f.name for f in functions if length(f) > LONGEST_FUNCTION] == []
