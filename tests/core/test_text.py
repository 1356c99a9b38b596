import unicodedata

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.text import LONGEST, escaped, escaped_lines, is_missing, shortened, text_of


def test_control_characters_and_surrogates_are_written_out():
    assert escaped("a\x1b[2J\n\x00b") == r"a\x1b[2J\n\x00b"
    assert escaped("x\ud800y") == r"x\ud800y"
    assert escaped("\u202eabc\u2028") == r"\u202eabc\u2028"
    assert escaped("Zürich 取引所") == "Zürich 取引所"


def test_long_texts_are_cut():
    assert shortened("9" * (LONGEST + 1234)) == "9" * LONGEST + "... (1,234 more characters)"
    assert shortened("9" * LONGEST) == "9" * LONGEST


@given(st.text(st.characters(exclude_categories=())))
def test_what_comes_out_can_be_encoded_and_moves_no_cursor(text):
    out = escaped(text)
    out.encode("utf-8")
    assert not {unicodedata.category(c) for c in out} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert escaped(out) == out


def test_line_ends_stay_where_lines_are_meant():
    assert escaped_lines("a\x1b\nb\r") == "a\\x1b\nb\\r"


def test_any_value_has_a_text():
    class Unwritable:
        def __str__(self):
            raise ZeroDivisionError

    assert [text_of(x) for x in (None, float("nan"), pd.NA, pd.NaT, np.nan)] == [""] * 5
    assert text_of(10**400) == "1" + "0" * 400
    assert text_of(10**5000) == "(int without text)"
    assert text_of(Unwritable()) == "(Unwritable without text)"
    assert text_of("a\ud800") == r"a\ud800"
    assert [text_of(x) for x in (7, 1.5, True, [1])] == ["7", "1.5", "True", "[1]"]
    assert not is_missing("")
    assert not is_missing([float("nan")])
