import re

from levercap.policy.countries import ALIASES, COUNTRIES, GROUPS

LINES = COUNTRIES.splitlines()
CODES = [line[:2] for line in LINES]


def test_every_country_of_iso_3166_is_there_once():
    assert len(CODES) == len(set(CODES)) == 249
    assert sorted(CODES) == CODES
    assert all(re.fullmatch(r"[A-Z]{2} [A-Z]{3} \S.*", line) for line in LINES)
    assert len({line[3:6] for line in LINES}) == 249


def test_no_name_belongs_to_two_countries():
    names = [name.strip().casefold() for line in LINES for name in line[7:].split(";")]
    assert len(names) == len(set(names))


def test_members_of_the_groups():
    parts = {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}
    assert len(GROUPS["EU"] - parts) == 27
    assert GROUPS["EEA"] - GROUPS["EU"] == {"IS", "LI", "NO"}
    assert {"DE", "FR", "IE", "HR"} < GROUPS["EU"]
    assert not GROUPS["EEA"] & {"GB", "CH", "TR", "UA"}
    assert GROUPS["EEA"] <= set(CODES)


def test_aliases_lead_to_countries_or_groups():
    assert set(ALIASES.values()) <= {*CODES, *GROUPS, "XK"}
