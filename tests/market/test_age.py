"""Age of a market: what is refused, and what is said."""

import pytest

from levercap.core.errors import DataError
from levercap.market.age import require_age


@pytest.mark.parametrize("hours", [0.0, 1.0, 3.0])
def test_up_to_the_age_allowed_nothing_happens(hours: float) -> None:
    require_age(hours, 3, "bars", "the market ends at noon")


@pytest.mark.parametrize(("hours", "line"), [(3.5, "--max-age 4h"), (4.0, "--max-age 4h"), (168.0, "--max-age 168h")])
def test_older_data_are_refused_with_the_line_to_write(hours: float, line: str) -> None:
    with pytest.raises(DataError, match=f"{hours:g} hours old") as refused:
        require_age(hours, 3, "bars", "the market ends at noon")
    (finding,) = refused.value.findings
    assert (finding.code, finding.where) == ("market_too_old", "bars")
    assert line in finding.hint


def test_no_data_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="no bar is known then"):
        require_age(float("inf"), 10**6, "bars", "the last bar")


def test_data_from_after_the_instant_are_refused() -> None:
    with pytest.raises(DataError, match="2 hours too late") as refused:
        require_age(-2.0, 3, "snapshot", "the snapshot is of noon")
    assert refused.value.findings[0].code == "market_too_new"
