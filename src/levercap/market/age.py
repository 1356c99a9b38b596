"""Age of a market: how long before an instant its last bar closed, and when that is too long."""

from __future__ import annotations

import math

from levercap.core.errors import DataError, Finding, Severity

__all__ = ["require_age"]


def require_age(hours: float, max_age_hours: int, where: str, what: str) -> None:
    """Raise DataError when data are more than `max_age_hours` old; exactly as old still counts.

    `what` says which data, for the message; an infinite age means that there are none. Data from after the instant, of
    a negative age, are too new.
    """
    if 0 <= hours <= max_age_hours:
        return
    if math.isinf(hours):
        message, hint = f"{what}: no bar is known then", "an instant after the start of the market"
    elif hours < 0:
        message = f"{what}: {-hours:g} hours too late"
        hint = "an instant that is not earlier, or a snapshot made then"
    else:
        message = f"{what}: {hours:g} hours old, at most {max_age_hours} are allowed"
        hint = (
            f"data up to then; or --max-age {int(-(-hours // 1))}h to hold the limits in force; or --as-of end, to "
            "score the past"
        )
    finding = Finding("market_too_old" if hours > 0 else "market_too_new", Severity.FATAL, where, message, hint=hint)
    raise DataError("no limits were computed: those in force stay", [finding])
