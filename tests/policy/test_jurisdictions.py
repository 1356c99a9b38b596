import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import PolicyConfig
from levercap.policy import Terms, jurisdiction_findings, jurisdiction_terms, place_code
from levercap.policy.countries import COUNTRIES, GROUPS
from support.properties import examples

POLICY = PolicyConfig()
RULES = PolicyConfig(
    jurisdiction_caps={"EU": {"retail": 2.0, "professional": 10.0}, "DE": {"retail": 1.5}, "Moon": {"retail": 4.0}}
)
CODES = [line[:2] for line in COUNTRIES.splitlines()]


def caps(where, who="retail", policy=POLICY):
    return jurisdiction_terms(where, [who] * len(where), policy)[0].tolist()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"), (" de ", "DE"), ("DEU", "DE"), ("Germany", "DE"), ("GB", "GB"), ("UK", "GB"),
        ("United Kingdom", "GB"), ("Great Britain", "GB"), ("EU", "EU"), ("European Union", "EU"),
        ("the european  union", "EU"), ("EEA", "EEA"),
        ("Cote d'Ivoire", "CI"), ("Türkiye", "TR"), ("Trinidad & Tobago", "TT"), ("The Netherlands", "NL"),
        ("GB-SCT", "GB"), ("el", "GR"), ("NA", "NA"), ("Åland Islands", "AX"), ("moon", None),
        ("", None), ("  ", None), ("-", None),
        ("ATLANTIS", None), ("Congo", None), ("Korea", None), ("Europe", None), ("ZZ", None), ("ZZ-1", None),
        ("DE FR", None),
    ],
)  # fmt: skip
def test_codes_and_names(text, code):
    assert place_code(text) == code


def test_entries_of_the_configuration_are_places_too():
    assert place_code("MOON ", ["Moon"]) == "Moon"
    assert place_code("", ["***"]) is None


def test_retail_in_the_european_economic_area_and_in_britain_gets_two():
    members = [*sorted(GROUPS["EEA"]), "EU", "EEA", "European Union", "GB", "UK", "United Kingdom", "Germany", "FRA"]
    assert set(caps(members)) == {2.0}
    assert set(caps(members, "professional")) == {np.inf}
    assert set(caps(["SG", "CH", "US", "Japan", "AE"])) == {np.inf}


def test_only_members_and_britain_are_capped_of_all_countries():
    capped = {code for code, cap in zip(CODES, caps(CODES), strict=True) if cap < np.inf}
    assert capped == GROUPS["EEA"] | {"GB"}


def test_the_smallest_of_all_entries_that_share_a_country_counts():
    assert caps(["DE", "FR", "EU", "EEA", "Moon", "CH"], policy=RULES) == [1.5, 2.0, 1.5, 1.5, 4.0, np.inf]
    assert caps(["DE", "CH"], "professional", RULES) == [10.0, np.inf]


def test_an_unknown_segment_gets_the_lowest_of_each_entry():
    assert caps(["DE", "Moon", "CH"], "whale", RULES) == [1.5, 4.0, np.inf]
    assert jurisdiction_terms(["FR"], [None], RULES)[0].tolist() == [2.0]


@pytest.mark.parametrize("value", ["", " ", None, float("nan"), "ATLANTIS", 276, ["DE"], "none"])
def test_an_unknown_or_missing_jurisdiction_gets_the_strictest(value):
    cap, unknown = jurisdiction_terms([value] * 3, ["retail", "professional", "institutional"], RULES)
    assert cap.tolist() == [1.5, 10.0, np.inf]
    assert unknown.all()


def test_unknown_can_be_set_to_no_cap_and_stays_marked():
    lax = PolicyConfig(unknown_jurisdiction="none")
    cap, unknown = jurisdiction_terms(["ATLANTIS", "DE"], ["retail"] * 2, lax)
    assert (cap.tolist(), unknown.tolist()) == ([np.inf, 2.0], [True, False])


@pytest.mark.parametrize(
    ("default", "cap", "unknown"),
    [("none", np.inf, False), ("", np.inf, False), ("EEA", 2.0, False), ("SG", np.inf, False), ("Atlantis", 2.0, True)],
)
def test_default_of_a_book_without_the_column(default, cap, unknown):
    terms = Terms.of(["retail"] * 2, None, PolicyConfig(default_jurisdiction=default))
    assert terms.jurisdiction.tolist() == [cap] * 2
    assert terms.jurisdiction_unknown.tolist() == [unknown] * 2


def test_no_account():
    assert len(jurisdiction_terms([], [], POLICY)[0]) == len(jurisdiction_terms(None, [], POLICY)[1]) == 0


@examples(50)
@given(st.text(max_size=12) | st.sampled_from(CODES), st.sampled_from(["retail", "professional", "whale"]))
def test_nothing_is_milder_than_not_knowing_unless_it_is_a_place(text, segment):
    cap, unknown = jurisdiction_terms([text, None], [segment] * 2, POLICY)
    assert cap[0] >= cap[1]
    assert unknown[0] == (place_code(text) is None)
    assert cap[0] == cap[1] or not unknown[0]


def frame(*values):
    return pd.DataFrame({"account_id": [f"a{i}" for i in range(len(values))], "jurisdiction": [*values]})


def test_findings_name_values_and_accounts():
    (found,) = jurisdiction_findings(frame("DE", "ATLANTIS", "", "ATLANTIS", None, "\x1b[2Jx"), POLICY)
    assert (found.code, found.count, found.where) == ("jurisdiction_unknown", 5, "accounts: jurisdiction")
    assert "strictest" in found.message
    assert found.examples == (
        "jurisdiction 'ATLANTIS', 2 accounts, first account_id=a1",
        "jurisdiction '', 2 accounts, first account_id=a2",
        r"jurisdiction '\x1b[2Jx', 1 accounts, first account_id=a5",
    )
    assert "no cap" in jurisdiction_findings(frame("x"), PolicyConfig(unknown_jurisdiction="none"))[0].message
    assert jurisdiction_findings(frame("DE", "uk", "SG"), POLICY) == ()


def test_findings_of_a_book_without_the_column():
    book = frame("DE", "FR").drop(columns="jurisdiction")
    (found,) = jurisdiction_findings(book, POLICY)
    assert (found.code, found.count) == ("jurisdiction_missing", 2)
    assert "no cap" in found.message
    (found,) = jurisdiction_findings(book, PolicyConfig(default_jurisdiction="EEA"))
    assert "EEA holds" in found.message
    wrong = jurisdiction_findings(book, PolicyConfig(default_jurisdiction="Atlantis"))
    assert [one.code for one in wrong] == ["jurisdiction_missing", "jurisdiction_unknown"]
    assert "strictest" in wrong[1].message
