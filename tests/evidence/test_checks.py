"""A check passes within its bounds only, and says all of it."""

import json
import math

from levercap.evidence.checks import Check, failures


def test_bounds_belong_to_what_passes_and_nan_passes_nothing():
    assert [Check("a", "w", value, 1.0, 2.0).passed for value in (0.9, 1.0, 2.0, 2.1, math.nan)] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert Check("a", "w", 5.0).passed
    assert not Check("a", "w", math.nan).passed


def test_the_record_is_strict_json_and_a_failure_names_everything():
    check = Check("ratio", "90 days", 3.0, high=2.0, detail="BTCUSDT")
    assert json.loads(json.dumps(check.as_dict(), allow_nan=False)) == {
        "check": "ratio", "window": "90 days", "detail": "BTCUSDT", "value": 3.0, "low": None, "high": 2.0,
        "verdict": "fail",
    }  # fmt: skip
    assert failures([check, Check("fine", "w", 0.0, high=1.0)]) == [
        "ratio: 3 (BTCUSDT), expected at most 2; judged on 90 days"
    ]
