"""Names in the text of a finding."""

from levercap.model.listing import EXAMPLES, listed


def test_the_first_names_and_how_many_more():
    names = [f"S{k}" for k in range(EXAMPLES + 2)]
    assert listed(names[:2]) == "S0, S1"
    assert listed(names[:EXAMPLES]) == ", ".join(names[:EXAMPLES])
    assert listed(names) == f"{', '.join(names[:EXAMPLES])} and 2 more"
    assert listed([]) == ""
